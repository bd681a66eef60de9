"""Draw one run as a tree with time bars, a line a node, cut to the width."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from rich.cells import cell_len
from rich.text import Text

from tracekit import semconv
from tracekit.analysis.alike import AlikeNodes, chain_of, failed_in, grouped
from tracekit.analysis.compact import short_model, summary_of_group, telling_argument
from tracekit.analysis.timing.path_line import path_line
from tracekit.cli.render.console import console
from tracekit.formatting import (
    format_count,
    format_duration,
    format_money,
    format_number,
    format_output,
    format_price,
    format_status,
    is_unicode,
)
from tracekit.model.finding import Finding, codes_by_span, likely_of
from tracekit.model.text import printable
from tracekit.model.tree import Node, RunTree, first_work_ns
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
_LEAST_BAR, _LEAST_LABEL, _TOKENS_FROM_WIDTH = 12, 16, 96


@dataclass(frozen=True, slots=True)
class _Marks:
    """The characters of the drawing, for terminals with and without Unicode."""

    branch: str
    last: str
    line: str
    bar: str
    thin: str
    open: str
    cut: str
    arrow: str
    times: str
    dot: str
    cross: str
    at_most: str
    flag: str


_UNICODE = _Marks("├─ ", "└─ ", "│  ", "━", "─", "▸", "×", "→", "×", "·", "✗", "≤ ", "⚑")
_ASCII = _Marks("|- ", "`- ", "|  ", "=", "-", ">", "x", "->", "x", "|", "x", "<", "!")
_INFERRED = "~"
_MOST_ARGUMENT = 40
_LEAST_NOTED_NS = 10_000_000


@dataclass(frozen=True, slots=True)
class _Row:
    """A line: its prefix, its nodes (several for a chain), its number among the turns `beside` it."""

    prefix: str
    nodes: tuple[Node, ...]
    number: int
    beside: tuple[Node, ...]
    codes: tuple[str, ...]

    @property
    def node(self) -> Node:
        """The first node, whose times and totals the line shows."""
        return self.nodes[0]

    @property
    def call(self) -> Node | None:
        """The call at the end of a chain."""
        return self.nodes[-1] if self.nodes[-1].kind == "llm" else None


def print_tree(
    run: RunTree, findings: Sequence[Finding] = (), *, all_attempts: bool = False, full: bool = False
) -> None:
    """Print `run`: lines about the whole, the tree, and a line on the marks that were used.

    A chain that leads to one call, and many children that are alike, have one line each; with `full`, one for each node.
    The works that `findings` are about bear their codes; those that are merely possible are left to `tracekit check`.
    """
    out, marks = console(), _UNICODE if is_unicode() else _ASCII
    likely = likely_of(findings)
    codes = _codes(run, likely)
    width = out.width
    rows = [
        _Row(prefix, nodes, number, beside, _codes_of(nodes, codes))
        for prefix, nodes, number, beside in _rows(run.root, marks, width, all_attempts=all_attempts, full=full)
    ]
    print_head(run, findings)
    columns = _columns(rows, run, marks, width)
    facts_width = sum(column.width + 2 for column in columns)
    span = _span(run)
    note = _outside(run, span)
    longest = max(cell_len(note), *(cell_len(row.prefix) + cell_len(_label(row, marks).plain) for row in rows))
    free = width - facts_width - 2
    bar_width = max(_LEAST_BAR, free // 2, min(width // 2, free - longest))
    label_width = max(_LEAST_LABEL, min(free - bar_width, longest))
    header = _fit(Text(note), label_width).plain + "".join(f"  {column.name:>{column.width}}" for column in columns)
    out.print(Text(header, style="dim"), no_wrap=True, overflow="crop", crop=True)
    for number, row in enumerate(rows):
        line = _fit(Text(row.prefix, style="dim") + _label(row, marks), label_width)
        for column in columns:
            line.append(f"  {column.cells[number]:>{column.width}}", style=column.style)
        line.append("  ")
        line.append_text(_bar(row, run, span, bar_width, marks))
        line.rstrip()
        out.print(line, no_wrap=True, overflow="crop", crop=True)
    missed = in_words(misses_of(run.unrecorded))
    if missed:
        out.print(Text(f"partial: {printable(missed)}, which is not recorded", style="yellow"))
    legend = _legend(run, likely, marks)
    if legend:
        out.print(Text(legend, style="dim"))


def print_head(run: RunTree, findings: Sequence[Finding]) -> None:
    """Print a line about `run` as a whole, and one about its critical path."""
    out, marks = console(), _UNICODE if is_unicode() else _ASCII
    likely = likely_of(findings)
    out.print(_title(run, likely, marks))
    path = path_line(run, findings)
    if path:
        out.print(Text(path))


# ── rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rows(
    root: Node, marks: _Marks, width: int, *, all_attempts: bool, full: bool
) -> Iterator[tuple[str, tuple[Node, ...], int, tuple[Node, ...]]]:
    """Yield the nodes of each line with its prefix, as far as a line reaches, and its siblings."""
    stack: list[tuple[str, str, Node, int, tuple[Node, ...]]] = [("", "", root, 1, ())]
    while stack:
        prefix, below, node, number, beside = stack.pop()
        nodes = (node,) if full or node is root else chain_of(node)
        yield prefix, nodes, number, beside
        children = _children(nodes[-1], all_attempts=all_attempts, full=full)
        turns = list(accumulate(int(child.kind == "turn") for child in children))
        for index, child in reversed(list(enumerate(children))):
            is_last = index == len(children) - 1
            branch, line = (marks.last, "   ") if is_last else (marks.branch, marks.line)
            stack.append(((below + branch)[:width], (below + line)[:width], child, turns[index], children))


def _children(node: Node, *, all_attempts: bool, full: bool) -> tuple[Node, ...]:
    """Return the nodes with lines of their own below `node`; attempts are in the call's bar by default."""
    if full or all_attempts:
        children = tuple(child for child in node.children if all_attempts or _is_told(child, node))
    else:
        children = tuple(child for child in node.children if child.kind != "attempt")
    return () if isinstance(node, AlikeNodes) else children if full else grouped(children)


