"""Sum up a run's agents by name, and its calls by model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tracekit.analysis.timing.critical import critical_path
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.model.tree import Node, RunTree, Tokens

__all__ = ["AgentRow", "agent_rows", "calls_below"]


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
        """Add `calls` to the totals."""
        for call in calls:
            self.calls += 1
            self.tokens += call.tokens
            self.retries += call.retries
            if call.cost_usd is not None:
                self.cost_usd = (self.cost_usd or 0.0) + call.cost_usd
            self.cost_complete = self.cost_complete and call.cost_complete


def agent_rows(run: RunTree, now_ns: int) -> list[AgentRow]:
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


def calls_below(node: Node, *, other_agents: bool = False) -> Iterator[Node]:
    """The calls in `node`, in order; with `other_agents` also those of agents within `node`."""
    stack = [node]
    while stack:
        found = stack.pop()
        if found.kind == "llm":
            yield found
        elif found is node or other_agents or found.kind != "agent":
            stack.extend(reversed(found.children))


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


def _share_path(run: RunTree, agents: dict[str, AgentRow], models: dict[str, AgentRow]) -> None:
    steps = critical_path(run.root, TreeFacts(run).schedule)
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
