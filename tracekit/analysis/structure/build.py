"""Infer the levels that were not recorded.

Each recorded node that has calls directly below it is filled by itself: its calls are put into conversations, these
into turns, and a conversation that served a `tool_use` block of another goes under that block's tool. Recorded levels
are never inferred again.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

from tracekit import semconv
from tracekit.analysis.structure.adopted import adopt_spans, name_by_tool
from tracekit.analysis.structure.batch_results import add_batch_results
from tracekit.analysis.structure.calls import CallReader, ToolUse
from tracekit.analysis.structure.containers import Container, calls_within, containers
from tracekit.analysis.structure.conversations import Conversation, conversations
from tracekit.analysis.structure.counting import place_counts
from tracekit.analysis.structure.draft import Draft, inferred
from tracekit.analysis.structure.groups import Groups
from tracekit.analysis.structure.naming import are_agents, name_agents
from tracekit.analysis.structure.pieces import demote_pieces
from tracekit.analysis.structure.recorded import recorded_tree, run_status
from tracekit.analysis.structure.serving import (
    STRENGTH,
    Candidate,
    Candidates,
    ToolWindow,
    WaitingTimes,
    place,
    windows_of,
)
from tracekit.analysis.structure.times import settle_times
from tracekit.analysis.structure.tool_places import ToolPlaces, move_to_tool, move_to_turn
from tracekit.analysis.structure.tools import match_tools
from tracekit.analysis.structure.unnamed import Unnamed
from tracekit.model.adopted import owner_in
from tracekit.model.recording import Recording
from tracekit.model.tree import Run, Status

__all__ = ["Structurer", "structure"]


def structure(recording: Recording) -> Run:
    """The run of `recording` as a tree."""
    return Structurer().structure(recording)


class Structurer:
    """Builds the trees of one run's recordings, one after another, as a reader of its journals gives them.

    Each tree costs only what is new: a call is read once, and the tree is kept until a span begins or ends or a process
    comes or goes, however much of the responses arrived meanwhile.
    """

    def __init__(self) -> None:
        self._calls = CallReader()
        self._run: Run | None = None

    def structure(self, recording: Recording) -> Run:
        """The run of `recording` as a tree."""
        if self._run is not None and _is_as_before(recording, self._run.recording):
            self._run = self._run.grown(recording)
        else:
            self._run = self._anew(recording)
        return self._run

    def _anew(self, recording: Recording) -> Run:
        root = recorded_tree(recording)
        adopt_spans(root)
        demote_pieces(root, recording, self._calls)
        status = _ended_as(root, recording)
        within = calls_within(root.walk())
        places = ToolPlaces(root, within)
        agents: list[Unnamed] = []
        for container in containers(root, within):
            filling = _Filling(container, recording, self._calls, places, status)
            filling.fill()
            agents += filling.unnamed
        name_agents(agents, recording)
        add_batch_results(root, recording)
        settle_times(root)
        status = run_status(root, recording)
        root.status = status
        return Run.of(recording, status, root.settle(), self._calls.brought, self._calls.requested)


def _ended_as(root: Draft, recording: Recording) -> Status:
    """Return the status of the run; open while a call may still come."""
    has_ended = root.end_ns is not None or all(segment.exited for segment in recording.segments)
    return run_status(root, recording) if has_ended else "open"


def _is_as_before(recording: Recording, before: Recording) -> bool:
    return recording.spans is before.spans and recording.segments == before.segments


class _Filling:
    """Fills one container."""

    def __init__(
        self, container: Container, recording: Recording, reader: CallReader, places: ToolPlaces, status: Status
    ) -> None:
        self._container = container.draft
        self._around = container.around
        self._places = places
        self._recording = recording
        self._reader = reader
        # A container around may have taken calls away.
        units = [(llm, unit) for llm, unit in container.units if unit.parent is container.draft]
        calls = [reader.read(llm, unit, recording) for llm, unit in units]
        # A probe for a quota continues nothing, and says nothing of who leads.
        speaking = conversations(call for call in calls if not call.is_probe)
        self._groups = Groups(container.groups, [call for call in calls if not call.is_probe], reader, recording)
        self._first = speaking[0] if speaking else None
        self._conversations = [*speaking, *(Conversation([call]) for call in calls if call.is_probe)]
        self._windows = [window for conversation in self._conversations for window in windows_of(conversation, status)]
        self._final = {block.id for window in self._windows if window.is_final for block in window.asked.blocks}
        # Once all is over, no result will be brought any more: only what was said tells who served the answer.
        holding = [window for window in self._windows if not window.is_left]
        self._latest_first = sorted(holding, key=lambda window: window.asked.end_ns, reverse=True)
        self._turns: dict[int, Draft] = {}
        self._agents: dict[int, Draft] = {}
        """The inferred agents, by the `id()` of each one's conversations."""
        self._served: dict[tuple[str, str], Conversation] = {}
        """The latest conversation of each lane below each tool."""
        self._tools: dict[str, Draft] = {}
        self._agents_beside: set[int] = set()
        self.unnamed: list[Unnamed] = []
        """The inferred agents in the order in which they were found."""

    def fill(self) -> None:
        """Give each call its turn, each turn its agent, and each subagent its tool."""
        works = self._works()
        best = self._best_places(works)
        tools = self._places.below(self._container, "tool")
        self._agents_beside = self._beside(works, best)
        for work in sorted(works, key=lambda work: work.start_ns):
            placed = best.get(id(work))
            if placed is not None and id(placed[0].asked) not in self._turns:
                # What asked for it stayed flat itself, for want of evidence.
                placed = None
            span = self._groups.span_of(work)
            if span is not None and (placed is None or self._groups.serves_one(span, best)):
                if placed is not None:
                    self._tool(*placed).adopt(span)
                continue
            if work.conversation is None:
                if placed is not None and work.agent is not None:
                    move_to_tool(work.agent, self._tool(*placed), self._container)
                    name_by_tool(work.agent)
            elif work.conversation is self._first and self._around.kind in ("agent", "turn"):
                self._own(work.conversation)
            elif placed is not None and not work.conversation.is_summary:
                self._subagent(work.conversation, *placed)
            else:
                self._unplaced(work.conversation)
            if work.conversation is not None:
                self._adopt_tools(work.conversation, tools)
        for window in self._windows:
            self._answered_tools(window)
        place_counts(self._container, self._conversations, self._turns, self._recording)

    def _beside(self, works: list[Candidate], best: Mapping[int, tuple[ToolWindow, ToolUse, str]]) -> set[int]:
        """Return the `id()` of the conversations that serve no tool and are agents."""
        if self._around.kind in ("agent", "turn", "tool"):
            return set()
        placed = {id(work.conversation) for work in works if id(work) in best}
        free = [each for each in self._conversations if id(each) not in placed and each.aside is None]
        beside = [each for each in free if not each.calls[0].is_probe]
        known = {id(window.conversation) for window, *_ in best.values()}
        known |= {id(each) for each in beside if each.is_shared or each.source is not None}
        return are_agents(beside, known, self._recording)

    # ── who served what ──────────────────────────────────────────────────────────────────────────────────────────

    def _works(self) -> list[Candidate]:
        works = [
            Candidate(conversation.calls, conversation.start_ns, conversation.lane, conversation=conversation)
            for conversation in self._conversations
        ]
        for agent in self._places.below(self._container, "agent"):
            calls = [self._reader.read(llm, llm, self._recording) for llm in _all_calls(agent)]
            name = agent.agent or ""
            works.append(Candidate(calls, agent.start_ns, agent.lane, owner_in(name) or name, agent=agent))
        return works + self._groups.works

    def _best_places(self, works: list[Candidate]) -> dict[int, tuple[ToolWindow, ToolUse, str]]:
        """Return each work's place by the strongest evidence; among equals, in the innermost window."""
        best: dict[int, tuple[ToolWindow, ToolUse, str]] = {}
        in_order = Candidates(works)
        for window in self._windows:
            inside = in_order.inside(window)
            found = place(inside, window, in_order.prompts)
            for work in inside:
                if id(work) not in found:
                    continue
                block, evidence = found[id(work)]
                known = best.get(id(work))
                if known is None or _rank(window, evidence) > _rank(known[0], known[2]):
                    best[id(work)] = (window, block, evidence)
        return self._without_handed_on(works, best)

    def _without_handed_on(
        self, works: list[Candidate], best: dict[int, tuple[ToolWindow, ToolUse, str]]
    ) -> dict[int, tuple[ToolWindow, ToolUse, str]]:
        """Return `best` without work that a subagent requested and that matched the subagent's own block.

        A subagent may hand its task on word for word; the work that it requests then belongs to its own turn.
        """
        asking: dict[str, list[ToolWindow]] = {}
        for work in works:
            if id(work) in best and work.conversation is not None:
                asking.setdefault(best[id(work)][1].id, []).extend(windows_of(work.conversation))
        held = {id: WaitingTimes(windows) for id, windows in asking.items()}
        kept = dict(best)
        for work in works:
            if id(work) in best and (windows := held.get(best[id(work)][1].id)) is not None and windows.hold(work):
                del kept[id(work)]
        return kept

    # ── placing ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _own(self, conversation: Conversation) -> None:
        """The own conversation of an agent or turn: the first that is more than a probe."""
        if self._container.kind == "turn":
            self._stay(conversation, self._container)
        else:
            self._take_turns(conversation, self._container)

    def _subagent(self, conversation: Conversation, window: ToolWindow, block: ToolUse, evidence: str) -> None:
        self._serve(conversation, self._tool(window, block, evidence), evidence)

    def _serve(self, conversation: Conversation, tool: Draft, evidence: str) -> None:
        """Put `conversation` below `tool`: as a new agent, or as the continuation of one that serves it already."""
        before = self._served.get((tool.id, conversation.lane))
        self._served[tool.id, conversation.lane] = conversation
        if before is not None and conversation.carries_on(before):
            agent = self._agents[id(conversation)] = self._agents[id(before)]
        else:
            agent = self._agent(conversation, tool, evidence)
        self._take_turns(conversation, agent)

    def _unplaced(self, conversation: Conversation) -> None:
        """Place a conversation without evidence of the tool that it served: flat, but within its turn."""
        aside, source = conversation.aside, conversation.source
        window = self._innermost(conversation)
        if aside is not None and id(aside) in self._turns:
            self._stay(conversation, self._turns[id(aside)])
        elif source is not None and id(source) in self._agents:
            host = self._agents[id(source)].parent
            self._own_agent(conversation, host if host is not None else self._container)
        elif window is not None and id(window.asked) in self._turns:
            self._stay(conversation, self._turns[id(window.asked)])
        elif self._container.kind == "agent":
            self._take_turns(conversation, self._container)
        elif self._around.kind == "tool" and not conversation.calls[0].is_probe:
            self._serve(conversation, self._container, "position")
        elif self._stands_as_agent(conversation):
            self._own_agent(conversation, self._container)

    def _stands_as_agent(self, conversation: Conversation) -> bool:
        if id(conversation) in self._agents_beside:
            return True
        return self._container.kind != "turn" and (len(conversation.calls) > 1 or conversation.is_shared)

    def _own_agent(self, conversation: Conversation, host: Draft) -> None:
        self._take_turns(conversation, self._agent(conversation, host, "conversation"))

    def _innermost(self, held: Conversation) -> ToolWindow | None:
        """Return the innermost of the windows around `held`; None if two of them stand side by side."""
        innermost: ToolWindow | None = None
        above: set[int] = set()
        start_ns, first = held.start_ns, held.calls[0]
        latest = bisect_left(self._latest_first, -start_ns, key=lambda window: -window.asked.end_ns)
        for window in (self._latest_first[at] for at in range(latest, len(self._latest_first))):
            if window.is_beside(first) or window.conversation is held or not window.holds(start_ns):
                continue
            if innermost is None:
                innermost, above = window, self._above(window)
            elif id(self._turns.get(id(window.asked))) not in above:
                return None
        return innermost

    def _above(self, window: ToolWindow) -> set[int]:
        """Return the `id()` of the drafts around the tools of `window`, up to the container."""
        turn = self._turns.get(id(window.asked))
        above = {id(self._container)}
        while turn is not None and turn is not self._container:
            above.add(id(turn))
            turn = turn.parent
        return above

    def _stay(self, conversation: Conversation, turn: Draft) -> None:
        for call in conversation.calls:
            self._turns[id(call)] = turn
            if call.unit.parent is not turn:
                turn.adopt(call.unit)

    def _take_turns(self, conversation: Conversation, host: Draft) -> None:
        for call in conversation.calls:
            if call.unit.level == "turn":
                turn = call.unit
                turn.kind = "turn"
                host.adopt(turn)
            else:
                turn = inferred("turn", "turn", call.llm, suffix="turn", attributes={})
                host.adopt(turn)
                turn.adopt(call.unit)
            self._turns[id(call)] = turn

    def _agent(self, conversation: Conversation, host: Draft, evidence: str) -> Draft:
        """Return a new agent, which is named once all agents of the run are known."""
        attributes = {
            semconv.OPERATION_NAME: semconv.Operation.INVOKE_AGENT,
            semconv.AGENT_NAME: "",
            semconv.INFERRED_FROM: evidence,
        }
        at = conversation.calls[0].llm
        agent = inferred("agent", semconv.Operation.INVOKE_AGENT, at, suffix="agent", attributes=attributes)
        host.adopt(agent)
        self._agents[id(conversation)] = agent
        self.unnamed.append(Unnamed(agent, conversation, self._final))
        return agent

    # ── tools ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _adopt_tools(self, conversation: Conversation, tools: list[Draft]) -> None:
        """Put the recorded executions of the tools that `conversation` requested into its turns."""
        candidates = list(dict.fromkeys([*tools, *self._places.beside(self._around, conversation)]))
        matched = [found for found in match_tools(conversation, candidates) if id(found[0]) in self._turns]
        turns = {id(tool): self._turns[id(call)] for call, _, tool in matched}
        for _, block, tool in matched:
            move_to_turn(tool, turns[id(tool)], self._container, turns)
            if block is not None:
                if tool.level is not None:
                    # The API's own words: others cut them, or have ids of their own.
                    asked = {semconv.TOOL_CALL_ID: block.id, semconv.TOOL_CALL_ARGUMENTS: block.input}
                    tool.attributes.update({**asked, semconv.TOOL_NAME: block.name})
                tool.attributes.setdefault(semconv.TOOL_CALL_ID, block.id)
                self._tools[block.id] = tool
        tools[:] = [tool for tool in tools if id(tool) not in turns]

    def _tool(self, window: ToolWindow, block: ToolUse, evidence: str) -> Draft:
        """Return the execution of `block`: the recorded one, or an inferred one."""
        tool = self._tools.get(block.id)
        if tool is None:
            attributes = {
                semconv.OPERATION_NAME: semconv.Operation.EXECUTE_TOOL,
                semconv.TOOL_NAME: block.name,
                semconv.TOOL_CALL_ID: block.id,
                semconv.TOOL_CALL_ARGUMENTS: block.input,
                semconv.INFERRED_FROM: evidence,
            }
            name, asked = f"{semconv.Operation.EXECUTE_TOOL} {block.name}", window.asked.llm
            tool = inferred("tool", name, asked, suffix=f"tool{block.number}", attributes=attributes)
            tool.status = "error" if window.brought and window.brought.brings_failure(block.id) else "ok"
            self._turns[id(window.asked)].adopt(tool)
            self._tools[block.id] = tool
        return tool

    def _answered_tools(self, window: ToolWindow) -> None:
        """Add the tools whose results were returned: each ran at some time between response and next request."""
        if id(window.asked) not in self._turns or window.brought is None:
            return
        for block in window.asked.blocks:
            if block.id in self._tools or not window.has_run(block):
                continue
            tool = self._tool(window, block, "result")
            tool.start_ns = window.asked.end_ns
            tool.end_ns = window.brought.start_ns
            tool.attributes[semconv.INFERRED_BOUNDS] = True


def _all_calls(draft: Draft) -> Iterator[Draft]:
    """Yield an agent's own calls in order, without those of agents below it."""
    stack = [draft]
    while stack:
        below = stack.pop()
        if below.kind == "llm":
            yield below
        elif below is draft or below.kind in ("turn", "span"):
            stack.extend(sorted(below.children, key=lambda child: child.start_ns, reverse=True))


def _rank(window: ToolWindow, evidence: str) -> tuple[int, int]:
    return STRENGTH[evidence], window.asked.end_ns
