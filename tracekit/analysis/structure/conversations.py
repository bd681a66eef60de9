"""Conversations: the calls of one agent on one history.

A *history* is a tree of calls in which each continues the one before it: it has that call's tool results or response
among its messages, or a summary of them (`continuing`). A *conversation* is the part of a history that one agent made,
one call after another: system prompt, tools and model show whether two calls are one agent's (`setups`). So

1. a call joins the conversation of the call that it continues, if both are set up as one agent; 2. else the history's
latest conversation of an agent set up like it: that agent returns; 3. else it begins a conversation of an agent that
takes the history over.

Calls of a conversation never overlap. Of several at once that continue the same call, the first that is continued
itself joins the conversation; each other begins its own. A single call that reads a history, and without whose response
the history goes on, is an aside: a title, a verdict, a summary, one of several attempts. It belongs to the turn of the
call that it continues, or to the next if that began meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from tracekit.analysis.structure.calls import LlmCall, text_in
from tracekit.analysis.structure.continuing import History, Link
from tracekit.analysis.structure.setups import Identity, identities_of, is_one_agent

__all__ = ["Conversation", "conversations"]


@dataclass(slots=True, eq=False)
class Conversation:
    """Calls in the order of their begins.

    `source` is the conversation that had the history before, if there is one; `is_shared` is True if another took it
    over. `aside` is the call in whose turn an aside belongs; `is_summary` is True if it is the summary of a history.
    """

    calls: list[LlmCall] = field(default_factory=list)
    source: Conversation | None = None
    is_shared: bool = False
    aside: LlmCall | None = None
    is_summary: bool = False
    readers: dict[int, LlmCall] = field(default_factory=dict)
    """The first call of a history that returns the results of a call's tools, by the `id()` of the latter."""
    quoting: dict[int, LlmCall] = field(default_factory=dict)
    """The first call that quotes a call's `tool_use` blocks as text, by the `id()` of the latter."""

    @property
    def start_ns(self) -> int:
        """The begin of the first call."""
        return self.calls[0].start_ns

    @property
    def lane(self) -> str:
        """The lane of the first call."""
        return self.calls[0].llm.lane

    def is_free(self, call: LlmCall) -> bool:
        """Return whether `call` may be the next; a lane that makes a new call has given up an open one."""
        last = self.calls[-1]
        return last.end_ns <= call.start_ns or (last.llm.end_ns is None and last.llm.lane == call.llm.lane)

    def carries_on(self, other: Conversation) -> bool:
        """Return whether this continues `other`: one agent made both, and the first call has its last text."""
        first, last = self.calls[0], other.calls[-1]
        said = last.text.strip()
        if self.lane != other.lane or last.end_ns > first.start_ns or not said or not is_one_agent(last, first):
            return False
        return said in first.system or any(said in text_in(message) for message in first.messages.back())

    def pairs(self) -> Iterator[tuple[LlmCall, LlmCall | None]]:
        """Yield each call with the one that returns its results, else the next one, else another's that quotes it."""
        for call, following in zip_longest(self.calls, self.calls[1:]):
            yield call, _bringing(call, following, self.readers.get(id(call))) or self.quoting.get(id(call))


def conversations(calls: Iterable[LlmCall]) -> list[Conversation]:
    """Arrange `calls` as conversations, in the order of their begins."""
    return _Assembly(sorted(calls, key=lambda call: (call.start_ns, call.llm.id))).found