def _codes_of(nodes: Sequence[Node], codes: Mapping[str, list[str]]) -> tuple[str, ...]:
    members = [each for node in nodes for each in ((node, *node.children) if isinstance(node, AlikeNodes) else (node,))]
    return tuple(dict.fromkeys(code for each in members for code in codes.get(each.id, ())))


def _is_told(node: Node, parent: Node) -> bool:
    """Return whether `node` gets a line: an attempt only if its call had several, or if it failed."""
    return node.kind != "attempt" or len(parent.children) > 1 or node.status != "ok"


def _codes(run: RunTree, findings: Sequence[Finding]) -> dict[str, list[str]]:
    """Return the codes of findings about each node, without those that a node above it has."""
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
        format_status(run.status, run.replay, is_replay=run.replay_of is not None),
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
        cost = run.root.cost_usd
        facts.append(format_price(cost, complete=run.root.cost_complete, is_replay=run.replay_of is not None))
    return Text(printable(run.name, most=60), style="bold") + Text(
        "  " + f" {marks.dot} ".join(facts), style="not bold"
    )


def _label(row: _Row, marks: _Marks) -> Text:
    node = next((node for node in row.nodes if node.kind == "agent"), row.node)
    name = {
        "agent": f"{node.agent}",
        "turn": f"turn {row.number}",
        "tool": str(node.attributes.get(semconv.TOOL_NAME, node.name)),
        "attempt": _attempt_label(node),
        "llm": node.model or node.name,
    }.get(node.kind, node.name)
    text = Text(f"{_INFERRED} " if row.node.inferred else "", style="dim")
    if node.kind in ("agent", "tool", "llm", "span") and len(row.nodes) == 1:
        text.append(f"{node.kind} ", style="dim")
    text.append(printable(name, most=200), style=_STYLE[node.kind])
    text.append_text(_remarks(row, marks))
    if row.codes:
        text.append(f" {marks.flag} {' '.join(row.codes)}", style="bold yellow")
    for aside in _asides(row, marks):
        text.append(f" {aside}", style="dim")
    if any(each.attributes.get(semconv.SYNC_IN_EVENT_LOOP) for each in row.nodes):
        text.append(" blocks the event loop", style="yellow")
    return text


def _asides(row: _Row, marks: _Marks) -> Iterator[str]:
    """Yield what a row of several nodes shows beside the name."""
    node = row.node
    if isinstance(node, AlikeNodes):
        times = summary_of_group(node, node.end_ns or node.start_ns)
        yield f"{marks.times} {len(node.children)}  {f' {marks.dot} '.join(times)}"
    elif len(row.nodes) > 1:
        facts = [printable(telling_argument(node, row.beside), most=_MOST_ARGUMENT) if node.kind == "tool" else ""]
        facts.append(short_model(row.call) if row.call is not None else "")
        parts = [part for part in facts if part]
        if parts:
            yield f" {marks.dot} ".join(parts)


