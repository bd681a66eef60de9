"""Find the call that a request continues: by a thread on the server, by tool results, or by messages."""

from __future__ import annotations

import json
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping
from itertools import count
from typing import NamedTuple, TypeAlias

from tracekit.analysis.structure.calls import LlmCall, text_in, text_of
from tracekit.analysis.structure.setups import Identity, identity_of, is_one_agent
from tracekit.model.conversation import blocks_of
from tracekit.model.history import Message, Messages

__all__ = ["History", "Link"]

_DISTINCTIVE = 12
"""Characters of a response that does not recur by chance."""
_MOST_ALIKE = 16
"""Number of calls with the same response that are considered, the latest ones."""
_SHORT = 2
"""Messages of a request that is no conversation yet."""
_UNFINISHED = ("max_tokens", "pause_turn", "model_context_window_exceeded", None)


class Link(NamedTuple):
    """The call `before`, whose history a request continues.

    `as_user` is True if the request quotes that call's response as the words of a user. `summary` is the call whose
    response replaces the history, if one does.
    """

    before: LlmCall
    as_user: bool = False
    summary: LlmCall | None = None


_End: TypeAlias = tuple[int, int, LlmCall]
"""The end of a call, its negative number (so that the first of equal ends is the latest), and the call."""


class History:
    """The calls so far, indexed by the keys by which a later call may continue them.

    A lookup takes the same time among thousands of calls with the same words as among few.
    """

    def __init__(self) -> None:
        self._by_key: dict[bytes, list[_End]] = {}
        self._by_key_and_answer: dict[tuple[bytes, str], list[_End]] = {}
        self._unfinished: dict[tuple[bytes, str], list[LlmCall]] = {}
        self._numbers = count()
        self._by_text: dict[str, list[_End]] = {}
        self._latest: dict[tuple[str, Identity], LlmCall] = {}
        self._latest_below: dict[str, LlmCall] = {}
        self._latest_asked: dict[bytes, LlmCall | None] = {}
        self._by_answer: dict[str, LlmCall] = {}
        self._by_block: dict[str, LlmCall] = {}

    def add(self, call: LlmCall) -> None:
        """Add `call`, which began after those that are known."""
        last = call.messages.last
        end = (call.end_ns, -next(self._numbers), call)
        if last is not None:
            insort(self._by_key.setdefault(last.key, []), end)
            insort(self._by_key_and_answer.setdefault((last.key, call.signature), []), end)
            if call.stop_reason in _UNFINISHED:
                self._unfinished.setdefault((last.key, call.llm.lane), []).append(call)
            if last.count > _SHORT:
                self._latest[call.llm.lane, identity_of(call)] = call
        if len(call.text) >= _DISTINCTIVE:
            insort(self._by_text.setdefault(call.signature, []), end)
        for lane in _with_ancestors(call.llm.lane):
            self._latest_below[lane] = call
        if call.answer_id:
            self._by_answer[call.answer_id] = call
        for block in call.blocks:
            self._by_block[block.id] = call

    def continued_by(self, call: LlmCall) -> Link | None:
        """Return the call that `call` continues, by a thread on the server, by tool results, or by messages.

        Of a history that was cut or rewritten, the latest call whose results or response it still has; else a call with
        the same messages that got no whole response; else the last call before a summary that stands in its place.
        """
        if call.previous_id is not None:
            before = self._by_answer.get(call.previous_id)
            return None if before is None else Link(before)
        by_results, by_messages = self._by_results(call), self._by_messages(call)
        if by_results is not None and (by_messages is None or by_messages.before.end_ns < by_results.end_ns):
            return Link(by_results)
        if by_messages is not None:
            return by_messages
        before = self._asked_again(call) or self._by_answer_kept(call)
        return self._summed_up(call) if before is None else Link(before)

    def _by_messages(self, call: LlmCall) -> Link | None:
        """Return the latest call whose messages and response `call` has, or whose messages if both are of one agent."""
        for message in call.messages.back():
            found = None if message.before is None else self._matching(call, message.before.key, message)
            if found is not None:
                return found
        return None

    def _by_results(self, call: LlmCall) -> LlmCall | None:
        """Return the latest call whose tool results `call` has, wherever its history was cut or rewritten."""
        latest = self._latest_of(call.messages)
        if latest is None or latest.end_ns <= call.start_ns:
            return latest
        # By clocks that do not agree, a result was brought before it was asked for.
        ids = dict.fromkeys(id for message in call.messages.back() for id, _ in message.results)
        asked = [self._by_block[id] for id in ids if id in self._by_block]
        ended = [before for before in asked if before.end_ns <= call.start_ns]
        return max(ended, key=lambda before: before.end_ns, default=None)

    def _latest_of(self, messages: Messages) -> LlmCall | None:
        """Return the call that ended last of those whose tool results are in `messages`; each is read once."""
        new: list[Message] = []
        latest: LlmCall | None = None
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

    def _matching(self, call: LlmCall, key: bytes, follows: Message) -> Link | None:
        """Return the call with this message `key` whose response is `follows`, as its own or a user's message."""
        if key not in self._by_key:
            return None
        said = follows.signature
        asked = [self._by_key[key]]
        if said:
            # A stop sequence or a trailing space may be lost on the way back, never the whole text.
            asked = [self._by_key_and_answer.get((key, answered), []) for answered in (said, "")]
        latest = sorted(end for ends in asked for end in _ended(ends, call))[-_MOST_ALIKE:]
        found = [before for *_, before in reversed(latest)]
        if said and not any(before.signature for before in found):
            # Its tool calls may be given back as text.
            asking = (before for *_, before in reversed(_ended(self._by_key[key], call)))
            found = [before for before in asking if any(block.is_quoted_in(follows) for block in before.blocks)]
        found.sort(key=lambda before: (not is_one_agent(before, call), before.llm.lane != call.llm.lane))
        if said or not found:
            return Link(found[0]) if found else None
        if is_one_agent(found[0], call):
            return Link(found[0], _gives_as_user(follows, found[0]))
        return next((Link(before, as_user=True) for before in found if _quotes(follows, before)), None)

    def _asked_again(self, call: LlmCall) -> LlmCall | None:
        """Return a call of the same lane with the very same messages that got no whole response."""
        last = call.messages.last
        same = self._unfinished.get((last.key, call.llm.lane), []) if last is not None else []
        return next((before for before in reversed(same) if before.end_ns <= call.start_ns), None)

    def _by_answer_kept(self, call: LlmCall) -> LlmCall | None:
        """Return the call of the same set-up whose response is the latest that `call` repeats, preferably of its lane.

        A response that the call itself was shown, such as an example at the begin of every request, does not count.
        """
        for signature in dict.fromkeys(_answers_in(call)):
            ended = [before for *_, before in _ended(self._by_text.get(signature, []), call)]
            ended = [before for before in ended if is_one_agent(before, call) and signature not in _answers_in(before)]
            if ended:
                return next((each for each in reversed(ended) if each.llm.lane == call.llm.lane), ended[-1])
        return None

    def _summed_up(self, call: LlmCall) -> Link | None:
        """Return the lane's last call of the same set-up whose history a summary replaces in `call`.

        Either that call itself wrote the summary, as the response that ends its conversation. Or a later call wrote it,
        and the conversation is left with tools whose results nobody returns, or the later call was shown its begin and
        its end.
        """
        before = self._latest.get((call.llm.lane, identity_of(call)))
        summary = self._latest_below.get(call.llm.lane)
        if before is None or summary is None or not (call.system or call.offered):
            return None
        if max(before.end_ns, summary.end_ns) > call.start_ns or not _is_summary(summary, call):
            return None
        if summary is before:
            return Link(before) if _ends_in_words(before) else None
        is_after = before.end_ns <= summary.start_ns
        return Link(before, summary=summary) if is_after and (_is_left(before) or _is_shown(before, summary)) else None


