"""Responses in which an agent asked for steps of two kinds at once, in this run and in earlier ones."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import combinations, islice
from typing import TYPE_CHECKING

from tracekit.analysis.batches import Batch, Work
from tracekit.model.tree import Node

if TYPE_CHECKING:
    from tracekit.analysis.facts import Facts

__all__ = ["Together", "kind_of"]

_MOST_AGENTS = 16
"""Other agents that are compared: whether they are the same one takes reading what they sent."""
_MOST_KINDS = 32
"""Kinds in one response of which each two are noted."""


def kind_of(work: Work) -> str:
    """Return the kind of a step: the tool or agent that was asked for, with the agent that a dispatcher started."""
    agent = work.agent
    name = None if agent is None or agent.inferred else agent.agent
    return work.name if name in (None, work.name) else f"{work.name}({name})"


class Together:
    """Tells where the same agent (its name, system prompt and tools) asked for two kinds of steps in one response."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def where(self, agent: Node, one: str, other: str) -> str:
        """Say where `agent` asked for `one` and `other` together; empty where it is not known to have done so."""
        return self._in_this_run(agent, one, other) or self._in_earlier_runs(agent, one, other)

    def _in_this_run(self, agent: Node, one: str, other: str) -> str:
        asking = self._pairs.get(_pair(one, other), {})
        others = islice((found for found in asking.values() if found[1] is not agent), _MOST_AGENTS)
        own = asking.get(agent.id)
        batch, who = own or next((found for found in others if self._is_same(found[1], agent)), (None, agent))
        if batch is None:
            return ""
        number = self._facts.turns(who).index(batch.container) + 1
        return f"turn {number} of {who.agent} asked for {_named(one, other)} in one response"

    def _is_same(self, one: Node, other: Node) -> bool:
        if one.agent != other.agent:
            return False
        practices = self._facts.practice(one), self._facts.practice(other)
        ids = [None if each is None else (each.agent, each.tools) for each in practices]
        return ids[0] is not None and ids[0] == ids[1]

    def _in_earlier_runs(self, agent: Node, one: str, other: str) -> str:
        if "(" in one + other:
            # Earlier runs are known by the names of tools, which do not tell the agents of one dispatcher apart.
            return ""
        practice = self._facts.practice(agent)
        count = 0 if practice is None else self._facts.earlier.requested_together(practice, one, other)
        if not count:
            return ""
        return f"{count} earlier {'run' if count == 1 else 'runs'} asked for {_named(one, other)} in one response"

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], dict[str, tuple[Batch, Node]]]:
        """The first response of each agent that asked for two kinds, by the pair and the agent's id."""
        found: dict[tuple[str, str], dict[str, tuple[Batch, Node]]] = {}
        for batch in self._facts.batches:
            agent = self._facts.agent_around(batch.container)
            if batch.asked is None or agent is None or len(batch.works) < 2:
                continue
            counts = Counter(kind_of(work) for work in batch.works if work.call_id is not None)
            kinds = sorted(counts)[:_MOST_KINDS]
            for pair in [*combinations(kinds, 2), *((kind, kind) for kind in kinds if counts[kind] > 1)]:
                found.setdefault(pair, {}).setdefault(agent.id, (batch, agent))
        return found


def _pair(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one <= other else (other, one)


def _named(one: str, other: str) -> str:
    return f"two {one}" if one == other else f"{one} and {other}"
