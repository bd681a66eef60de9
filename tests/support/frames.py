"""Streams as Bedrock sends them: frames of the event stream of AWS."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import replace

from tracekit.demo.claude import ScriptedResponse, stream

__all__ = ["aws_frame", "aws_stream"]


def aws_frame(headers: dict[str, str], payload: bytes) -> bytes:
    encoded = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(encoded) + len(payload), len(encoded))
    frame = prelude + struct.pack(">I", zlib.crc32(prelude)) + encoded + payload
    return frame + struct.pack(">I", zlib.crc32(frame))


def aws_stream(answer: ScriptedResponse) -> ScriptedResponse:
    """The stream that Bedrock sends for a message, its frames cut across two chunks each."""
    chunks = []
    for wait_s, event in stream(answer, pad=False).chunks or ():
        data = event.partition(b"data: ")[2].strip()
        payload = json.dumps({"bytes": base64.b64encode(data).decode(), "p": "abc"}).encode()
        headers = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
        frame = aws_frame(headers, payload)
        chunks += [(wait_s, frame[:40]), (0.0, frame[40:])]
    return replace(
        answer, headers={"content-type": "application/vnd.amazon.eventstream"}, body=b"", chunks=tuple(chunks)
    )