def _ended(ends: list[_End], call: LlmCall) -> list[_End]:
    """Return the latest of `ends` that were over when `call` began."""
    place = bisect_left(ends, (call.start_ns, 1))
    return ends[max(0, place - _MOST_ALIKE) : place]


def _with_ancestors(lane: str) -> Iterator[str]:
    """Yield `lane` and the lanes above it."""
    while lane:
        yield lane
        lane = lane.rpartition(".")[0]


def _gives_as_user(message: Message, before: LlmCall) -> bool:
    """Return whether `message` quotes the response of `before` as the words of a user."""
    return (
        message.role == "user" and len(before.text.strip()) >= _DISTINCTIVE and before.text.strip() in text_in(message)
    )


def _quotes(message: Message, before: LlmCall) -> bool:
    """Return whether `message` quotes the response of `before`: its text as a user's words, or a tool call."""
    return _gives_as_user(message, before) or any(block.is_quoted_in(message) for block in before.blocks)


def _answers_in(call: LlmCall) -> Iterator[str]:
    """Yield the signatures of the assistant's messages of `call`, newest first."""
    return (message.signature for message in call.messages.back() if message.role == "assistant")


def _begins(call: LlmCall) -> list[str]:
    """Return the first texts of `call`, where a summary stands, with or without a reply that accepts it."""
    return [text_of(message.get("content")) for message in call.messages[:2] if isinstance(message, Mapping)]


def _is_summary(summary: LlmCall, call: LlmCall) -> bool:
    """Return whether `call` begins with the response of `summary`, and `summary` itself does not."""
    said = summary.text.strip()
    is_new = not any(said in begin for begin in _begins(summary))
    return len(said) >= _DISTINCTIVE and is_new and any(said in begin for begin in _begins(call))


def _is_left(before: LlmCall) -> bool:
    """Return whether `before` requested tools whose results no request ever returns."""
    return bool(before.blocks) and not any(before.bringing.is_known(block.id) for block in before.blocks)


def _is_shown(before: LlmCall, summary: LlmCall) -> bool:
    """Return whether the request of `summary` has the first text and the last response of the conversation."""
    first = before.messages.last.first(1) if before.messages.last is not None else None
    texts = [text.strip() for text in (text_in(first) if first is not None else "", before.text)]
    shown = "\n".join((summary.system, *(text_in(message) for message in summary.messages.back())))
    return bool(texts[0]) and all(text in shown or json.dumps(text)[1:-1] in shown for text in texts)


def _ends_in_words(call: LlmCall) -> bool:
    """Return whether `call` ends a conversation: its last message has content, and its response is whole."""
    last = call.messages.last
    if last is None or last.count <= _SHORT or last.results or call.stop_reason != "end_turn":
        return False
    message = last.value
    return isinstance(message, Mapping) and bool(blocks_of(message.get("content")))
