"""A run's agents by name, and its calls by model: calls, times, tokens, costs, and shares of the critical path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from tracekit_viewer.door import Facts, Node, Run, Tokens, count, critical_path, duration, money
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.columns import fitted
from tracekit_viewer.render.family import calls_below
from tracekit_viewer.render.text import plain

__all__ = ["COLUMNS", "AgentRow", "agent_lines", "agent_rows", "ordered"]

_LEAST_NAME = 20
_LONGEST = 60


@dataclass(slots=True, eq=False)
class AgentRow:
    """The totals of all agents of one name, or of all calls of one model.

    `time_ns` is the sum of their durations, `self_ns` the part without the agents below them, `path_ns` the part of
    the critical path that they decided. `cost_usd` sums the known prices.
    """

    kind: str
    name: str
    ids: list[str] = field(default_factory=list)
    calls: int = 0
    time_ns: int = 0
    self_ns: int = 0
    path_ns: int = 0
    whole_ns: int = 1
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    cost_complete: bool = True
    retries: int = 0

    @property
    def cached(self) -> float:
        """Return the share of the input that was read from the cache."""
        return self.tokens.cache_read / self.tokens.input if self.tokens.input else 0.0

    @property
    def path(self) -> float:
        """Return the share of the critical path."""
        return self.path_ns / self.whole_ns

    def add(self, calls: Iterable[Node]) -> None:
        """Count `calls`."""
        for call in calls:
            self.calls += 1
            self.tokens += call.tokens
            self.retries += call.retries
            if call.cost_usd is not None:
                self.cost_usd = (self.cost_usd or 0.0) + call.cost_usd
            self.cost_complete = self.cost_complete and call.cost_complete


@dataclass(frozen=True, slots=True)
class _Column:
    """A column: its name, its width, its text, and what it is sorted by; the largest first."""

    name: str
    width: int
    text: Callable[[AgentRow], str]
    key: Callable[[AgentRow], float]


COLUMNS = (
    _Column("TIME", 10, lambda row: duration(row.time_ns), lambda row: row.time_ns),
    _Column("SELF", 10, lambda row: duration(row.self_ns) if row.kind == "agent" else "", lambda row: row.self_ns),
    _Column("PATH", 8, lambda row: f"{row.path:.0%}" if row.path_ns else "·", lambda row: row.path_ns),
    _Column("COST", 10, lambda row: money(row.cost_usd, complete=row.cost_complete), lambda row: row.cost_usd or 0.0),
    _Column("CALLS", 7, lambda row: str(row.calls), lambda row: row.calls),
    _Column("RETRIES", 9, lambda row: str(row.retries or "·"), lambda row: row.retries),
    _Column("CACHED", 8, lambda row: f"{row.cached:.0%}" if row.tokens.cache_read else "·", lambda row: row.cached),
    _Column(
        "TOKENS",
        16,
        lambda row: f"{count(row.tokens.input)} → {count(row.tokens.output)}",
        lambda row: row.tokens.input + row.tokens.output,
    ),
)
"""The columns beside the name; the last ones are left out where there is no room."""


def agent_rows(run: Run, now_ns: int) -> list[AgentRow]:
    """Return a row for each agent name and each model, with its share of the critical path."""
    agents: dict[str, AgentRow] = {}
    models: dict[str, AgentRow] = {}
    for node in run.root.walk():
        if node.kind == "agent":
            name = node.agent or node.name
            row = agents.setdefault(name, AgentRow("agent", name))
            row.ids.append(node.id)
            row.time_ns += node.duration_ns(now_ns)
            row.self_ns += _alone_ns(node, now_ns)
            row.add(calls_below(node))
        elif node.kind == "llm":
            name = node.model or node.name
            row = models.setdefault(name, AgentRow("model", name))
            row.ids.append(node.id)
            row.time_ns += node.duration_ns(now_ns)
            row.add((node,))
    _share_path(run, agents, models)
    return [*agents.values(), *models.values()]


def ordered(rows: Sequence[AgentRow], column: int, *, is_reversed: bool) -> list[AgentRow]:
    """Return the agents sorted by a column, the largest first, then the models; equal ones by name."""
    key, sign = COLUMNS[column].key, 1 if is_reversed else -1
    return sorted(rows, key=lambda row: (row.kind, sign * key(row), row.name))


def agent_lines(
    rows: Sequence[AgentRow], chosen: int, column: int, width: int, *, is_reversed: bool
) -> list[tuple[int, Pieces]]:
    """The table on `width` cells; beside each line the number of its row, -1 for headings."""
    columns = []
    free = width - _LEAST_NAME - 2
    for each in COLUMNS:
        if each.width <= free:
            columns.append(each)
            free -= each.width
    name_width = width - 2 - sum(each.width for each in columns)
    lines: list[tuple[int, Pieces]] = []
    kind = ""
    for number, row in enumerate(rows):
        if row.kind != kind:
            kind = row.kind
            heads = [(_heading(each, column, is_reversed=is_reversed), "quiet") for each in columns]
            lines.append((-1, [(f" {fitted(kind.upper(), name_width + 1)}", "quiet"), *heads]))
        many = f" × {len(row.ids)}" if kind == "agent" and len(row.ids) > 1 else ""
        name = fitted(plain(row.name, _LONGEST), min(len(plain(row.name, _LONGEST)), name_width - len(many)))
        cells: Pieces = [("▌" if number == chosen else " ", "cursor"), (f" {name}", "strong"), (many, "quiet")]
        used = sum(len(text) for text, _ in cells)
        cells.append((" " * max(0, name_width + 2 - used), ""))
        cells += [(f"{each.text(row):>{each.width}}", "") for each in columns]
        lines.append((number, cells))
    return lines


def _heading(each: _Column, column: int, *, is_reversed: bool) -> str:
    mark = ("↑" if is_reversed else "↓") if each is COLUMNS[column] else ""
    return f"{each.name + mark:>{each.width}}"


def _alone_ns(agent: Node, now_ns: int) -> int:
    """The time of `agent` in which no agent below it was at work."""
    start_ns = agent.start_ns
    end_ns = start_ns + agent.duration_ns(now_ns)
    stack, below = list(agent.children), []
    while stack:
        node = stack.pop()
        if node.kind == "agent":
            below.append((max(start_ns, node.start_ns), min(end_ns, node.start_ns + node.duration_ns(now_ns))))
        else:
            stack += node.children
    alone_ns, at_ns = end_ns - start_ns, start_ns
    for begin, end in sorted(below):
        if end > max(begin, at_ns):
            alone_ns -= end - max(begin, at_ns)
            at_ns = end
    return alone_ns


def _share_path(run: Run, agents: dict[str, AgentRow], models: dict[str, AgentRow]) -> None:
    steps = critical_path(run.root, Facts(run).schedule)
    whole_ns = max(1, sum(step.end_ns - step.start_ns for step in steps))
    for row in (*agents.values(), *models.values()):
        row.whole_ns = whole_ns
    by_id = {id: row for row in models.values() for id in row.ids}
    calls = {child.id: node.id for node in run.root.walk() if node.kind == "llm" for child in node.children}
    for step in steps:
        took_ns = step.end_ns - step.start_ns
        if step.agent is not None:
            agents[step.agent.agent or step.agent.name].path_ns += took_ns
        call = by_id.get(calls.get(step.node.id, step.node.id))
        if call is not None:
            call.path_ns += took_ns
