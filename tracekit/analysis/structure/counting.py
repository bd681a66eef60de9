"""Requests that count the tokens of a prompt: each stands in the turn of the agent whose prompt it counts.

Such a request is no call of the model. An agent usually makes it between two calls, to decide whether its history has
to be shortened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from tracekit.analysis.structure.calls import LlmCall
from tracekit.analysis.structure.conversations import Conversation
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.lanes import common_lane, depth_of
from tracekit.model.recording import Exchange, Recording

__all__ = ["place_counts"]

_COUNTING = re.compile(r"count[-_]tokens\b")
"""Matches the names of spans of requests that count tokens."""


def place_counts(
    container: Draft, conversations: Sequence[Conversation], turns: Mapping[int, Draft], recording: Recording
) -> None:
    """Put the requests directly below `container` that count tokens into the turns of `conversations`.

    The messages tell whose prompt was counted, else the lane does, if one conversation alone was held there or nearest to
    it. The turn is the one that went on then; before the first, the first. Without evidence a request stays where it is.
    `turns` are those of the calls, by the call's `id()`.
    """
    counts = [child for child in container.children if _counts(child, recording)]
    by_key = _by_last_message(conversations) if counts else {}
    for count in counts:
        calls = _counted(count, conversations, by_key, recording) or _nearest(count, conversations, container)
        turn = None if calls is None else turns.get(id(_at(calls, count.start_ns)))
        if turn is not None:
            turn.adopt(count)


def _counts(draft: Draft, recording: Recording) -> bool:
    if draft.kind != "span":
        return False
    paths = [exchange.request.path for exchange in _exchanges(draft, recording)]
    return any(map(_COUNTING.search, paths or [draft.name]))


def _exchanges(draft: Draft, recording: Recording) -> Iterator[Exchange]:
    found = (recording.exchanges.get(child.id) for child in draft.children)
    return (exchange for exchange in found if exchange is not None)


def _by_last_message(conversations: Sequence[Conversation]) -> Mapping[bytes, list[Conversation]]:
    """Return the conversations by the keys of their calls' messages."""
    found: dict[bytes, list[Conversation]] = {}
    for conversation in conversations:
        for call in conversation.calls:
            if call.messages.last is not None:
                found.setdefault(call.messages.last.key, []).append(conversation)
    return found


def _counted(
    count: Draft,
    conversations: Sequence[Conversation],
    by_key: Mapping[bytes, list[Conversation]],
    recording: Recording,
) -> list[LlmCall] | None:
    """Return the calls of the conversation whose prompt `count` counted, or None if that is not known."""
    asked = next((exchange.request.asked for exchange in _exchanges(count, recording)), None)
    messages = () if asked is None else asked.messages.back()
    same = next((by_key[message.key] for message in messages if message.key in by_key), [])
    for held in (same, conversations):
        in_lane = [each for each in held if any(call.llm.lane == count.lane for call in each.calls)]
        for found in (in_lane, same):
            if len({id(each) for each in found}) == 1:
                return found[0].calls
    return None


def _nearest(count: Draft, conversations: Sequence[Conversation], container: Draft) -> list[LlmCall] | None:
    """Return the calls of the one conversation that ran in the most of the tasks around `count`, or None.

    A single conversation proves nothing, unless it is that of the agent in which `count` stands.
    """
    shared = [max(depth_of(common_lane(count.lane, call.llm.lane)) for call in each.calls) for each in conversations]
    most = max(shared, default=0)
    is_told = len(shared) > 1 or container.kind == "agent"
    return conversations[shared.index(most)].calls if is_told and shared.count(most) == 1 else None


def _at(calls: Sequence[LlmCall], at_ns: int) -> LlmCall:
    """Return the call that began last before `at_ns`, else the first."""
    return max((call for call in calls if call.start_ns <= at_ns), key=lambda call: call.start_ns, default=calls[0])
