"""All that is asked of one run, worked out once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from tracekit import semconv
from tracekit.analysis.batches import (
    Batch,
    Work,
    blocking_of,
    calls_of,
    crews_of,
    own_calls,
    turns_of,
)
from tracekit.analysis.content import Content
from tracekit.analysis.earlier import AgentId, Earlier, Practice, PracticeReader, merged
from tracekit.analysis.efforts import Effort, efforts_of
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.together import Together
from tracekit.analysis.timing.blocked import Held, held_up
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.model.tree import Node, Run

__all__ = ["Facts"]

_OVERLOADED = (429, 529)


class Facts(TreeFacts):
    """A run with what the analysis says of it.

    `limit` is how many may work at once, None for no limit. Savings of less than `least_ns` count as none; by default
    that is a second, or a twentieth of the time between its first call and its last, if that is shorter, and never under
    a fiftieth of a second. `earlier` knows the same agents in earlier runs. `tools` has what the settings say of tools, by
    their names: see `TOOL_EFFECTS`.
    """

    def __init__(
        self,
        run: Run,
        *,
        limit: int | None = None,
        least_ns: int | None = None,
        earlier: Earlier | None = None,
        tools: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(run, least_ns=least_ns)
        self.run = run
        self.earlier = Earlier() if earlier is None else earlier
        self.tools = tools or {}
        self.limit = limit
        self.content = Content(run)
        self._turns: dict[str, Sequence[Node]] = {}
        self._own_calls: dict[str, Sequence[Node]] = {}
        self._practices: dict[str, Practice | None] = {}

    @cached_property
    def batches(self) -> tuple[Batch, ...]:
        """What each answer asked for."""
        return tuple(batch for node in self.nodes if node.kind == "turn" and (batch := self.batch(node)).works)

    @cached_property
    def agents(self) -> tuple[Node, ...]:
        """The agents, parents before children, in order."""
        return tuple(node for node in self.nodes if node.kind == "agent")

    def turns(self, agent: Node) -> Sequence[Node]:
        """The turns of `agent`, in order."""
        if agent.id not in self._turns:
            self._turns[agent.id] = turns_of(agent)
        return self._turns[agent.id]

    def own_calls(self, agent: Node) -> Sequence[Node]:
        """The calls of `agent` itself, in the order in which they began."""
        if agent.id not in self._own_calls:
            self._own_calls[agent.id] = own_calls(agent)
        return self._own_calls[agent.id]

    def practice(self, agent: Node) -> Practice | None:
        """The use that `agent` made of its tools; None where its content was not recorded."""
        if agent.id not in self._practices:
            self._practices[agent.id] = self._practice_reader.read(agent.agent or "", self.own_calls(agent))
        return self._practices[agent.id]

    @cached_property
    def practices(self) -> Mapping[AgentId, Practice]:
        """The use that the agents made of their tools; agents of one name and system prompt are one."""
        return merged(practice for agent in self.agents if (practice := self.practice(agent)) is not None)

    @cached_property
    def _practice_reader(self) -> PracticeReader:
        return PracticeReader(self.content, self.is_recorded)

    def is_recorded(self, node: Node) -> bool:
        """Return whether all content of the process that recorded `node` was to be kept."""
        span = self.run.recording.spans.get(node.id)
        return span is not None and span.segment in self._full_segments

    @cached_property
    def _full_segments(self) -> frozenset[int]:
        """The numbers of the segments whose content is kept in full."""
        segments = enumerate(self.run.recording.segments)
        return frozenset(number for number, segment in segments if segment.content == "full")

    @cached_property
    def crews(self) -> tuple[Batch, ...]:
        """What code set to work by itself."""
        return tuple(crews_of(self.nodes))

    @cached_property
    def single_calls(self) -> tuple[Batch, ...]:
        """The single calls that code made by itself, side by side."""
        return tuple(calls_of(self.nodes))

    @cached_property
    def blocking(self) -> Sequence[Node]:
        """What blocked an event loop: calls of a sync client, and tools."""
        return blocking_of(self.nodes)

    @cached_property
    def held(self) -> Sequence[Held]:
        """The nodes whose children held one another up."""
        return tuple(held_up(self.blocking, self.parents))

    @cached_property
    def _begins(self) -> Mapping[str, Sequence[int]]:
        begins: dict[str, list[int]] = {}
        for call in self.calls:
            begins.setdefault(call.lane, []).append(call.start_ns)
        return begins

    def begins_in_lane(self, lane: str) -> Sequence[int]:
        """When the calls of `lane` began, in order."""
        return self._begins.get(lane, ())

    @cached_property
    def efforts(self) -> tuple[Effort, ...]:
        """The calls by what they asked: those that repeat a failed one stand with it."""
        return efforts_of(self.calls, self.content)

    def child_towards(self, container: Node, node: Node) -> Node:
        """The child of `container` at or above `node`, which is below it."""
        parent = self.parents.get(node.id)
        while parent is not None and parent is not container:
            node, parent = parent, self.parents.get(parent.id)
        return node

    def agent_around(self, node: Node) -> Node | None:
        """The innermost agent around `node`."""
        above = self.parents.get(node.id)
        while above is not None and above.kind != "agent":
            above = self.parents.get(above.id)
        return above

    def profile(self, work: Work, following: Node | None = None) -> Profile:
        """What `work` was given and what came of it. `following` is the call after it, which may bring its result."""
        return Profile(work, self.content, following, self.tools)

    @cached_property
    def together(self) -> Together:
        """Where agents asked for steps of two kinds in one response."""
        return Together(self)

    def host(self, work: Work) -> str | None:
        """The machine on which `work` was done; None where that is not known. Clocks of two machines may differ."""
        host = self._hosts.get(work.node.id)
        if (host is None or self._is_spread) and work.calls:
            # Where it was dispatched may be another machine than where it was done.
            return self._hosts.get(work.calls[0].id, host)
        return host

    def set_to_work_ns(self, work: Work) -> int:
        """When the task, thread or job that did `work` made its first step; 0 where that is not known."""
        recording = self.run.recording
        node = work.calls[0] if work.calls else work.node
        span = recording.spans.get(node.id)
        lane = None if span is None else recording.lanes.get((span.segment, work.lane))
        return 0 if lane is None else lane.first_ns

    @cached_property
    def _hosts(self) -> Mapping[str, str]:
        """The machine of each recorded span, by id."""
        hosts = dict(enumerate(segment.host for segment in self.run.recording.segments))
        return {id: hosts[span.segment] for id, span in self.run.recording.spans.items() if span.segment in hosts}

    @cached_property
    def _is_spread(self) -> bool:
        """Whether the run has spans of several machines."""
        return len({segment.host for segment in self.run.recording.segments}) > 1

    def is_one_clock(self, works: tuple[Work, ...]) -> bool:
        """Whether one machine's clock timed all of `works`."""
        return len({self.host(work) for work in works}) == 1

    def overloads_within(self, node: Node) -> int:
        """How many attempts at and below `node` were told that there are too many (429 or 529)."""
        return sum(
            each.kind == "attempt" and each.attributes.get(semconv.HTTP_STATUS) in _OVERLOADED for each in node.walk()
        )
