"""One run as a tree with time bars: a line a node, cut to the width, the same lines in a pipe without colours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from rich.cells import cell_len
from rich.text import Text

from tracekit import semconv
from tracekit.cli.render.console import console
from tracekit.cli.render.shares import path_line
from tracekit.cli.shape import codes_by_span
from tracekit.formatting import format_count, format_duration, format_money, format_number, format_output, is_unicode
from tracekit.model.finding import Finding, is_at_least
from tracekit.model.text import printable
from tracekit.model.tree import Node, RunTree
from tracekit.model.unrecorded import in_words, misses_of

__all__ = ["print_head", "print_tree"]

_STYLE = {
    "run": "bold",
    "agent": "bold cyan",
    "turn": "dim",
    "llm": "",
    "attempt": "dim",
    "tool": "magenta",
    "span": "dim italic",
}
_BAR_STYLE = {"llm": "green", "attempt": "yellow", "tool": "magenta", "agent": "cyan"}
_LEAST_BAR, _MOST_BAR, _LEAST_LABEL, _COST_FROM_WIDTH = 12, 60, 16, 96


@dataclass(frozen=True, slots=True)
class _Marks:
    """The characters of the drawing, for terminals with and without Unicode."""

    branch: str
    last: str
    line: str
    bar: str
    thin: str
    open: str
    arrow: str
    dot: str
    cross: str
    at_most: str
    flag: str


_UNICODE = _Marks("├─ ", "└─ ", "│  ", "━", "─", "▸", "→", "·", "✗", "≤ ", "⚑")
_ASCII = _Marks("|- ", "`- ", "|  ", "=", "-", ">", "->", "|", "x", "<", "!")
_INFERRED = "~"


@dataclass(frozen=True, slots=True)
class _Row:
    prefix: str
    node: Node
    number: int
    codes: tuple[str, ...]


def print_tree(run: RunTree, findings: Sequence[Finding] = (), *, all_attempts: bool = False) -> None:
    """Print `run`: lines about the whole, a line a node, and a line on the marks that were used.

    The works that `findings` are about bear their codes; those that are merely possible are left to `tracekit check`.
    """
    out, marks = console(), _UNICODE if is_unicode() else _ASCII
    grave = [finding for finding in findings if is_at_least(finding.confidence, "likely")]
    codes = _codes(run, grave)
    width = out.width
    rows = [_Row(*row, tuple(codes.get(row[1].id, ()))) for row in _rows(run.root, marks, all_attempts, width)]
    print_head(run, findings)
    columns = _columns(rows, run, marks, width)
    facts_width = sum(column.width + 2 for column in columns)
    longest = max(cell_len(row.prefix) + cell_len(_label(row, marks).plain) for row in rows)
    free = width - facts_width - 2
    bar_width = min(_MOST_BAR, max(_LEAST_BAR, free - longest))
    label_width = max(_LEAST_LABEL, min(free - bar_width, longest))
    header = " " * label_width + "".join(f"  {column.name:>{column.width}}" for column in columns)
    out.print(Text(header, style="dim"), no_wrap=True, overflow="crop", crop=True)
    for number, row in enumerate(rows):
        line = _fit(Text(row.prefix, style="dim") + _label(row, marks), label_width)
        for column in columns:
            line.append(f"  {column.cells[number]:>{column.width}}", style=column.style)
        line.append("  ")
        line.append_text(_bar(row.node, run, bar_width, marks))
        line.rstrip()
        out.print(line, no_wrap=True, overflow="crop", crop=True)
    missed = in_words(misses_of(run.unrecorded))
    if missed:
        out.print(Text(f"partial: {printable(missed)}, and that is not recorded", style="yellow"))
    legend = _legend(run, grave, marks)
    if legend:
        out.print(Text(legend, style="dim"))


def print_head(run: RunTree, findings: Sequence[Finding]) -> None:
    """Print a line about `run` as a whole, and one about its critical path."""
    out, marks = console(), _UNICODE if is_unicode() else _ASCII
    grave = [finding for finding in findings if is_at_least(finding.confidence, "likely")]
    out.print(_title(run, grave, marks), no_wrap=True, overflow="ellipsis", crop=True)
    path = path_line(run, findings)
    if path:
        out.print(Text(path), no_wrap=True, overflow="ellipsis", crop=True)


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(root: Node, marks: _Marks, all_attempts: bool, width: int) -> Iterator[tuple[str, Node, int]]:
    """Each node with what is drawn before it, as far as a line reaches, and its number among the turns beside it."""
    stack = [("", "", root, 1)]
    while stack:
        prefix, below, node, number = stack.pop()
        yield prefix, node, number
        children = [child for child in node.children if all_attempts or _is_told(child, node)]
        turns = list(accumulate(int(child.kind == "turn") for child in children))
        for index, child in reversed(list(enumerate(children))):
            is_last = index == len(children) - 1
            branch, line = (marks.last, "   ") if is_last else (marks.branch, marks.line)
            stack.append(((below + branch)[:width], (below + line)[:width], child, turns[index]))


def _is_told(node: Node, parent: Node) -> bool:
    """An attempt is worth a line where its call had more than one, or where it failed."""
    return node.kind != "attempt" or len(parent.children) > 1 or node.status != "ok"


def _codes(run: RunTree, findings: Sequence[Finding]) -> dict[str, list[str]]:
    """The codes that each node bears: those of findings about it, but not where a node above it has the same."""
    found = codes_by_span(findings)
    shown: dict[str, list[str]] = {}
    stack: list[tuple[Node, frozenset[str]]] = [(run.root, frozenset())]
    while stack:
        node, above = stack.pop()
        own = [code for code in found.get(node.id, ()) if code not in above]
        shown[node.id] = own
        stack.extend((child, above | set(own)) for child in node.children)
    return shown


def _title(run: RunTree, findings: Sequence[Finding], marks: _Marks) -> Text:
    facts = [
        f"run {run.id[:8]}",
        run.status,
        format_duration(run.last_ns - run.root.start_ns),
        format_count(run.count("agent"), "agent"),
        format_count(run.count("llm"), "call"),
    ]
    if run.root.retries:
        facts.append(format_count(run.root.retries, "retry", "retries"))
    if findings:
        facts.append(format_count(len(findings), "finding"))
    facts.append(f"{_tokens(run.root, marks) or 0} tokens")
    if run.root.cost_usd is not None:
        facts.append(format_money(run.root.cost_usd, complete=run.root.cost_complete))
    return Text(printable(run.name, most=60), style="bold") + Text(
        "  " + f" {marks.dot} ".join(facts), style="not bold"
    )


def _label(row: _Row, marks: _Marks) -> Text:
    node = row.node
    name = {
        "agent": f"{node.agent}",
        "turn": f"turn {row.number}",
        "tool": str(node.attributes.get(semconv.TOOL_NAME, node.name)),
        "attempt": _attempt_label(node),
        "llm": node.model or node.name,
    }.get(node.kind, node.name)
    text = Text(f"{_INFERRED} " if node.inferred else "", style="dim")
    if node.kind in ("agent", "tool", "llm", "span"):
        text.append(f"{node.kind} ", style="dim")
    text.append(printable(name, most=200), style=_STYLE[node.kind])
    if node.retries and node.kind == "llm":
        text.append(f" {format_count(node.retries, 'retry', 'retries')}", style="yellow")
    if node.attributes.get(semconv.SYNC_IN_EVENT_LOOP):
        text.append(" blocks the event loop", style="yellow")
    text.append_text(_standing(node, marks))
    if row.codes:
        text.append(f" {marks.flag} {' '.join(row.codes)}", style="bold yellow")
    return text


def _attempt_label(node: Node) -> str:
    status = node.attributes.get(semconv.HTTP_STATUS)
    wait = node.attributes.get(semconv.WAIT_MS)
    waited = f", after {format_duration(round(wait * 1e6))}" if isinstance(wait, (int, float)) else ""
    return f"attempt {status or ''}".rstrip() + waited


def _standing(node: Node, marks: _Marks) -> Text:
    outcome = node.attributes.get(semconv.OUTCOME)
    if node.status == "error":
        why = node.failure.type if node.failure is not None else "error"
        told = node.failure.message if node.failure is not None and node.kind == "attempt" else ""
        return Text(
            f" {marks.cross} {printable(why, most=60)}{' ' + printable(told, most=60) if told else ''}", style="red"
        )
    if node.status in ("open", "interrupted"):
        return Text(f" {node.status}", style="cyan" if node.status == "open" else "yellow")
    if outcome and node.kind in ("llm", "attempt"):
        return Text(f" {outcome}", style="yellow")
    return Text()


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    cells: list[str]
    style: str = ""
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", max(len(self.name), *(cell_len(cell) for cell in self.cells)))


def _columns(rows: list[_Row], run: RunTree, marks: _Marks, width: int) -> list[_Column]:
    """The facts beside the tree. Costs have a column where something was paid and the tree keeps room enough."""
    columns = [
        _Column("TOKENS", [_tokens(row.node, marks) for row in rows]),
        _Column("TIME", [_time(row.node, run, marks) for row in rows]),
    ]
    if run.root.cost_usd is not None and width >= _COST_FROM_WIDTH:
        costs = [format_money(row.node.cost_usd, complete=row.node.cost_complete) for row in rows]
        columns.insert(1, _Column("COST", costs, "dim"))
    return columns


def _tokens(node: Node, marks: _Marks) -> str:
    if node.kind == "attempt" or not (node.tokens.input or node.tokens.output):
        return ""
    output = format_output(node.tokens.output, is_partial=node.tokens.is_partial)
    return f"{format_number(node.tokens.input)} {marks.arrow} {output}"


def _time(node: Node, run: RunTree, marks: _Marks) -> str:
    bounds = node.attributes.get(semconv.INFERRED_BOUNDS)
    return (marks.at_most if bounds else "") + format_duration(node.duration_ns(run.last_ns))


def _bar(node: Node, run: RunTree, width: int, marks: _Marks) -> Text:
    """The node's part of the run's time; what is open runs into an arrow."""
    start, whole = run.root.start_ns, max(1, run.last_ns - run.root.start_ns)
    left = min(width - 1, max(0, (node.start_ns - start) * width // whole))
    end = node.end_ns if node.end_ns is not None else run.last_ns
    right = min(width, max(left + 1, -(-(end - start) * width // whole)))
    mark = marks.bar if node.kind in ("llm", "attempt") else marks.thin
    drawn = mark * (right - left)
    if node.end_ns is None:
        drawn = drawn[:-1] + marks.open
    return Text(" " * left) + Text(drawn, style="red" if node.status == "error" else _BAR_STYLE.get(node.kind, "dim"))


def _fit(text: Text, width: int) -> Text:
    """`text` cut or filled to `width` cells."""
    if cell_len(text.plain) > width:
        text.truncate(width, overflow="ellipsis")
    text.pad_right(max(0, width - cell_len(text.plain)))
    return text


def _legend(run: RunTree, findings: Sequence[Finding], marks: _Marks) -> str:
    nodes = list(run.root.walk())
    parts = []
    if any(node.inferred for node in nodes):
        parts.append(f"{_INFERRED} inferred from what was asked and answered")
    if any(node.attributes.get(semconv.INFERRED_BOUNDS) for node in nodes):
        parts.append(f"{marks.at_most.strip()} ran at some time within")
    if any(node.status == "interrupted" for node in nodes):
        parts.append("interrupted: the process ended before this did")
    if findings:
        parts.append(f"{marks.flag} found by `tracekit check {run.id[:8]}`")
    return "   ".join(parts)
