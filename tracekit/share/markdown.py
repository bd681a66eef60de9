"""A run as Markdown for a pull request: the totals, the agents as a table, the findings and the tree."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice

from tracekit.analysis.agent_totals import AgentRow, agent_rows
from tracekit.analysis.timing.path_line import path_line
from tracekit.formatting import format_count, format_duration, format_money, format_number, format_price, format_status
from tracekit.model.finding import Finding, likely_of
from tracekit.model.text import printable
from tracekit.model.tree import RunTree, Tokens
from tracekit.share.rows import rows_of

__all__ = ["markdown"]

_MOST_ROWS = 200
_MOST_AGENTS = 30
_MOST_EVIDENCE = 6
_LONGEST_NAME = 80
_SPECIAL = re.compile(r"([\\*_\[\]<>#|~&$])")
_LINKED = re.compile(r"(@|#|://|\bwww)")


def markdown(run: RunTree, findings: Sequence[Finding]) -> str:
    """Return the summary of `run`, in which no name and no text is markup, a mention or a link."""
    likely = likely_of(findings)
    lines = [f"### {code_span(run.name)}", "", _plain(_facts(run)), ""]
    path = path_line(run, findings)
    lines += [_plain(path), ""] if path else []
    lines += [*_agents(run), ""]
    if likely:
        lines += [f"#### {format_count(len(likely), 'finding')}", "", *_findings(likely), ""]
    lines += ["<details><summary>Tree</summary>", "", *_fenced(list(_tree(run, findings))), "", "</details>"]
    return "\n".join(lines) + "\n"


def _facts(run: RunTree) -> str:
    root = run.root
    status = format_status(run.status, run.replay, is_replay=run.replay_of is not None)
    facts = [status, format_duration(run.last_ns - root.start_ns)]
    facts += [format_count(run.count("agent"), "agent"), format_count(run.count("llm"), "call")]
    facts += [format_count(root.retries, "retry", "retries")] if root.retries else []
    facts += [f"{_tokens(root.tokens)} tokens"]
    if root.cost_usd is not None:
        facts += [format_price(root.cost_usd, complete=root.cost_complete, is_replay=run.replay_of is not None)]
    return " · ".join([*facts, f"run {run.id[:8]}"])


def _tokens(tokens: Tokens) -> str:
    return f"{format_number(tokens.input)} → {format_number(tokens.output)}"


def _agents(run: RunTree) -> Iterator[str]:
    rows = sorted(
        (row for row in agent_rows(run, run.last_ns) if row.kind == "agent"), key=lambda row: (-row.time_ns, row.name)
    )
    if not rows:
        return
    yield "| agent | runs | calls | time | critical path | tokens | cost | retries |"
    yield "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
    for row in rows[:_MOST_AGENTS]:
        yield f"| {' | '.join(_cells(row))} |"
    if len(rows) > _MOST_AGENTS:
        yield ""
        yield f"and {len(rows) - _MOST_AGENTS} more agents"


def _cells(row: AgentRow) -> Iterator[str]:
    yield code_span(row.name).replace("|", "\\|")
    yield str(len(row.ids))
    yield str(row.calls)
    yield format_duration(row.time_ns)
    yield f"{row.path:.0%}"
    yield _tokens(row.tokens)
    yield _plain(format_money(row.cost_usd, complete=row.cost_complete))
    yield str(row.retries)


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    for finding in findings:
        saved = [format_duration(int(finding.saved_ms * 1e6))] if finding.saved_ms is not None else []
        saved += [_plain(format_money(finding.saved_usd))] if finding.saved_usd else []
        saves = f", saves {' and '.join(saved)}" if saved else ""
        yield f"- **{finding.code}** {finding.rule} ({finding.confidence}{saves}): {_prose(finding.message)}"
        for evidence in finding.evidence[:_MOST_EVIDENCE]:
            yield f"  - {_prose(evidence)}"
        if len(finding.evidence) > _MOST_EVIDENCE:
            yield f"  - and {len(finding.evidence) - _MOST_EVIDENCE} more"
        yield f"  - → {_prose(finding.remedy)}"


def _tree(run: RunTree, findings: Sequence[Finding]) -> Iterator[str]:
    rows = list(islice(rows_of(run, findings), _MOST_ROWS + 1))
    for row in rows[:_MOST_ROWS]:
        parts = [row.title, row.aside, row.trouble, " ".join(row.codes)]
        took = format_duration(row.node.duration_ns(run.last_ns))
        yield f"{'  ' * row.depth}{'  '.join(part for part in parts if part)}  {took}"
    if len(rows) > _MOST_ROWS:
        yield f"and more than these {_MOST_ROWS} rows"


def code_span(text: str) -> str:
    """Return `text` as code within a line, whatever backticks it has."""
    shown = printable(text, most=_LONGEST_NAME) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    space = " " if len(ticks) > 1 or shown.startswith("`") or shown.endswith("`") else ""
    return f"{ticks}{space}{shown}{space}{ticks}"


def _prose(text: str) -> str:
    """Return a sentence in which only what stands between backticks is code."""
    parts = printable(text).split("`")
    if len(parts) % 2 == 0:
        return _plain("`".join(parts))
    return "".join(code_span(part) if number % 2 else _plain(part) for number, part in enumerate(parts))


def _plain(text: str) -> str:
    """Escape `text`: no markup, and with comments inserted no mention and no link."""
    escaped = _SPECIAL.sub(r"\\\1", text).replace("`", "\\`")
    return _LINKED.sub(r"\1<!-- -->", escaped)


def _fenced(lines: Sequence[str]) -> list[str]:
    ticks = "`" * max(3, 1 + max((len(run) for line in lines for run in re.findall("`+", line)), default=0))
    return [f"{ticks}text", *lines, ticks]
