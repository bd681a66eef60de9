"""The attempts of a call, as far as its version of Claude Code wrote them down."""

from __future__ import annotations

from functools import partial
from typing import Any

from tracekit import semconv
from tracekit.journal.imported import Prompt
from tracekit.model.events import Failure, Request
from tracekit.sources.claude_code.calls import CallRecord
from tracekit.sources.claude_code.content import SessionContent
from tracekit.sources.claude_code.lines import FailurePart, RequestPart, SessionLine
from tracekit.sources.ids import span_id
from tracekit.sources.translation import ImportedSpan

__all__ = ["attempts_of"]

_KNOWN_FIELDS = ("max_tokens", "temperature", "thinking", "tool_choice")
_URL = ("POST", "https://api.anthropic.com", "/v1/messages", "")


def attempts_of(call: CallRecord, llm: str, run: str, lane: str, content: SessionContent) -> list[ImportedSpan]:
    """Return the attempts of `call`, at least one; the span of the call is `llm`."""
    begins = _begins(call)
    base = None if call.parent is None or call.parent.is_copied else _last_id(call.parent, run)
    spans: list[ImportedSpan] = []
    for number, (start, model, fields) in enumerate(begins):
        id = _attempt_id(call, number, run)
        is_last = number == len(begins) - 1
        end = call.end_ns if is_last else _failed_ns(call, number, begins[number + 1][0])
        failure = _last_failure(call) if is_last else _failure(call, number)
        # A later attempt sends the messages of the first again.
        add = partial(content.new_messages, call) if number == 0 else _nothing
        wait_ms = _wait_ms(call, number)
        newest = call.newest if is_last else None
        spans.append(
            ImportedSpan(
                id,
                llm,
                "attempt",
                f"POST {_URL[2]}",
                start,
                None if end is None else max(start, end),
                lane,
                "ok" if failure is None else "error",
                failure,
                {
                    semconv.REQUEST_REBUILT: True,
                    **({semconv.REQUEST_MODEL: model} if model else {}),
                    **({semconv.HTTP_RESEND_COUNT: number} if number else {}),
                    **({} if wait_ms is None else {semconv.WAIT_MS: wait_ms}),
                },
                _end_attributes(call, number, is_last=is_last),
                request=Request(*_URL, {"content-type": "application/json"}, None),
                prompt=Prompt(base, add, {**({"model": model} if model else {}), **fields}),
                response=None if newest is None else partial(content.response, call),
            )
        )
        base = id
    return spans


def _nothing() -> list[Any]:
    return []


def _begins(call: CallRecord) -> list[tuple[int, str, dict[str, Any]]]:
    """Return the begin, the model and the known fields of each attempt."""
    model = call.newest.model if call.newest is not None else ""
    if call.requests:
        found = []
        for line in call.requests:
            fields = line.content.fields if isinstance(line.content, RequestPart) else {}
            asked = fields.get("model")
            known = {name: fields[name] for name in _KNOWN_FIELDS if name in fields}
            found.append((line.at_ns, asked if isinstance(asked, str) else model, known))
        return found
    begins: list[tuple[int, str, dict[str, Any]]] = [(call.start_ns, model, {})]
    for line in call.failures:
        part = line.content
        wait_ms = part.wait_ms or 0 if isinstance(part, FailurePart) else 0
        begins.append((line.at_ns + int(wait_ms * 1e6), model, {}))
    # The last failure of a call that failed for good has no attempt after it.
    return begins[:-1] if call.error is not None and len(begins) > 1 else begins


def _attempt_id(call: CallRecord, number: int, run: str) -> str:
    if number < len(call.requests):
        return span_id(run, "attempt", call.requests[number].uuid)
    return span_id(run, "attempt", call.key, number)


def _last_id(call: CallRecord, run: str) -> str:
    return _attempt_id(call, len(_begins(call)) - 1, run)


def _failure_line(call: CallRecord, number: int) -> SessionLine | None:
    return call.failures[number] if number < len(call.failures) else None


def _failed_ns(call: CallRecord, number: int, next_ns: int) -> int:
    """Return the end of a failed attempt: as the record says, else the begin of the next."""
    line = _failure_line(call, number)
    return next_ns if line is None else min(line.at_ns, next_ns)


def _failure(call: CallRecord, number: int) -> Failure:
    line = _failure_line(call, number)
    part = line.content if line is not None else None
    if isinstance(part, FailurePart):
        return Failure("api_error" if part.status is None else str(part.status), part.message[:500])
    return Failure("retried", "the next attempt followed; the transcript does not say why this one failed")


def _last_failure(call: CallRecord) -> Failure | None:
    if call.error is not None:
        status = call.error.error_status
        return Failure(str(status) if status is not None else call.error.error)
    if not call.lines and call.closed_ns is not None:
        return Failure("no_answer", "the request was abandoned: the transcript has no response to it")
    return None


def _wait_ms(call: CallRecord, number: int) -> float | None:
    line = _failure_line(call, number - 1) if number else None
    return line.content.wait_ms if line is not None and isinstance(line.content, FailurePart) else None


def _end_attributes(call: CallRecord, number: int, *, is_last: bool) -> dict[str, Any]:
    line = _failure_line(call, number) if not is_last or call.error is not None else None
    status = line.content.status if line is not None and isinstance(line.content, FailurePart) else None
    if is_last and call.error is not None and call.error.error_status is not None:
        status = call.error.error_status
    if is_last and call.lines:
        status = 200
    return {} if status is None else {semconv.HTTP_STATUS: status}
