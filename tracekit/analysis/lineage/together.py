"""Responses in which an agent asked for steps of two kinds at once, in this run and in earlier ones."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

from tracekit.model.tree import Node

if TYPE_CHECKING:
    from tracekit.analysis.facts import Facts

__all__ = ["Together"]

_MOST_AGENTS = 16
"""Agents of one name that are compared: whether they are the same one takes reading what they sent."""
_MOST_KINDS = 32
"""Kinds in one response of which each two are noted."""


class Together:
    """Tells where the same agent (its name, system prompt and tools) asked for two kinds of steps in one response."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def where(self, agent: Node, one: str, other: str) -> str:
        """Say where `agent` asked for `one` and `other` together; empty where it is not known to have done so."""
        pair = min(one, other), max(one, other)
        both = f"two {one}" if one == other else f"{one} and {other}"
        asking = self._first_turns.get((agent.agent, *pair), {})
        practice = self._facts.practice(agent)
        for who, turn in [(agent, asking[agent.id][1])] if agent.id in asking else list(asking.values())[:_MOST_AGENTS]:
            theirs = self._facts.practice(who)
            if who is agent or (
                practice and theirs and (practice.agent, practice.tools) == (theirs.agent, theirs.tools)
            ):
                number = self._facts.turns(who).index(turn) + 1
                return f"turn {number} of {who.agent} asked for {both} in one response"
        # Earlier runs are known by the names of tools, which do not tell the agents of one dispatcher apart.
        is_known = practice is not None and "(" not in one + other
        count = self._facts.earlier.requested_together(practice, one, other) if practice and is_known else 0
        return f"{count} earlier {'run' if count == 1 else 'runs'} asked for {both} in one response" if count else ""

    @cached_property
    def _first_turns(self) -> dict[tuple[str | None, str, str], dict[str, tuple[Node, Node]]]:
        """Agents that requested two kinds at once, with the turn, by name and pair, and then by id."""
        found: dict[tuple[str | None, str, str], dict[str, tuple[Node, Node]]] = {}
        for batch in self._facts.batches:
            agent = self._facts.agent_around(batch.container)
            if batch.asked is None or agent is None or len(batch.works) < 2:
                continue
            counts = Counter(work.kind for work in batch.works if work.call_id is not None)
            kinds = sorted(counts)[:_MOST_KINDS]
            for pair in [*combinations(kinds, 2), *((kind, kind) for kind in kinds if counts[kind] > 1)]:
                found.setdefault((agent.agent, *pair), {}).setdefault(agent.id, (agent, batch.container))
        return found
