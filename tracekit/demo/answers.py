"""The requests and responses of a scripted Claude, as plain values.

A `ScriptedResponse` holds the very bytes that are sent, so a test can compare them with what a client or a recorder saw. Ids are
derived from content: equal messages have equal ids, unless `id` is given.
"""

import base64
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

Block = dict[str, Any]
"""One content block of a message, as JSON."""

Fault = Literal["", "drop", "cut", "stall", "early_end"]
"""How an answer goes wrong on the wire; the empty string for one that does not."""


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it arrived.

    Attributes:
        number: The request's place in the order of arrival, from 0.
        method: The HTTP method.
        path: The path without the query.
        query: The query without its question mark.
        headers: The headers, with lower-case names.
        body: The body's bytes.
        at_ns: When the body was complete, by `time.monotonic_ns`, in nanoseconds.
    """

    number: int
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    at_ns: int

    def json(self) -> dict[str, Any]:
        """Return the body as a JSON object; an empty body is an empty object."""
        return cast("dict[str, Any]", json.loads(self.body or b"{}"))

    @property
    def streams(self) -> bool:
        """Return whether the request asks for a stream."""
        return self.json().get("stream") is True


@dataclass(frozen=True, slots=True)
class ScriptedResponse:
    """One answer as it is sent.

    Attributes:
        status: The HTTP status.
        headers: Headers, with lower-case names; `content-type` (JSON) and `request-id` are added where they are missing.
        body: The whole body, used when `chunks` is None.
        chunks: Pairs of the seconds to wait before a chunk and its bytes. Each is flushed on its own, in chunked
            transfer-encoding.
        delay_s: Seconds to wait before the head.
        fault: `drop` closes the connection before any head. The others act after the chunks: `cut` closes it without
            the chunk that ends a body, `stall` says nothing more until the client goes away, and `early_end` ends the
            body cleanly, although the message is not complete.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    chunks: tuple[tuple[float, bytes], ...] | None = None
    delay_s: float = 0.0
    fault: Fault = ""


Respond = Callable[[ReceivedRequest], ScriptedResponse]
"""Decides on the answer to a request."""


def text(words: str) -> Block:
    """Make a text block."""
    return {"type": "text", "text": words}


def thinking(words: str, signature: str | None = None) -> Block:
    """Make a thinking block; the signature is derived from the words unless given."""
    signed = base64.b64encode(hashlib.sha512(words.encode()).digest() * 2).decode()
    return {"type": "thinking", "thinking": words, "signature": signature or signed}


def tool_use(name: str, input: Mapping[str, Any], id: str | None = None) -> Block:
    """Make a block that asks for a tool; the id is derived from name and input unless given."""
    made = _id("toolu_01", [name, input])
    return {"type": "tool_use", "id": id or made, "name": name, "input": dict(input), "caller": {"type": "direct"}}


def message(
    *blocks: Block,
    model: str = "claude-sonnet-5",
    stop_reason: str | None = None,
    usage: Mapping[str, Any] | None = None,
    id: str | None = None,
    delay_s: float = 0.0,
) -> ScriptedResponse:
    """Answer with a whole message.

    Args:
        *blocks: The content.
        model: The model that answers.
        stop_reason: Why it stopped: by default `tool_use` if it asks for a tool, else `end_turn`.
        usage: What to set in the usage, whose defaults follow from the lengths of the blocks.
        id: The message's id, by default derived from the content.
        delay_s: Seconds to wait before the head.
    """
    asks = any(block["type"] == "tool_use" for block in blocks)
    body = {
        "model": model,
        "id": id or _id("msg_01", [model, blocks]),
        "type": "message",
        "role": "assistant",
        "content": list(blocks),
        "stop_reason": stop_reason or ("tool_use" if asks else "end_turn"),
        "stop_sequence": None,
        "usage": _usage(blocks, usage or {}),
    }
    return ScriptedResponse(body=_compact(body), delay_s=delay_s)


def count_tokens(input_tokens: int) -> ScriptedResponse:
    """Answer a request that only asks for the number of its tokens."""
    return ScriptedResponse(body=_compact({"input_tokens": input_tokens}))


def error(status: int, type: str, message: str, headers: Mapping[str, str] | None = None) -> ScriptedResponse:
    """Answer with the API's error envelope; its request id is also the `request-id` header."""
    request_id = _id("req_01", [status, type, message, dict(headers or {})])
    body = {"type": "error", "error": {"type": type, "message": message}, "request_id": request_id}
    return ScriptedResponse(status=status, headers={"request-id": request_id, **(headers or {})}, body=_compact(body))


def stream(answer: ScriptedResponse, *, gap_s: float = 0.0, first_s: float = 0.0, pad: bool = True) -> ScriptedResponse:
    """Turn a message into the stream of events that the API sends for it.

    Args:
        answer: What `message` made; its delay stays the delay before the head.
        gap_s: Seconds between two events.
        first_s: Seconds between the head and the first event.
        pad: Whether to add spaces before the closing brace of the data, as the API does; their number is derived from
            the data.
    """
    events = tuple(_sse(name, data, pad=pad) for name, data in _events(json.loads(answer.body)))
    waits = (first_s, *[gap_s] * (len(events) - 1))
    return replace(
        answer, headers={**_SSE_HEADERS, **answer.headers}, body=b"", chunks=tuple(zip(waits, events, strict=True))
    )


