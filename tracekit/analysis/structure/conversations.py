"""Conversations: chains of calls of which each continues the one before."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count, zip_longest
from typing import TypeAlias

from tracekit.analysis.structure.calls import Call, text_of
from tracekit.model.conversation import blocks_of
from tracekit.model.history import Message, Messages

__all__ = ["Conversation", "conversations"]

_DISTINCTIVE = 12
"""Characters of an answer that nobody else gives by chance."""
_MOST_ALIKE = 4
"""Calls that gave the same answer, of which the latest are looked at."""
_UNFINISHED = ("max_tokens", "pause_turn", "model_context_window_exceeded", None)


@dataclass(slots=True, eq=False)
class Conversation:
    """A chain of calls in the order in which they began."""

    calls: list[Call] = field(default_factory=list)

    @property
    def start_ns(self) -> int:
        """When the first call began."""
        return self.calls[0].start_ns

    @property
    def lane(self) -> str:
        """Who asked first."""
        return self.calls[0].llm.lane

    def pairs(self) -> Iterator[tuple[Call, Call | None]]:
        """Each call with the one that follows it."""
        return zip_longest(self.calls, self.calls[1:])


def conversations(calls: Iterable[Call]) -> list[Conversation]:
    """`calls` as conversations, in the order in which these began."""
    found: list[Conversation] = []
    of_call: dict[int, Conversation] = {}
    index = _Index()
    for call in sorted(calls, key=lambda call: (call.start_ns, call.llm.id)):
        before = index.continued_by(call)
        conversation = of_call[id(before)] if before is not None else Conversation()
        if before is None:
            found.append(conversation)
        conversation.calls.append(call)
        of_call[id(call)] = conversation
        index.add(call)
    return found


_End: TypeAlias = tuple[int, int, Call]
"""When a call ended, less its number: of those that ended at once the first that began counts as the latest."""


class _Index:
    """The calls so far, by what a later one may continue: of thousands with the same words as fast as of one."""

    def __init__(self) -> None:
        self._by_key: dict[bytes, list[_End]] = {}
        self._by_key_and_answer: dict[tuple[bytes, str], list[_End]] = {}
        self._unfinished: dict[tuple[bytes, str], list[Call]] = {}
        self._numbers = count()
        self._by_text: dict[tuple[str, str, tuple[str, ...]], list[_End]] = {}
        self._latest: dict[tuple[str, str, tuple[str, ...]], Call] = {}
        self._latest_asked: dict[bytes, Call | None] = {}
        self._by_answer: dict[str, Call] = {}
        self._by_block: dict[str, Call] = {}

    def add(self, call: Call) -> None:
        if call.messages.last is not None:
            key, end = call.messages.last.key, (call.end_ns, -next(self._numbers), call)
            insort(self._by_key.setdefault(key, []), end)
            insort(self._by_key_and_answer.setdefault((key, call.signature), []), end)
            if call.stop_reason in _UNFINISHED:
                self._unfinished.setdefault((key, call.llm.lane), []).append(call)
        if len(call.text) >= _DISTINCTIVE:
            of_text = self._by_text.setdefault((call.signature, call.system, call.offered), [])
            insort(of_text, (call.end_ns, -next(self._numbers), call))
        self._latest[call.llm.lane, call.system, call.offered] = call
        if call.answer_id:
            self._by_answer[call.answer_id] = call
        for block in call.blocks:
            self._by_block[block.id] = call

    def continued_by(self, call: Call) -> Call | None:
        """The call that `call` continues: a thread that the server holds, its tools' results, or its messages.

        Of a history that was cut or rewritten, an answer that it still has; or a summary that stands in its place.
        """
        if call.previous_id is not None:
            return self._by_answer.get(call.previous_id)
        asked = self._by_results(call)
        if asked is not None:
            return asked
        for message in call.messages.back():
            before = None if message.before is None else self._matching(call, message.before.key, message)
            if before is not None:
                return before
        return self._asked_again(call) or self._by_answer_kept(call) or self._summed_up(call)

    def _by_results(self, call: Call) -> Call | None:
        """The latest call whose tools' results `call` brings, wherever its history was cut or rewritten."""
        latest = self._latest_of(call.messages)
        if latest is None or latest.end_ns <= call.start_ns:
            return latest
        # By clocks that do not agree, a result was brought before it was asked for.
        ids = dict.fromkeys(id for message in call.messages.back() for id, _ in message.results)
        asked = [self._by_block[id] for id in ids if id in self._by_block]
        ended = [before for before in asked if before.end_ns <= call.start_ns]
        return max(ended, key=lambda before: before.end_ns, default=None)

    def _latest_of(self, messages: Messages) -> Call | None:
        """The call that ended last of those whose tools' results `messages` bring. Each message is looked at once."""
        new: list[Message] = []
        latest: Call | None = None
        for message in messages.back():
            if message.key in self._latest_asked:
                latest = self._latest_asked[message.key]
                break
            new.append(message)
        for message in reversed(new):
            for id, _ in message.results:
                asked = self._by_block.get(id)
                if asked is not None and (latest is None or asked.end_ns > latest.end_ns):
                    latest = asked
            self._latest_asked[message.key] = latest
        return latest

    def _matching(self, call: Call, key: bytes, follows: Message) -> Call | None:
        """The latest call with the messages of this `key` whose answer is the one that `follows` in `call`."""
        if key not in self._by_key:
            return None
        said = follows.signature
        asked = [self._by_key[key]]
        if said:
            # A stop sequence or a trailing space may be lost on the way back, never the whole text.
            asked = [self._by_key_and_answer.get((key, answered), []) for answered in (said, "")]
        ended = [ends[before - 1] for ends in asked if (before := bisect_left(ends, (call.start_ns, 1)))]
        return max(ended, default=(0, 0, None))[2]

    def _asked_again(self, call: Call) -> Call | None:
        """A call with the very same messages that got no whole answer, asked again in the same lane."""
        last = call.messages.last
        same = self._unfinished.get((last.key, call.llm.lane), []) if last is not None else []
        return next((before for before in reversed(same) if before.end_ns <= call.start_ns), None)

    def _by_answer_kept(self, call: Call) -> Call | None:
        """The call, set up alike, that gave the latest answer which `call` has among its messages; rather of its lane.

        What it was itself shown as an answer, such as an example that all requests begin with, it did not give.
        """
        for signature in dict.fromkeys(_answers_in(call)):
            ends = self._by_text.get((signature, call.system, call.offered), [])
            ended = [before for *_, before in ends[: bisect_left(ends, (call.start_ns, 1))][-_MOST_ALIKE:]]
            ended = [before for before in ended if signature not in _answers_in(before)]
            if ended:
                return next((each for each in reversed(ended) if each.llm.lane == call.llm.lane), ended[-1])
        return None

    def _summed_up(self, call: Call) -> Call | None:
        """The lane's last call, set up alike, if it was told in words to end a conversation with what `call` begins with."""
        before = self._latest.get((call.llm.lane, call.system, call.offered))
        is_set_up = bool(call.system or call.offered)
        if before is None or before.end_ns > call.start_ns or not is_set_up or not _ends_in_words(before):
            return None
        said = before.text.strip()
        is_new = not any(said in begin for begin in _begins(before))
        return (
            before if len(said) >= _DISTINCTIVE and is_new and any(said in begin for begin in _begins(call)) else None
        )


def _answers_in(call: Call) -> Iterator[str]:
    """The signatures of the answers among the messages of `call`, newest first."""
    return (message.signature for message in call.messages.back() if message.role == "assistant")


def _begins(call: Call) -> list[str]:
    """The texts with which the messages of `call` begin: a summary stands there, with or without a word of assent."""
    return [text_of(message.get("content")) for message in call.messages[:2] if isinstance(message, Mapping)]


def _ends_in_words(call: Call) -> bool:
    """Whether `call` ends a conversation: the last of several messages says something, and the answer is whole."""
    last = call.messages.last
    if last is None or last.count <= 2 or last.results or call.stop_reason != "end_turn":
        return False
    message = last.value
    return isinstance(message, Mapping) and bool(blocks_of(message.get("content")))
