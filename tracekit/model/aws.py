"""The event stream of AWS, in which Bedrock streams a response: its frames and their content.

https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from tracekit.model.parsing import parse_json
from tracekit.origin import pass_on

__all__ = ["CONTENT_TYPE", "FrameSplitter", "are_frames", "frame_events_of", "rewritten_frames"]

CONTENT_TYPE = "application/vnd.amazon.eventstream"

_PRELUDE = struct.Struct(">III")
_CHECKSUM_BYTES = 4
_CHECKED_BYTES = 8
_SMALLEST = _PRELUDE.size + _CHECKSUM_BYTES
_STRING = 7


class FrameSplitter:
    """Cuts a stream of bytes after whole frames, so that no piece ends in the middle of one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """The whole frames that `data` completes; empty while the next one is incomplete."""
        data = self._rest + data
        end = 0
        for frame in _frames(data):
            end += len(frame)
        self._rest = data[end:]
        return data[:end]

    def rest(self) -> bytes:
        """Return the bytes after the last whole frame."""
        rest, self._rest = self._rest, b""
        return rest


def frame_events_of(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the name and the JSON of each Messages API event in `data`; other frames are skipped."""
    for frame in _frames(data):
        _, headers_length, _ = _PRELUDE.unpack_from(frame)
        headers_end = _PRELUDE.size + headers_length
        try:
            headers = _headers(frame[_PRELUDE.size : headers_end])
            payload = parse_json(frame[headers_end:-_CHECKSUM_BYTES])
            if headers.get(":message-type") != "event":
                kind = headers.get(":exception-type") or headers.get(":error-code") or "error"
                yield "error", {"type": "error", "error": {"type": kind, "message": str(payload.get("message", ""))}}
                continue
            event = parse_json(base64.b64decode(payload["bytes"]))
            yield str(event["type"]), event
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            pass_on(error)
            continue


def are_frames(data: bytes) -> bool:
    """Return whether `data` begins with a frame: its first bytes have a checksum of their own."""
    if len(data) < _PRELUDE.size:
        return False
    (checksum,) = struct.unpack_from(">I", data, _CHECKED_BYTES)
    return zlib.crc32(data[:_CHECKED_BYTES]) == int(checksum)


def rewritten_frames(data: bytes, rewrite: Callable[[bytes], bytes]) -> bytes:
    """Return `data` with `rewrite` applied to the JSON text of each event in it."""
    parts: list[bytes] = []
    at = 0
    for frame in _frames(data):
        parts.append(_rewritten(frame, rewrite))
        at += len(frame)
    return b"".join((*parts, data[at:]))


def _rewritten(frame: bytes, rewrite: Callable[[bytes], bytes]) -> bytes:
    _, headers_length, _ = _PRELUDE.unpack_from(frame)
    headers_end = _PRELUDE.size + headers_length
    old = frame[headers_end:-_CHECKSUM_BYTES]
    try:
        payload = json.loads(old)
        event = base64.b64decode(payload["bytes"])
    except (ValueError, KeyError, TypeError) as error:
        pass_on(error)
        new = rewrite(old)
    else:
        text = rewrite(event)
        new = old if text == event else json.dumps({**payload, "bytes": base64.b64encode(text).decode()}).encode()
    if new == old:
        return frame
    length = _PRELUDE.size + headers_length + len(new) + _CHECKSUM_BYTES
    head = struct.pack(">II", length, headers_length)
    whole = head + struct.pack(">I", zlib.crc32(head)) + frame[_PRELUDE.size : headers_end] + new
    return whole + struct.pack(">I", zlib.crc32(whole))


def _frames(data: bytes) -> Iterator[bytes]:
    at = 0
    while len(data) - at >= _SMALLEST:
        length = _PRELUDE.unpack_from(data, at)[0]
        if not _SMALLEST <= length <= len(data) - at:
            return
        yield data[at : at + length]
        at += length


def _headers(data: bytes) -> dict[str, str]:
    """Return the headers that are strings, up to the first that is not: those that identify a frame come first."""
    headers: dict[str, str] = {}
    at = 0
    while at < len(data):
        name_end = at + 1 + data[at]
        name, kind = data[at + 1 : name_end].decode(), data[name_end]
        if kind != _STRING:
            break
        (length,) = struct.unpack_from(">H", data, name_end + 1)
        at = name_end + 3 + length
        headers[name] = data[name_end + 3 : at].decode()
    return headers