def reply(
    asked: ReceivedRequest, answer: ScriptedResponse, *, gap_s: float = 0.0, first_s: float = 0.0
) -> ScriptedResponse:
    """Stream a message if the request asks for a stream; leave errors, faults and streams as they are.

    Args:
        asked: The request.
        answer: The answer, as any of the functions here makes it.
        gap_s: Seconds between two events of the stream.
        first_s: Seconds between the head and the first event of the stream.
    """
    is_message = answer.status == 200 and answer.chunks is None and not answer.fault
    return stream(answer, gap_s=gap_s, first_s=first_s) if is_message and asked.streams else answer


def dropped(delay_s: float = 0.0) -> ScriptedResponse:
    """Close the connection without an answer, after `delay_s` seconds."""
    return ScriptedResponse(delay_s=delay_s, fault="drop")


def cut(answer: ScriptedResponse, after: int) -> ScriptedResponse:
    """Break the connection after so many events of a streamed answer, or so many bytes of a plain one."""
    return _fault(answer, after, "cut")


def early_end(answer: ScriptedResponse, after: int) -> ScriptedResponse:
    """End the body cleanly after so many events of a streamed answer, or so many bytes of a plain one."""
    return _fault(answer, after, "early_end")


def stalled(answer: ScriptedResponse, after: int) -> ScriptedResponse:
    """Fall silent after so many events of a streamed answer, or so many bytes of a plain one."""
    return _fault(answer, after, "stall")


def sse_error(
    answer: ScriptedResponse, after: int, type: str = "overloaded_error", message: str = "Overloaded"
) -> ScriptedResponse:
    """Send so many events of a streamed answer, then an `error` event, and end the body."""
    request_id = _id("req_01", [type, message])
    data = {"type": "error", "error": {"type": type, "message": message}, "request_id": request_id}
    begun = _fault(answer, after, "")
    chunks = (*(begun.chunks or ()), (0.0, _sse("error", data, pad=False)))
    return replace(begun, headers={**begun.headers, "request-id": request_id}, chunks=chunks)


_SSE_HEADERS: Mapping[str, str] = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}


def _fault(answer: ScriptedResponse, after: int, fault: Fault) -> ScriptedResponse:
    chunks = ((0.0, answer.body[:after]),) if answer.chunks is None else answer.chunks[:after]
    return replace(answer, body=b"", chunks=chunks, fault=fault)


def _compact(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _id(prefix: str, content: object) -> str:
    digest = base64.b32encode(hashlib.sha256(_compact(content)).digest()).decode()
    return prefix + digest[:22]


def _usage(blocks: Sequence[Block], given: Mapping[str, Any]) -> dict[str, Any]:
    # About four characters make a token; a question of twice the answer's length is as good as any other.
    thought = sum(len(block.get("thinking", "")) for block in blocks) // 4
    output = max(1, len(_compact(blocks)) // 4)
    written = given.get("cache_creation_input_tokens", 0)
    usage = {
        "input_tokens": 2 * output,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output,
        "service_tier": "standard",
        "inference_geo": "global",
    }
    details = {"output_tokens_details": {"thinking_tokens": thought}} if thought else {}
    return {**usage, **details, **given}


def _sse(name: str, data: Mapping[str, Any], *, pad: bool) -> bytes:
    if name == "ping":
        # The API writes its pings with a space and without padding.
        return b'event: ping\ndata: {"type": "ping"}\n\n'
    line = _compact(data)
    spaces = b" " * (zlib.crc32(line) % 16 if pad else 0)
    return b"event: " + name.encode() + b"\ndata: " + line[:-1] + spaces + b"}\n\n"


def _events(whole: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    usage: Mapping[str, Any] = whole["usage"]
    # What message_start says of the output is a placeholder, and what it cost to think is known at the end.
    at_start = {key: 1 if key == "output_tokens" else usage[key] for key in usage if key != "output_tokens_details"}
    start = {**whole, "content": [], "stop_reason": None, "stop_sequence": None, "usage": at_start}
    yield "message_start", {"type": "message_start", "message": start}
    for index, block in enumerate(whole["content"]):
        opened, deltas = _deltas(block)
        yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": opened}
        if index == 0:
            yield "ping", {"type": "ping"}
        for delta in deltas:
            yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
        yield "content_block_stop", {"type": "content_block_stop", "index": index}
    at_end = {key: usage[key] for key in usage if key in _CUMULATIVE}
    stopped = {"stop_reason": whole["stop_reason"], "stop_sequence": whole["stop_sequence"]}
    yield "message_delta", {"type": "message_delta", "delta": stopped, "usage": at_end}
    yield "message_stop", {"type": "message_stop"}


_CUMULATIVE = {
    "input_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens",
    "output_tokens_details",
    "server_tool_use",
}
"""What the usage of `message_delta` repeats; the rest stands in that of `message_start` alone."""


def _deltas(block: Block) -> tuple[Block, list[dict[str, str]]]:
    """Take a block apart into what opens it and what fills it; a block of another type is opened whole."""
    match block:
        case {"type": "text", "text": words}:
            return {**block, "text": ""}, [{"type": "text_delta", "text": word} for word in _words(words)]
        case {"type": "thinking", "thinking": words, "signature": signature}:
            filled = [{"type": "thinking_delta", "thinking": word} for word in _words(words)]
            return {**block, "thinking": "", "signature": ""}, [
                *filled,
                {"type": "signature_delta", "signature": signature},
            ]
        case {"type": "tool_use" | "server_tool_use", "input": given}:
            whole = json.dumps(given, ensure_ascii=False) if given else ""
            # The API begins every input with an empty piece.
            pieces = ["", *(whole[at : at + 12] for at in range(0, len(whole), 12))]
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        case _:
            return block, []


def _words(words: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+", words)