def _remarks(row: _Row, marks: _Marks) -> Text:
    """Retries, failures and outcomes of all nodes of a row, each once, the innermost first."""
    if isinstance(row.node, AlikeNodes) and failed_in(row.node):
        return Text(f" {marks.cross} {failed_in(row.node)} failed", style="red")
    text, known = Text(), set[str]()
    for node in reversed(row.nodes):
        parts = []
        if node.retries and node.kind == "llm":
            parts.append(Text(f" {format_count(node.retries, 'retry', 'retries')}", style="yellow"))
        standing = _standing(node, marks)
        if node.status != "error" or "error" not in known:
            parts.append(standing)
        known.add(node.status)
        for part in parts:
            if part.plain not in known:
                known.add(part.plain)
                text.append_text(part)
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
        message = node.failure.message if node.failure is not None and node.kind == "attempt" else ""
        return Text(
            f" {marks.cross} {printable(why, most=60)}{' ' + printable(message, most=60) if message else ''}",
            style="red",
        )
    if node.status in ("open", "interrupted"):
        return Text(f" {node.status}", style="cyan" if node.status == "open" else "yellow")
    if outcome and node.kind in ("llm", "attempt"):
        return Text(f" {outcome}", style="yellow")
    return Text()


# ── columns ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _TreeColumn:
    name: str
    cells: list[str]
    style: str = ""
    width: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", max(len(self.name), *(cell_len(cell) for cell in self.cells)))


def _columns(rows: list[_Row], run: RunTree, marks: _Marks, width: int) -> list[_TreeColumn]:
    """Return the columns beside the tree: times, costs if any, and tokens if there is room."""
    columns = []
    if width >= _TOKENS_FROM_WIDTH:
        columns.append(_TreeColumn("TOKENS", [_tokens(row.node, marks) for row in rows]))
    if run.root.cost_usd is not None:
        costs = [format_money(row.node.cost_usd, complete=row.node.cost_complete) for row in rows]
        columns.append(_TreeColumn("COST", costs, "dim"))
    return [*columns, _TreeColumn("TIME", [_time(row.node, run, marks) for row in rows])]


def _tokens(node: Node, marks: _Marks) -> str:
    if node.kind == "attempt" or not (node.tokens.input or node.tokens.output):
        return ""
    output = format_output(node.tokens.output, is_partial=node.tokens.is_partial)
    return f"{format_number(node.tokens.input)} {marks.arrow} {output}"


def _time(node: Node, run: RunTree, marks: _Marks) -> str:
    bounds = node.attributes.get(semconv.INFERRED_BOUNDS)
    return (marks.at_most if bounds else "") + format_duration(node.duration_ns(run.last_ns))


def _span(run: RunTree) -> tuple[int, int]:
    """The time that bars show: from the first agent or call to the last end of anything below the run."""
    start = first_work_ns(run.root)
    ends = [node.end_ns or node.start_ns for node in run.root.walk() if node is not run.root]
    is_over = run.root.end_ns is not None and ends and max(ends) > start
    return start, max(start + 1, min(run.last_ns, max(ends)) if is_over else run.last_ns)


def _outside(run: RunTree, span: tuple[int, int]) -> str:
    """Describe the time of the process before and after that of the bars, or return ""."""
    start, end = span
    least = max(_LEAST_NOTED_NS, (end - start) // 200)
    parts = [
        (start - run.root.start_ns, "start-up"),
        (0 if run.root.end_ns is None else run.root.end_ns - end, "after"),
    ]
    return ", ".join(f"+{format_duration(length)} {what}" for length, what in parts if length >= least)


def _bar(row: _Row, run: RunTree, span: tuple[int, int], width: int, marks: _Marks) -> Text:
    """Draw the time of the row, a call's attempts heavier; an open end runs into a mark."""
    node, call = row.node, row.call
    cells, styles = [" "] * width, [""] * width
    inner = [] if call is None else [child for child in call.children if child.kind == "attempt"] or [call]
    for each in (node, *inner):
        style = "red" if each.status == "error" else _BAR_STYLE.get("llm" if each in inner else each.kind, "dim")
        left, right = _cells(each, run, span, width)
        mark = marks.bar if each in inner or each.kind == "attempt" else marks.thin
        cells[left:right] = mark * (right - left)
        styles[left:right] = [style] * (right - left)
    if node.end_ns is None:
        cells[_cells(node, run, span, width)[1] - 1] = marks.open if node.status == "open" else marks.cut
    text = Text()
    for cell, style in zip(cells, styles, strict=True):
        text.append(cell, style)
    return text


def _cells(node: Node, run: RunTree, span: tuple[int, int], width: int) -> tuple[int, int]:
    """The cells from the begin to the end of `node`; at least one."""
    start, whole = span[0], span[1] - span[0]
    left = min(width - 1, max(0, (node.start_ns - start) * width // whole))
    end = node.end_ns if node.end_ns is not None else run.last_ns
    return left, min(width, max(left + 1, -(-(end - start) * width // whole)))


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
        parts.append(f"{_INFERRED} inferred from requests and responses")
    if any(node.attributes.get(semconv.INFERRED_BOUNDS) for node in nodes):
        parts.append(f"{marks.at_most.strip()} ran at some time within")
    if any(node.status == "interrupted" for node in nodes):
        parts.append("interrupted: the process ended before this did")
    if findings:
        parts.append(f"{marks.flag} found by `tracekit check {run.id[:8]}`")
    return "   ".join(parts)
