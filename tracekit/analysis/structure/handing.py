"""Find the tool calls that handed tasks to agents, and the agents' names that these calls choose.

An agent serves a tool, or took a history over: its request returns the result of another agent's tool call, or quotes
the call as the words of a user. Else an agent hands over by its last tool call if the next agent beside it is shown a
text of that call's input: that is weaker evidence (`Dispatch.is_carried`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from tracekit.analysis.structure.calls import LlmCall, ToolUse, text_in
from tracekit.analysis.structure.choosing import Choices, Dispatch
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.setups import Identity
from tracekit.analysis.structure.unnamed import Unnamed
from tracekit.model.recording import Recording
from tracekit.model.tree import through_spans

__all__ = ["chosen_names"]

_TELLING = 12
"""Characters of a text that does not recur by chance."""


def chosen_names(agents: Sequence[Unnamed], recording: Recording) -> dict[int, str]:
    """Return the names by which tools' inputs choose `agents`, by the `id()` of the agent."""
    choices = Choices(recording)
    handing = _Handing(agents)
    for agent in agents:
        handed = [*handing.to(agent)]
        if not handed and agent.host.kind == "tool":
            handed = [Dispatch(agent.first, agent.host, _asker_of(agent.host))]
        for dispatch in handed or handing.carried_to(agent):
            choices.add(dispatch, id(agent))
    names = choices.names()
    names.update(choices.own_names({id(agent): agent.first for agent in agents}, names))
    return _shared(agents, names)


class _Handing:
    """The tool calls of `agents`, by the agents that received them."""

    def __init__(self, agents: Sequence[Unnamed]) -> None:
        self._asked = {
            block.id: (agent, call, block)
            for agent in agents
            for call in agent.conversation.calls
            for block in call.blocks
        }
        self._quoted = {
            id(quoting): (agent, call)
            for agent in agents
            for call in agent.conversation.calls
            if (quoting := agent.conversation.quoting.get(id(call))) is not None
        }
        self._beside: dict[Draft, list[tuple[int, Unnamed]]] = {}
        for agent in agents:
            self._beside.setdefault(agent.host, []).append((agent.conversation.calls[-1].end_ns, agent))
        for ends in self._beside.values():
            ends.sort(key=lambda end: end[0])
        self._telling: dict[int, list[tuple[ToolUse, list[str]]]] = {}
        """The tool calls of a response by which it may have handed over, by the `id()` of the call."""

    def to(self, agent: Unnamed) -> Iterator[Dispatch]:
        """Yield the tool calls by which other agents handed a history on to `agent`."""
        for call in agent.conversation.calls:
            last = call.messages.last
            for result, _ in () if last is None else last.results:
                asker, asked, block = self._asked.get(result, (agent, call, None))
                if asker is not agent and block is not None:
                    yield Dispatch(call, block, asked.llm)
            asker, asked = self._quoted.get(id(call), (agent, call))
            if asker is not agent:
                yield from (Dispatch(call, block, asked.llm) for block in asked.blocks if call.quotes(block, asked))

    def carried_to(self, agent: Unnamed) -> Iterator[Dispatch]:
        """Yield the last tool calls of the agent before `agent` whose input `agent` was shown."""
        beside = self._beside[agent.host]
        place = bisect_right(beside, agent.first.start_ns, key=lambda end: end[0])
        before = beside[place - 1][1] if place else agent
        asked = next((call for call in reversed(before.conversation.calls) if call.blocks), None)
        if before is agent or asked is None:
            return
        if id(asked) not in self._telling:
            self._telling[id(asked)] = _telling_in(asked, _shown_to(before.first))
        telling = self._telling[id(asked)]
        shown = _shown_to(agent.first) if telling else ""
        for block, texts in telling:
            if any(text in shown for text in texts):
                yield Dispatch(agent.first, block, asked.llm, is_carried=True)


def _shown_to(call: LlmCall) -> str:
    """Return the text of the user messages of `call`."""
    return "\n".join(text_in(message) for message in call.messages.back() if message.role == "user")


def _telling_in(asked: LlmCall, known: str) -> list[tuple[ToolUse, list[str]]]:
    """Return the tool calls of a response with the input texts that identify them, without texts `known` before."""
    texts = ((block, [text for text in block.texts if len(text.strip()) >= _TELLING]) for block in asked.blocks)
    new = ((block, [text for text in long if text not in known]) for block, long in texts)
    return [(block, told) for block, told in new if told]


def _asker_of(tool: Draft) -> Draft | None:
    """Return the call whose response requested `tool`."""
    turn = tool.parent
    return None if turn is None else next((each for each in through_spans(turn.children) if each.kind == "llm"), None)


def _shared(agents: Sequence[Unnamed], names: Mapping[int, str]) -> dict[int, str]:
    """Return `names`, completed for agents of the same role that no tool call chose."""
    of_role: dict[tuple[Draft, Identity | None], set[str]] = {}
    for agent in agents:
        if id(agent) in names and agent.host.kind != "tool":
            of_role.setdefault((agent.host, agent.role), set()).add(names[id(agent)])
    found = dict(names)
    for agent in agents:
        known = of_role.get((agent.host, agent.role), set())
        if agent.role is not None and len(known) == 1:
            found.setdefault(id(agent), *known)
    return found
