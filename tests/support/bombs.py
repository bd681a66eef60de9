"""Small recordings that demand memory, time or types that a reader does not have."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

__all__ = ["BOMBS"]

START_NS = 1_700_000_000_000_000_000
SPACES = 4 * 10**9
DEEP = 100_000
MANY = 5_000


def header(**changes: Any) -> dict[str, Any]:
    run = {"run": "ab" * 16, "name": "bomb", "recorded_at_ns": START_NS, "root": None, "content": "full"}
    return {"e": "header", "format": "tracekit-journal", "version": 1, **run, **changes}


def begin(number: int, kind: str = "span", parent: int | None = None, **changes: Any) -> dict[str, Any]:
    span = {"id": f"{number:016x}", "parent": None if parent is None else f"{parent:016x}", "kind": kind}
    return {"e": "begin", **span, "name": kind, "t": START_NS + number, "lane": "m", **changes}


def end(number: int, **changes: Any) -> dict[str, Any]:
    return {"e": "end", "id": f"{number:016x}", "t": START_NS + number + MANY, "status": "ok", **changes}


def asking(number: int, **body: Any) -> dict[str, Any]:
    head = {"method": "POST", "host": "https://api.anthropic.com", "path": "/v1/messages", "headers": {}}
    return begin(number, "attempt", request={**head, "sha256": "0" * 64, **body})


def answered(number: int) -> dict[str, Any]:
    return {"e": "answer", "id": f"{number:016x}", "t": START_NS + 1, "status": 200, "headers": STREAM}


STREAM = {"content-type": "text/event-stream"}
PLAIN = {"order": ["model"], "base": None, "set": {"model": "m"}, "sha256": sha256(b'{"model":"m"}').hexdigest()}


def call(number: int = 1) -> list[Any]:
    """A whole exchange, so that there is something to read."""
    response = {"status": 200, "headers": {}, "json": {"type": "message", "content": []}}
    return [asking(number, **PLAIN), end(number, response=response)]


def _pads(spaces: int, events: int) -> list[Any]:
    chunk = {"e": "chunk", "id": f"{1:016x}", "t": START_NS + 2, "sse": [["ping", {}, spaces]] * events}
    return [header(), asking(1, **PLAIN), answered(1), chunk, end(1)]


def _blobs(references: int) -> list[Any]:
    blob = {"e": "blob", "sha256": "b" * 64, "data": "A" * 100_000}
    message = {"role": "user", "content": [{"$blob": "b" * 64}] * references}
    put_together: dict[str, Any] = {
        "base": None,
        "order": ["messages"],
        "keep": 0,
        "add": [message],
        "blobs": [0],
        "set": {},
    }
    return [header(), blob, asking(1, **put_together), *call(2)]


def _order() -> list[Any]:
    long = {"base": None, "order": ["x"] * MANY, "set": {"x": "y" * 1_000_000}}
    return [header(), asking(1, **long), *call(2)]


def _own_base() -> list[Any]:
    loop = {"base": f"{1:016x}", "order": ["messages"], "keep": 10**18, "add": [], "set": {}}
    return [header(), asking(1, **loop), *call(2)]


def _cycle() -> list[Any]:
    spans = [begin(number, "agent", (number + 1) % MANY) for number in range(MANY)]
    return [header(), *spans, *call(MANY)]


def _usage() -> list[Any]:
    tokens = {"input_tokens": 10**4000, "output_tokens": -1, "cache_read_input_tokens": 1.5}
    message = {
        "type": "message",
        "id": {},
        "model": [],
        "role": 5,
        "content": [{"type": [], "id": {}}],
        "usage": tokens,
    }
    response = {"status": 200, "headers": {}, "json": message}
    return [header(), asking(1, **PLAIN), end(1, response=response)]


def _attributes() -> list[Any]:
    names = ("gen_ai.usage.input_tokens", "gen_ai.agent.name", "process.command_args", "tracekit.attempt.wait_ms")
    values: list[Any] = ["x", [[]], {"a": 1}, 10**30, None]
    wrong = [dict.fromkeys((*names, "gen_ai.tool.call.id"), value) for value in values]
    return [header(), *(begin(10 + number, "tool", attributes=each) for number, each in enumerate(wrong)), *call()]


def _deep_lane() -> list[Any]:
    lane = ".".join(["m", *["t0"] * MANY])
    return [header(), {"e": "lane", "id": lane, "parent": None, "kind": "task", "t": 0}, begin(9, lane=lane), *call()]


def _text(lines: list[Any], *more: str) -> bytes:
    whole = [json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in lines]
    return "".join(f"{line}\n" for line in [*whole, *more]).encode("utf-8", "surrogatepass")


def _raw(line: str) -> bytes:
    return _text([header(), *call()], line)


_SPAN = '{"e":"begin","id":"f1","parent":null,"kind":"tool","name":"x","t":1,"lane":"m","attributes":{"x":%s}}'

BOMBS: dict[str, Callable[[], bytes]] = {
    "4 GB of spaces in an event": lambda: _text(_pads(SPACES, 1)),
    "a thousand events of 30 MB of spaces": lambda: _text(_pads(30_000_000, 1000)),
    "many segments of 30 MB of spaces": lambda: _text(_pads(30_000_000, 1) * 100),
    "an image that a message repeats": lambda: _text(_blobs(100_000)),
    "a field that a request repeats": lambda: _text(_order()),
    "a request that continues itself": lambda: _text(_own_base()),
    "spans that are each other's ancestors": lambda: _text(_cycle()),
    "a line of lists in lists": lambda: _raw("[" * DEEP),
    "an attribute of lists in lists": lambda: _raw(_SPAN % ("[" * 900 + "]" * 900)),
    "a number of 5,000 digits": lambda: _raw(_SPAN % ("9" * 5000)),
    "Infinity, NaN and 1e999": lambda: _text([header(), *call()], _SPAN % "Infinity", _SPAN % "NaN", _SPAN % "1e999"),
    "tokens beyond counting": lambda: _text(_usage()),
    "attributes of other types": lambda: _text(_attributes()),
    "a lane with a number of 5,000 digits": lambda: _text([header(), begin(9, lane="m.t" + "9" * 5000), *call()]),
    "a lane of 5,000 tasks": lambda: _text(_deep_lane()),
    "times at both ends of 64 bits": lambda: _text([header(), begin(9, t=2**63), begin(8, t=-(2**62)), *call()]),
    "ids that are no texts": lambda: _text([header(), begin(9, id=[]), begin(8) | {"parent": {}}, *call()]),
    "headers that are no texts": lambda: _text(
        [header(), *call(), end(1, response={"status": 200, "headers": {"a": None}})]
    ),
    "a recording of the year 33658": lambda: _text([header(recorded_at_ns=10**21), *call()]),
    "redaction that is no list": lambda: _text([header(redaction=5), *call()]),
    "a rule that is no expression": lambda: _text([header(redaction=[{"name": "x", "pattern": "(("}]), *call()]),
    "an id that is SQL": lambda: _text([header(run="x' OR '1'='1"), *call()]),
    "a first line without an end": lambda: b'{"e":"header"' + b" " * 20_000_000,
    "an address that is none": lambda: _text(
        [
            header(),
            begin(1, "attempt") | {"request": {"method": "", "path": "", "headers": {}, "host": "http://["}},
            *call(2),
        ]
    ),
}
"""What each is, and how to make it."""