class _Assembly:
    """Puts calls, in the order in which they began, into conversations."""

    def __init__(self, calls: list[LlmCall]) -> None:
        self.found: list[Conversation] = []
        self._of_call: dict[int, Conversation] = {}
        self._returning: dict[tuple[int, Identity], Conversation] = {}
        """The latest conversation of each agent in a history, by the `id()` of the history's first conversation."""
        self._roots: dict[int, Conversation] = {}
        links = _links(calls)
        self._continued = {id(link.before) for link in links if link is not None}
        self._own = {id(link.before) for link in links if link is not None and not link.as_user}
        self._heirs = self._heirs_in(calls, links)
        for call, link in zip(calls, links, strict=True):
            self._put(call, link)
        self._tell_summaries(links)
        for conversation in self.found:
            if conversation.source is not None and conversation.aside is None:
                conversation.source.is_shared = True

    def _heirs_in(self, calls: list[LlmCall], links: list[Link | None]) -> dict[int, LlmCall]:
        """Return, by a call's `id()`, the call that continues it as the same agent and joins its conversation."""
        heirs: dict[int, LlmCall] = {}
        for call, link in zip(calls, links, strict=True):
            if link is None or not self._is_next(call, link):
                continue
            known = heirs.setdefault(id(link.before), call)
            if id(known) not in self._continued and id(call) in self._continued:
                heirs[id(link.before)] = call
        return heirs

    def _put(self, call: LlmCall, link: Link | None) -> None:
        aside = None if link is None else self._turn_of_aside(call, link)
        conversation = None if link is None or aside is not None else self._home(call, link)
        if conversation is None:
            conversation = self._begin(link)
            conversation.aside = aside
        conversation.calls.append(call)
        self._of_call[id(call)] = conversation
        for identity in identities_of(call) if aside is None else ():
            self._returning[id(self._roots[id(conversation)]), identity] = conversation
        if link is not None:
            self._note_outcome(call, link.before, self._of_call[id(link.before)])

    def _note_outcome(self, call: LlmCall, before: LlmCall, source: Conversation) -> None:
        """Note that `call`, which continues `before` of `source`, has the results of its tools, or quotes it."""
        if any(call.brings(block.id) for block in before.blocks):
            source.readers.setdefault(id(before), call)
        elif any(call.quotes(block, before) for block in before.blocks):
            source.quoting.setdefault(id(before), call)

    def _begin(self, link: Link | None) -> Conversation:
        conversation = Conversation(source=None if link is None else self._of_call[id(link.before)])
        self.found.append(conversation)
        source = conversation.source
        self._roots[id(conversation)] = conversation if source is None else self._roots[id(source)]
        return conversation

    def _turn_of_aside(self, call: LlmCall, link: Link) -> LlmCall | None:
        """Return the call in whose turn `call` belongs if it is an aside, else None."""
        heir = self._heirs.get(id(link.before))
        if heir is None or heir is call or id(call) in self._continued:
            return None
        if self._is_next(call, link) and not self._is_beside(call, heir):
            return None
        return heir if call.end_ns > heir.start_ns else link.before

    def _home(self, call: LlmCall, link: Link) -> Conversation | None:
        """Return the conversation that `call` joins, or None if it begins one."""
        before = self._of_call[id(link.before)]
        if self._is_next(call, link):
            heir = self._heirs[id(link.before)]
            return None if self._is_beside(call, heir) or not before.is_free(call) else before
        for identity in identities_of(call):
            returned = self._returning.get((id(self._roots[id(before)]), identity))
            if returned is None or returned is before or not returned.is_free(call):
                continue
            if is_one_agent(returned.calls[-1], call):
                return returned
        return None

    @staticmethod
    def _is_beside(call: LlmCall, heir: LlmCall) -> bool:
        """Return whether `call` overlaps another call, the `heir`."""
        return heir is not call and heir.start_ns < call.end_ns and call.start_ns < heir.end_ns

    def _is_next(self, call: LlmCall, link: Link) -> bool:
        """Return whether `call` is the next of the agent whose call it continues.

        A response that one request has as its own, and `call` as the words of a user, belongs to another agent.
        """
        is_anothers = link.as_user and id(link.before) in self._own
        return not is_anothers and is_one_agent(link.before, call, as_user=link.as_user)

    def _tell_summaries(self, links: list[Link | None]) -> None:
        """Put each summary into the turn of the call whose history it sums up."""
        for link in links:
            summing = None if link is None or link.summary is None else self._of_call[id(link.summary)]
            if link is not None and summing is not None and len(summing.calls) == 1:
                summing.aside, summing.is_summary = link.before, True


def _links(calls: list[LlmCall]) -> list[Link | None]:
    history = History()
    links = []
    for call in calls:
        links.append(history.continued_by(call))
        history.add(call)
    return links


def _bringing(call: LlmCall, following: LlmCall | None, reader: LlmCall | None) -> LlmCall | None:
    """Return the call that returns the tool results of `call`: the agent's own, or an earlier equal `reader`."""
    if reader is None or following is None or reader is following or reader.start_ns > following.start_ns:
        return following or reader
    own = {block.id: following.result(block.id) for block in call.blocks}
    is_other = any(text is not None and text != reader.result(id) for id, text in own.items())
    return following if is_other else reader
