"""The Messages API, as far as a run's structure and usage depend on it: JSON in, plain values out.

Usage follows the API's rule for streams: `message_start` opens the account, and every value that `message_delta`
gives replaces the one before; values are never added up.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.aws import CONTENT_TYPE, frame_events_of
from tracekit.model.sse import events_of

__all__ = ["Answer", "answer_of", "is_stream", "stream_events_of", "usage_attributes"]


class Answer:
    """What an answer says, put together from its body or from the events of its stream so far.

    `message` is the Messages API object, None until its start is known. `complete` is false for a stream whose end
    event has not been seen. `error` is the error that the stream reported.
    """

    __slots__ = ("_partial_inputs", "complete", "error", "message")

    def __init__(self) -> None:
        self.message: dict[str, Any] | None = None
        self.complete = False
        self.error: dict[str, Any] | None = None
        self._partial_inputs: dict[int, str] = {}

    def partial_input(self, index: int) -> str:
        """The input of the tool use that is the block at `index`, as far as it has been streamed; empty once it is whole."""
        return self._partial_inputs.get(index, "")

    def take(self, name: str, data: Any) -> None:
        """Add one event of the stream."""
        if not isinstance(data, dict):
            return
        if name == "message_start":
            self.message = _object(data.get("message"))
            content = self.message.get("content")
            self.message["content"] = [_object(block) for block in content] if isinstance(content, list) else []
        elif name == "error":
            error = data.get("error")
            self.error = error if isinstance(error, dict) else data
        elif self.message is None:
            return
        elif name == "message_delta":
            self._finish(self.message, data)
        elif name == "message_stop":
            self.complete = True
        elif name == "content_block_start":
            self.message["content"].append(_object(data.get("content_block")))
        elif name == "content_block_delta":
            self._grow(self.message["content"], data)
        elif name == "content_block_stop":
            self._close_block(self.message["content"], data)

    def _finish(self, message: dict[str, Any], data: dict[str, Any]) -> None:
        delta = data.get("delta")
        if isinstance(delta, dict):
            # Blocks come in events of their own.
            message.update({key: value for key, value in delta.items() if value is not None and key != "content"})
        usage = data.get("usage")
        if isinstance(usage, dict):
            known = _object(message.get("usage"))
            message["usage"] = {**known, **{key: value for key, value in usage.items() if value is not None}}

    def _grow(self, content: list[dict[str, Any]], data: dict[str, Any]) -> None:
        index, delta = data.get("index"), data.get("delta")
        if not isinstance(index, int) or not isinstance(delta, dict) or not 0 <= index < len(content):
            return
        block = content[index]
        kind = delta.get("type")
        if kind == "input_json_delta":
            self._partial_inputs[index] = self._partial_inputs.get(index, "") + str(delta.get("partial_json", ""))
            return
        field = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}.get(str(kind))
        if field is not None:
            block[field] = str(block.get(field) or "") + str(delta.get(field, ""))
        elif kind == "citations_delta":
            known = block.get("citations")
            block["citations"] = [*(known if isinstance(known, list) else []), delta.get("citation")]

    def _close_block(self, content: list[dict[str, Any]], data: dict[str, Any]) -> None:
        index = data.get("index")
        if not isinstance(index, int) or index not in self._partial_inputs:
            return
        try:
            content[index]["input"] = json.loads(self._partial_inputs.pop(index) or "{}")
        except (ValueError, RecursionError):
            # A tool may be streamed input that is not JSON yet when the answer stops at its token limit.
            return


def _object(value: Any) -> dict[str, Any]:
    """A copy of `value`; empty where it is no object, as in an answer that keeps to no API."""
    return dict(value) if isinstance(value, dict) else {}


def is_stream(content_type: str) -> bool:
    """Whether a body of this type is a stream of events: the API's own, or Bedrock's."""
    return "text/event-stream" in content_type or CONTENT_TYPE in content_type


def stream_events_of(data: bytes, content_type: str, names: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
    """The name and the JSON of each event in `data`, a part of a stream of this type; only of those in `names` if given."""
    if CONTENT_TYPE in content_type:
        return ((name, value) for name, value in frame_events_of(data) if names is None or name in names)
    return events_of(data, names)


def answer_of(body: bytes, content_type: str) -> Answer:
    """The answer in a whole `body`: a JSON object, or the events of a stream."""
    answer = Answer()
    if is_stream(content_type):
        for name, data in stream_events_of(body, content_type):
            answer.take(name, data)
        return answer
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return answer
    if isinstance(message, dict) and message.get("type") != "error":
        answer.message = message
        answer.complete = True
    elif isinstance(message, dict) and isinstance(message.get("error"), dict):
        answer.error = message["error"]
    return answer


def usage_attributes(answer: Answer, *, finished: bool) -> dict[str, Any]:
    """Attributes for what `answer` used; `finished` says that its `message_delta`, if it has one, was seen.

    The API's `input_tokens` leaves out what was read from or written to the cache; the convention's counts it in.
    Before `message_delta` the count of output tokens is a placeholder, so it is left out.
    """
    message = answer.message or {}
    usage = message.get("usage")
    if not isinstance(usage, Mapping):
        return {}
    read, write = _count(usage, "cache_read_input_tokens"), _count(usage, "cache_creation_input_tokens")
    found: dict[str, Any] = {
        semconv.RESPONSE_ID: message.get("id"),
        semconv.RESPONSE_MODEL: message.get("model"),
        semconv.CACHE_READ_TOKENS: read,
        semconv.CACHE_WRITE_TOKENS: write,
        semconv.RESPONSE_SERVICE_TIER: usage.get("service_tier"),
        semconv.SPEED: usage.get("speed"),
        semconv.INFERENCE_GEO: usage.get("inference_geo"),
    }
    if isinstance(usage.get("input_tokens"), int):
        found[semconv.INPUT_TOKENS] = usage["input_tokens"] + (read or 0) + (write or 0)
    created = usage.get("cache_creation")
    if isinstance(created, Mapping):
        found[semconv.CACHE_WRITE_5M_TOKENS] = _count(created, "ephemeral_5m_input_tokens")
        found[semconv.CACHE_WRITE_1H_TOKENS] = _count(created, "ephemeral_1h_input_tokens")
    iterations = usage.get("iterations")
    if isinstance(iterations, list) and [each.get("type") for each in iterations if isinstance(each, Mapping)] != [
        "message"
    ]:
        found[semconv.ITERATIONS] = iterations or None
    if finished:
        found[semconv.OUTPUT_TOKENS] = _count(usage, "output_tokens")
        found[semconv.STOP_REASON] = message.get("stop_reason")
        details, server = usage.get("output_tokens_details"), usage.get("server_tool_use")
        if isinstance(details, Mapping):
            found[semconv.REASONING_TOKENS] = _count(details, "thinking_tokens")
        if isinstance(server, Mapping):
            found[semconv.WEB_SEARCHES] = _count(server, "web_search_requests")
            found[semconv.WEB_FETCHES] = _count(server, "web_fetch_requests")
    return {name: value for name, value in found.items() if value is not None}


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
