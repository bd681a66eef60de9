"""Find calls at which an agent's cached prefix was no longer read.

The API's token counts show that cached tokens were lost; the requests, recorded byte for byte, show where and why. A
request is read only where the counts leave a question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracekit import semconv
from tracekit.analysis.caching.blocks import BlockReader, Prefix, PromptBlock
from tracekit.analysis.caching.compare import Cause, PromptDifference, first_difference, marker_fault
from tracekit.analysis.caching.limits import drops_thinking
from tracekit.analysis.caching.settings import settings_in
from tracekit.analysis.facts import Facts
from tracekit.model.conversation import answer_signature, blocks_of, previous_message_id
from tracekit.model.history import RequestFields
from tracekit.model.tree import Node
from tracekit.privacy import is_redacted

__all__ = ["LEAST_LOST", "Break", "breaks_of", "cached_tokens"]

LEAST_LOST = 1024
"""Tokens that must have been lost at a break to count."""

_LOOK_BACK = 8
"""Earlier calls of the agent that are searched for the one that a call continues."""

_DISTINCTIVE = 16
"""Characters of a response's signature that two conversations don't share by chance."""

_OTHER_PLATFORMS = ("aws.bedrock", "gcp.vertex_ai")


@dataclass(frozen=True, slots=True)
class Break:
    """A call, `after`, that continues `before` and did not read `tokens` of that call's cached prefix.

    `at` is the place where the requests differ, None if they don't up to the end of the cached prefix. `idle_ns` is the
    time from the last use of the cached prefix to `after`, and `ttl_ns` the lifetime that was requested.
    """

    before: Node
    after: Node
    tokens: int
    cause: Cause
    at: PromptDifference | None
    idle_ns: int
    ttl_ns: int


def cached_tokens(call: Node) -> int:
    """Return the tokens of the prompt of `call` that were in the cache after its response."""
    return call.tokens.cache_read + call.tokens.cache_write


def breaks_of(facts: Facts, agent: Node) -> Iterator[Break]:
    """Return the breaks in the conversations of `agent`, in the order of the calls that lost tokens."""
    calls = [call for call in facts.own_calls(agent) if _is_counted(call)]
    finder = _BreakFinder(facts, calls)
    for number, after in enumerate(calls):
        if any(_lost(before, after) >= LEAST_LOST for before in calls[max(0, number - _LOOK_BACK) : number]):
            found = finder.find(number)
            if found is not None:
                yield found


def _is_counted(call: Node) -> bool:
    """Return whether the token counts of `call` are those of a single response."""
    has_parts = semconv.ITERATIONS in call.attributes or call.attributes.get(semconv.WEB_SEARCHES)
    return call.status == "ok" and call.tokens.input > 0 and not has_parts


def _lost(before: Node, after: Node) -> int:
    return min(cached_tokens(before), after.tokens.input) - after.tokens.cache_read


class _BreakFinder:
    """Finds the break at a call of one agent."""

    def __init__(self, facts: Facts, calls: Sequence[Node]) -> None:
        self._facts = facts
        self._calls = calls
        self._reader = BlockReader()
        self._prefixes: dict[str, Prefix] = {}

    def find(self, number: int) -> Break | None:
        """Return the break at call `number`, or None if there is none or the record cannot prove it."""
        after = self._calls[number]
        earlier = self._calls[max(0, number - _LOOK_BACK) : number]
        before = next((each for each in reversed(earlier) if self._continues(each, after, earlier)), None)
        if before is None or _lost(before, after) < LEAST_LOST:
            return None
        if not all(self._is_readable(call) for call in (before, after)):
            return None
        one, other = self._prefix(before), self._prefix(after)
        if not one.markers:
            # Nothing in the request says what was cached.
            return None
        used_ns = [_sent_ns(call) for call in earlier if self._used(call, before)]
        idle_ns = _sent_ns(after) - max(used_ns)
        at = self._difference(before, after, one, other)
        cause = at.cause if at is not None else self._cause(before, after, one, other, idle_ns)
        if cause is None or (at is not None and self._is_cut(before, after, at)):
            return None
        return Break(before, after, _lost(before, after), cause, at, idle_ns, one.ttl_ns)

    def _prefix(self, call: Node) -> Prefix:
        """Return the blocks of `call`, kept because it is compared with the calls before and after it."""
        if call.id not in self._prefixes:
            if len(self._prefixes) >= _LOOK_BACK:
                del self._prefixes[next(iter(self._prefixes))]
            self._prefixes[call.id] = self._reader.prefix(self._facts.content.request(call))
        return self._prefixes[call.id]

    def _used(self, call: Node, before: Node) -> bool:
        """Return whether `call` wrote or read the whole prefix that `before` had in the cache."""
        is_later = call.start_ns >= before.start_ns
        return call is before or (is_later and call.tokens.cache_read >= cached_tokens(before))

    # ── which call is continued ──────────────────────────────────────────────────────────────────────────────────

    def _continues(self, before: Node, after: Node, earlier: Sequence[Node]) -> bool:
        """Return whether the request of `after` continues the conversation of `before`, which had ended.

        The request has all messages of `before` and more, or its response, which no other of the `earlier` calls got.
        """
        if before.end_ns is None or before.end_ns > after.start_ns:
            return False
        one, other = (self._facts.content.messages(call) for call in (before, after))
        if not one or not other:
            return False
        if len(other) > len(one) and other.shared(one) == len(one):
            return True
        signature = self._signature(before)
        if len(signature) < _DISTINCTIVE or sum(self._signature(each) == signature for each in earlier) > 1:
            return False
        return any(each.signature == signature for each in other.back() if each.role == "assistant")

    def _signature(self, call: Node) -> str:
        return answer_signature((self._facts.content.answer(call) or {}).get("content"))

    def _is_readable(self, call: Node) -> bool:
        """Return whether the request of `call` is recorded as sent, and its token counts are of that request alone."""
        request, answer = self._facts.content.request(call), self._facts.content.answer(call) or {}
        uses_server_tools = any(_kind(block) == "server_tool_use" for block in blocks_of(answer.get("content")))
        is_whole = bool(request) and previous_message_id(request) is None and "thread" not in request
        return self._facts.is_recorded(call) and is_whole and not uses_server_tools

    # ── a history that was cut ───────────────────────────────────────────────────────────────────────────────────

    def _is_cut(self, before: Node, after: Node, at: PromptDifference) -> bool:
        """Return whether the requests differ because the program or the API shortened the history."""
        if at.place is None or at.place.section != "messages":
            return False
        if after.tokens.input < before.tokens.input or _is_emptied(at):
            return True
        one, other = (self._facts.content.messages(call) for call in (before, after))
        signature = self._signature(before)
        answered = (each.count for each in other.back() if each.role == "assistant" and each.signature == signature)
        if signature and next(answered, len(one) + 1) <= len(one):
            return True
        return any(self._is_edited(call) for call in (before, after))

    def _is_edited(self, call: Node) -> bool:
        """Return whether the API itself cut the history of `call`."""
        answer = self._facts.content.answer(call) or {}
        management = answer.get("context_management")
        edits = management.get("applied_edits") if isinstance(management, Mapping) else None
        return bool(edits) or any(_kind(block) == "compaction" for block in blocks_of(answer.get("content")))

    # ── why ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _difference(self, before: Node, after: Node, one: Prefix, other: Prefix) -> PromptDifference | None:
        requests = [self._facts.content.request(call) for call in (before, after)]
        if before.model != after.model:
            return PromptDifference("model", 0)
        if self._host(before) != self._host(after):
            return PromptDifference("host", 0)
        return first_difference(one, other, tuple(settings_in(*requests)))

    def _host(self, call: Node) -> str:
        exchange = self._facts.content.exchange(call)
        return "" if exchange is None else exchange.request.host

    def _cause(self, before: Node, after: Node, one: Prefix, other: Prefix, idle_ns: int) -> Cause | None:
        """Return the reason why an unchanged prefix was not read; None if the record cannot tell."""
        if idle_ns >= one.ttl_ns:
            return "expired"
        platform = before.attributes.get(semconv.PROVIDER_NAME)
        fault = marker_fault(one, other, runs_count_once=platform not in _OTHER_PLATFORMS)
        if fault is not None:
            return fault
        cached = one.blocks[: one.markers[-1] + 1]
        if _drops(after.model or "", cached, other):
            return "thinking dropped"
        requests = [self._facts.content.request(call) for call in (before, after)]
        is_told = not any(map(_has_placeholder, requests)) and self._betas(before) == self._betas(after)
        return "provider" if is_told and _images(one) == _images(other) else None

    def _betas(self, call: Node) -> str:
        exchange = self._facts.content.exchange(call)
        return "" if exchange is None else exchange.request.headers.get("anthropic-beta", "")


def _sent_ns(call: Node) -> int:
    """Return when the last attempt of `call` was sent."""
    return next((child.start_ns for child in reversed(call.children) if child.kind == "attempt"), call.start_ns)


def _kind(block: Any) -> str:
    return str(block.get("type", "")) if isinstance(block, Mapping) else ""


def _is_emptied(at: PromptDifference) -> bool:
    """Return whether a tool result was replaced by a much shorter one."""
    before, after = at.before, at.after
    return before is not None and before.kind == "tool_result" and (after is None or 2 * after.size < before.size)


def _drops(model: str, cached: Sequence[PromptBlock], other: Prefix) -> bool:
    """Return whether the API drops cached thinking blocks because the user sent more than tool results since."""
    if not drops_thinking(model) or not any(block.kind == "thinking" for block in cached):
        return False
    return any(block.role == "user" and block.kind != "tool_result" for block in other.blocks[len(cached) :])


def _images(prefix: Prefix) -> bool:
    return any(block.kind == "image" for block in prefix.blocks)


def _has_placeholder(request: RequestFields) -> bool:
    """Return whether `request` has redacted text, so that two different requests may look equal."""
    fields = (request.get(name) for name in ("tools", "system"))
    return any(is_redacted(str(value)) for value in fields) or any(
        is_redacted(str(message)) for message in request.messages
    )
