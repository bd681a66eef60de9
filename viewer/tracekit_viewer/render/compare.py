"""Two runs, aligned: a pair of lines for each node, with the bars of both on one axis of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tracekit_viewer.door import (
    AlignedNodes,
    Diff,
    Node,
    NodeChange,
    Run,
    duration,
    first_work_ns,
    price,
    semconv,
    short_model,
    telling_argument,
)
from tracekit_viewer.render.axis import axis_line, grid_of
from tracekit_viewer.render.bars import FULL, HEAVY, LIGHT, Bar, Pieces, draw
from tracekit_viewer.render.columns import fitted
from tracekit_viewer.render.names import SIGNS
from tracekit_viewer.render.palette import HUES
from tracekit_viewer.render.text import cells, plain
from tracekit_viewer.render.window import Window

__all__ = ["LINES", "ComparedRow", "ComparedRuns", "compared_runs", "head_line", "row_lines", "title_lines"]

LINES = 2
"""Lines of a row: one for each run."""

_TIME = 10
_DIVERGENCE = "ReplayDivergence"
_LEAST_LABEL, _MOST_LABEL = 26, 52
_WEIGHTS = {"llm": FULL, "tool": HEAVY, "agent": HEAVY}
_MARKS = {"": " ", "changed": "≠", "only in a": "-", "only in b": "+", "moved": "→"}
_STYLES = {"only in a": "error", "only in b": "open", "changed": "warning", "moved": "warning"}


@dataclass(slots=True)
class ComparedRow:
    """A node of two runs, and its differences; `how` is empty where nothing that counts differs.

    `report` is the report of a replay that left its recording here.
    """

    a: Node | None
    b: Node | None
    depth: int
    hue: int
    hint: str = ""
    changes: list[NodeChange] = field(default_factory=list)
    report: str = ""

    @property
    def node(self) -> Node:
        """The node of the first run, else of the second."""
        node = self.a if self.a is not None else self.b
        assert node is not None
        return node

    @property
    def how(self) -> str:
        """The kind of difference: "changed", "only in a", "only in b", "moved", or ""."""
        if self.b is None or self.a is None:
            return "only in a" if self.b is None else "only in b"
        counting = [change.how for change in self.changes if change.counts]
        return "" if not counting else "moved" if set(counting) == {"moved"} else "changed"


@dataclass(frozen=True, slots=True)
class ComparedRuns:
    """Two runs as rows. Times of each count from its first agent or call."""

    a: Run
    b: Run
    rows: Sequence[ComparedRow]
    starts: tuple[int, int]
    length_ns: int

    @property
    def different(self) -> int:
        """The number of rows that differ."""
        return sum(bool(row.how) for row in self.rows)

    @property
    def first(self) -> int:
        """The place of the row to begin with: where a replay diverged, else the first that differs, else the first."""
        places = [place for place, row in enumerate(self.rows) if row.report]
        places += [place for place, row in enumerate(self.rows) if row.how]
        return places[0] if places else 0

    @property
    def window(self) -> Window:
        """The whole time of both, counted from 0."""
        return Window(0, max(1, self.length_ns))


def compared_runs(diff: Diff) -> ComparedRuns:
    """Return the rows of `diff`: chains that say nothing twice are one row, as in the tree of a run."""
    parents = {child.id: node for node in diff.a.root.walk() for child in node.children}
    rows, of_node = _rows(diff.rows, parents)
    for change in diff.changes:
        for id in (change.a, change.b):
            row = of_node.get(id or "")
            if row is not None:
                row.changes.append(change)
                break
    _report(diff.b, of_node)
    starts = first_work_ns(diff.a.root), first_work_ns(diff.b.root)
    length_ns = max(_last_ns(run) - start_ns for run, start_ns in zip((diff.a, diff.b), starts, strict=True))
    return ComparedRuns(diff.a, diff.b, rows, starts, length_ns)


def _report(run: Run, of_node: Mapping[str, ComparedRow]) -> None:
    """Let the row where the replay `run` left its recording have the report of that."""
    parents = {child.id: node for node in run.root.walk() for child in node.children}
    for node in run.root.walk():
        if node.failure is not None and node.failure.type == _DIVERGENCE:
            place: Node | None = node
            while place is not None and place.id not in of_node:
                place = parents.get(place.id)
            if place is not None:
                of_node[place.id].report = node.failure.message
            return


def _last_ns(run: Run) -> int:
    """Return the end of the last agent, call or tool; the process may have gone on after that."""
    ends = (node.end_ns for node in run.root.walk() if node is not run.root)
    return max((end_ns for end_ns in ends if end_ns is not None), default=run.last_ns)


def _rows(
    aligned: Sequence[AlignedNodes], parents: Mapping[str, Node]
) -> tuple[list[ComparedRow], dict[str, ComparedRow]]:
    """Return the rows to show, and the row that stands for each node, by the id of the node."""
    rows: list[ComparedRow] = []
    of_node: dict[str, ComparedRow] = {}
    above: list[ComparedRow] = []
    kept: list[bool] = []
    hues: dict[str, int] = {}
    waiting: list[AlignedNodes] = []
    for number, pair in enumerate(aligned):
        del above[pair.depth :], kept[pair.depth :]
        node = pair.a if pair.a is not None else pair.b
        assert node is not None
        if _is_tool_of_agent(aligned, number):
            waiting.append(pair)
            above.append(above[-1])
            kept.append(False)
            continue
        has_row = not above or pair.a is None or pair.b is None or _has_row(pair, above[-1])
        if has_row:
            name = node.agent if node.kind == "agent" else None
            hue = hues.setdefault(name, len(hues) % HUES) if name else (above[-1].hue if above else 0)
            row = ComparedRow(pair.a, pair.b, sum(kept), hue, _hint(node, waiting, parents))
            rows.append(row)
        else:
            row = above[-1]
        for each in (*waiting, pair):
            for one in (each.a, each.b):
                if one is not None:
                    of_node[one.id] = row
        waiting = []
        above.append(row)
        kept.append(has_row)
    return rows, of_node


def _is_tool_of_agent(aligned: Sequence[AlignedNodes], number: int) -> bool:
    pair = aligned[number]
    below = aligned[number + 1] if number + 1 < len(aligned) else None
    if pair.a is None or pair.b is None or pair.a.kind != "tool" or below is None or below.depth != pair.depth + 1:
        return False
    node = below.a if below.a is not None else below.b
    return node is not None and node.kind == "agent"


def _has_row(pair: AlignedNodes, above: ComparedRow) -> bool:
    """Return whether a node of both runs has a row of its own."""
    node = pair.a
    assert node is not None
    if node.kind == "turn":
        return False
    if node.kind == "llm" and above.node.kind == "agent":
        return any(_calls(each) != 1 for each in (above.a, above.b) if each is not None)
    return True


def _calls(agent: Node) -> int:
    return sum(node.kind in ("llm", "tool") for node in agent.walk())


def _hint(node: Node, tools: Sequence[AlignedNodes], parents: Mapping[str, Node]) -> str:
    tool = tools[-1].a if tools else node if node.kind == "tool" else None
    if tool is None:
        return ""
    return telling_argument(tool, parents[tool.id].children if tool.id in parents else ())


# ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _widths(width: int) -> tuple[int, int]:
    label = max(_LEAST_LABEL, min(_MOST_LABEL, width // 3))
    return label, max(0, width - label - _TIME - 5)


def title_lines(runs: ComparedRuns) -> list[Pieces]:
    """Return a line for each run: its name, id, status, time and cost."""
    lines: list[Pieces] = []
    for letter, run, start_ns in (("A", runs.a, runs.starts[0]), ("B", runs.b, runs.starts[1])):
        replay = f" · ↻ {run.replay or 'replay'} of {run.replay_of[:8]}" if run.replay_of else ""
        cost = price(run.root.cost_usd, complete=run.root.cost_complete, is_replay=run.replay_of is not None)
        facts = [run.id[:8] + replay, run.status, duration(_last_ns(run) - start_ns), cost]
        lines.append(
            [
                (f" {letter}  ", "cursor"),
                (plain(run.name, 60), "strong"),
                (f"  {' · '.join(filter(None, facts))}", "quiet"),
            ]
        )
    return lines


def head_line(runs: ComparedRuns, width: int) -> Pieces:
    """Return the line above the rows: how many differ, and the axis of both."""
    label, bar = _widths(width)
    many = runs.different
    text = f" {many} of {len(runs.rows)} rows differ" if many else " they are the same"
    window = runs.window
    axis = axis_line(window, 0, bar) if bar else ""
    return [(fitted(text, label + 4), "quiet"), (f"{'time':>{_TIME}} ", "quiet"), (axis, "quiet")]


def row_lines(runs: ComparedRuns, row: ComparedRow, width: int, at_ns: int | None, *, here: bool) -> list[Pieces]:
    """Return the two lines of `row`; `at_ns` is the moment of a playback, counted from the begin, or None."""
    label, bar = _widths(width)
    window = runs.window
    grid = grid_of(window, 0, bar)
    how = row.how
    style = _STYLES.get(how, "")
    mark = _MARKS[how]
    edge = ("▌" if here else " ", "cursor")
    labels = [_label(row, label - 3), [(fitted(_changed_fields(row), label - 3), "quiet")]]
    lines: list[Pieces] = []
    for number, node in enumerate((row.a, row.b)):
        start_ns = runs.starts[number]
        sign = mark if not number or how not in ("only in a", "only in b") else " "
        lines.append(
            [
                edge,
                (f"{sign if not number else ' '} ", style),
                *labels[number],
                (f" {'AB'[number]}" if node is not None else "  ", "quiet"),
                (f"{_took(runs, node, number, at_ns):>{_TIME}} ", "" if node is not None else "quiet"),
                *draw(_bars(row, node, start_ns, at_ns, (runs.a, runs.b)[number].last_ns), window, bar, grid),
            ]
        )
    return lines


def _label(row: ComparedRow, width: int) -> Pieces:
    node = row.node
    indent = "  " * min(row.depth, max(1, width // 6))
    sign = SIGNS.get(node.kind, "")
    before = f"{indent}{sign} " if sign else indent
    name = plain(_name(node), 80)
    free = max(1, width - cells(before))
    shown = fitted(name, min(cells(name), free))
    rest = free - cells(shown)
    hint = fitted(f"  {row.hint}", rest) if row.hint and rest > 4 else " " * rest
    style = "strong" if node.kind in ("run", "agent") else ""
    return [(before, f"hue{row.hue}"), (shown, style), (hint, "quiet")]


def _name(node: Node) -> str:
    if node.kind == "llm":
        return short_model(node)
    return str(node.agent or node.attributes.get(semconv.TOOL_NAME) or node.name)


def _changed_fields(row: ComparedRow) -> str:
    if row.how in ("only in a", "only in b"):
        return f"{'  ' * row.depth}  only in {row.how[-1].upper()}"
    fields = list(dict.fromkeys("moved" if change.how == "moved" else change.field for change in row.changes))
    return f"{'  ' * row.depth}  {', '.join(fields)}" if fields else ""


def _took(runs: ComparedRuns, node: Node | None, number: int, at_ns: int | None) -> str:
    if node is None:
        return ""
    end_ns = (runs.a, runs.b)[number].last_ns if node.end_ns is None else node.end_ns
    if at_ns is not None:
        end_ns = min(end_ns, runs.starts[number] + at_ns)
    return duration(end_ns - node.start_ns) if end_ns >= node.start_ns else ""


def _bars(row: ComparedRow, node: Node | None, start_ns: int, at_ns: int | None, last_ns: int) -> Iterator[Bar]:
    if node is None:
        return
    begin = node.start_ns - start_ns
    end = (last_ns if node.end_ns is None else node.end_ns) - start_ns
    if at_ns is not None and begin > at_ns:
        return
    is_cut = at_ns is not None and end > at_ns
    cap = "▸" if is_cut else "×" if node.status == "interrupted" else ""
    weight = _WEIGHTS.get(node.kind, LIGHT)
    style = "error" if node.status == "error" else f"hue{row.hue}"
    yield Bar(max(0, begin), at_ns if is_cut and at_ns is not None else end, weight, style, cap)
