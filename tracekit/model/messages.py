"""The Messages API, as far as a run's structure and usage depend on it: JSON in, plain values out.

Usage follows the API's rule for streams: `message_start` opens the account, and every value that `message_delta`
gives replaces the one before; values are never added up.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, TypeAlias

from tracekit import semconv
from tracekit.model.aws import CONTENT_TYPE, FrameSplitter, are_frames, frame_events_of
from tracekit.model.parsing import parse_json
from tracekit.model.sse import Splitter, events_of, is_event
from tracekit.model.typed import typed_block, typed_message
from tracekit.origin import pass_on

__all__ = [
    "HEAD_BYTES",
    "BodyReader",
    "ResponseContent",
    "StreamForm",
    "answer_of",
    "stream_events_of",
    "stream_form",
    "usage_attributes",
]

StreamForm: TypeAlias = Literal["sse", "frames"]
"""The form of a streamed body: server-sent events, or the event stream of AWS that Bedrock uses."""

HEAD_BYTES = 12
"""The number of bytes at the beginning of a body that `stream_form` needs."""


class ResponseContent:
    """The content of a response, assembled from its body or from the events of its stream so far.

    `message` is the Messages API object, None until its start is known. `complete` is False for a stream whose end
    event has not been seen. `error` is the error that the stream reported.
    """

    __slots__ = ("_partial_inputs", "complete", "error", "message")

    def __init__(self) -> None:
        self.message: dict[str, Any] | None = None
        self.complete = False
        self.error: dict[str, Any] | None = None
        self._partial_inputs: dict[int, str] = {}

    def partial_input(self, index: int) -> str:
        """Return the streamed part of the input of the tool use at `index`; "" once it is whole."""
        return self._partial_inputs.get(index, "")

    def take(self, name: str, data: Any) -> None:
        """Add one event of the stream."""
        if not isinstance(data, dict):
            return
        if name == "message_start":
            self.message = typed_message(_object(data.get("message")))
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
            self.message["content"].append(typed_block(_object(data.get("content_block"))))
        elif name == "content_block_delta":
            self._grow(self.message["content"], data)
        elif name == "content_block_stop":
            self._close_block(self.message["content"], data)

    def _finish(self, message: dict[str, Any], data: dict[str, Any]) -> None:
        delta = data.get("delta")
        if isinstance(delta, dict):
            # Blocks come in events of their own.
            message.update({key: value for key, value in delta.items() if value is not None and key != "content"})
            typed_message(message)
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
            content[index]["input"] = parse_json(self._partial_inputs.pop(index) or "{}")
        except ValueError as error:
            pass_on(error)
            # A tool may be streamed input that is not JSON yet when the answer stops at its token limit.
            return


def _object(value: Any) -> dict[str, Any]:
    """A copy of `value`; empty where it is no object, as in an answer that keeps to no API."""
    return dict(value) if isinstance(value, dict) else {}


def stream_form(head: bytes, content_type: str) -> StreamForm | None:
    """Return the form of the stream that begins with `head`, or None for a body that is no stream.

    The bytes decide, as they do for the SDK, which parses what it asked to be streamed whatever the content type says.
    The content type decides where the bytes begin neither an event, a frame nor a JSON text.

    Args:
        head: The first `HEAD_BYTES` of the body or more; fewer only where the body has no more.
        content_type: The value of the response's ``content-type`` header; "" if absent.
    """
    if is_event(head):
        return "sse"
    if are_frames(head):
        return "frames"
    if head.lstrip()[:1] in (b"{", b"["):
        return None
    declared = content_type.lower()
    if "text/event-stream" in declared:
        return "sse"
    return "frames" if CONTENT_TYPE in declared else None


def stream_events_of(data: bytes, form: StreamForm, names: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Iterate over the events in `data`, a part of a stream, as names and JSON values.

    If `names` is given, only events of these names are parsed.
    """
    if form == "frames":
        return ((name, value) for name, value in frame_events_of(data) if names is None or name in names)
    return events_of(data, names)


class BodyReader:
    """Reads a response's body into an `ResponseContent`, piece by piece.

    Args:
        content_type: The value of the response's ``content-type`` header; "" if absent.
    """

    __slots__ = ("_content_type", "_form", "_is_known", "_splitter", "_whole", "answer")

    def __init__(self, content_type: str) -> None:
        self.answer = ResponseContent()
        self._content_type = content_type
        self._is_known = False
        self._form: StreamForm | None = None
        self._splitter: Splitter | FrameSplitter | None = None
        self._whole: list[bytes] = []

    def feed(self, data: bytes) -> None:
        """Add `data`, the next piece of the body. Events of a stream reach `answer` as soon as they are whole."""
        if self._form is not None:
            self._take(data)
            return
        self._whole.append(data)
        if not self._is_known and sum(map(len, self._whole)) >= HEAD_BYTES:
            self._decide()

    def so_far(self) -> ResponseContent:
        """Return the answer as far as the pieces tell it; of a stream, its whole events."""
        if self._form is None:
            self._read_json(b"".join(self._whole))
        return self.answer

    def finish(self) -> ResponseContent:
        """Read what is left at the end of the body, and return the answer."""
        if not self._is_known:
            self._decide()
        if self._splitter is not None and self._form is not None:
            # An event that was cut off after its data is read all the same.
            self._take_events(self._splitter.rest(), self._form)
        return self.so_far()

    def _decide(self) -> None:
        whole = b"".join(self._whole)
        self._is_known = True
        self._form = stream_form(whole, self._content_type)
        if self._form is not None:
            self._whole, self._splitter = [], FrameSplitter() if self._form == "frames" else Splitter()
            self._take(whole)

    def _take(self, data: bytes) -> None:
        if self._splitter is not None and self._form is not None:
            self._take_events(self._splitter.feed(data), self._form)

    def _take_events(self, data: bytes, form: StreamForm) -> None:
        for name, value in stream_events_of(data, form):
            self.answer.take(name, value)

    def _read_json(self, body: bytes) -> None:
        try:
            message = parse_json(body)
        except ValueError as error:
            pass_on(error)
            return
        if isinstance(message, dict) and message.get("type") != "error":
            self.answer.message = typed_message(message)
            self.answer.complete = True
        elif isinstance(message, dict) and isinstance(message.get("error"), dict):
            self.answer.error = message["error"]


def answer_of(body: bytes, content_type: str) -> ResponseContent:
    """Return the answer in a whole `body`: a JSON object, or the events of a stream."""
    reader = BodyReader(content_type)
    reader.feed(body)
    return reader.finish()


def usage_attributes(answer: ResponseContent, *, finished: bool) -> dict[str, Any]:
    """Return the attributes for the usage in `answer`.

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
    asked = _count(usage, "input_tokens")
    if asked is not None:
        found[semconv.INPUT_TOKENS] = asked + (read or 0) + (write or 0)
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
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None


_MOST_TOKENS = 1 << 38
"""More than any account has: what is beyond it is no count, and sums of such would leave 64 bits."""
