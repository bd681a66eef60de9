"""The tool calls by which agents come to work, and the names that these choose.

An agent serves a tool, or took a history over: its request brings the result of another agent's tool call, or quotes the
call as the words of a user. Else an agent hands over by its last tool call if the next agent beside it is shown a text of
that call's input: that is weaker evidence (`Dispatch.is_carried`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from tracekit.analysis.structure.calls import Block, Call, text_in
from tracekit.analysis.structure.choosing import Choices, Dispatch
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.setups import Identity
from tracekit.analysis.structure.unnamed import Unnamed
from tracekit.model.recording import Recording
from tracekit.model.tree import through_spans

__all__ = ["chosen_names"]

_TELLING = 12
"""Characters of a text that nobody else writes by chance."""


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
    """The tool calls of `agents`, by who got to know of them."""

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
        self._telling: dict[int, list[tuple[Block, list[str]]]] = {}
        """The tool calls of a response by which it may have handed over, by the `id()` of the call."""

    def to(self, agent: Unnamed) -> Iterator[Dispatch]:
        """The tool calls by which others handed a history on to `agent`."""
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
        """The tool calls with which the agent before `agent` ended its work, as far as `agent` was shown their input."""
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


def _shown_to(call: Call) -> str:
    """The text that the messages of `call` give as a user's."""
    return "\n".join(text_in(message) for message in call.messages.back() if message.role == "user")


def _telling_in(asked: Call, known: str) -> list[tuple[Block, list[str]]]:
    """The tool calls in a response with those texts of their input by which they are known again: none that was `known`."""
    texts = ((block, [text for text in block.texts if len(text.strip()) >= _TELLING]) for block in asked.blocks)
    new = ((block, [text for text in long if text not in known]) for block, long in texts)
    return [(block, told) for block, told in new if told]


def _asker_of(tool: Draft) -> Draft | None:
    """The call whose answer asked for `tool`."""
    turn = tool.parent
    return None if turn is None else next((each for each in through_spans(turn.children) if each.kind == "llm"), None)


def _shared(agents: Sequence[Unnamed], names: Mapping[int, str]) -> dict[int, str]:
    """`names`, and that of the agents of one role for those of them who began otherwise than by being chosen."""
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
