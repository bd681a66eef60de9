"""Bodies as JSON text that gives back the very bytes."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import orjson

from tracekit.model.json_text import compact
from tracekit.origin import pass_on

__all__ = ["body_member", "compact", "delta_member", "quick", "quick_json", "quick_object", "sse_items"]

_PLAIN = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG = b"0" * 20
"""Digits of a whole number that may have more than 64 bits, of which orjson makes a fraction."""


def quick(value: Any) -> str:
    """Return `value` as compact JSON text, in a tenth of the time that `compact` takes.

    A number with an exponent may be written in another way, which a reader takes for the same.

    Raises:
        TypeError, ValueError, RecursionError: `value` cannot be JSON.
    """
    try:
        data = orjson.dumps(value, option=_PLAIN)
    except TypeError as error:
        pass_on(error)
        return compact(value)
    # It stands for a number that JSON does not have, too.
    return compact(value) if b"null" in data else data.decode()


def quick_json(data: bytes, numbers: bytes | None = None) -> Any:
    """Parse JSON in half of the time that `json` takes.

    Args:
        data: The JSON.
        numbers: The part of `data` whose numbers matter; by default all of it.

    Raises:
        ValueError: It is no JSON, or has a long number or half of a surrogate pair, which `json` can read.
    """
    if _LONG in (data if numbers is None else numbers).translate(_DIGITS):
        raise ValueError("it has a long number")
    return orjson.loads(data)


def quick_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object `body`, or None if `compact` might write that object in another way.

    Readers give bodies back by `compact`.
    """
    try:
        value = orjson.loads(body)
        if not isinstance(value, dict) or orjson.dumps(value) != body:
            return None
    except ValueError as error:
        pass_on(error)
        return None
    # The two differ in which numbers have an exponent, and in its form. Hardly any other text looks like those.
    shape = body.translate(_DIGITS)
    return None if b"0.0000" in body or b"0e0" in shape or b"0e-0" in shape else value


def body_member(body: bytes, content_type: str) -> str:
    """A member of a JSON object that holds `body`: ``"json"``, ``"sse"``, ``"text"`` or ``"b64"``.

    A form is used only where it gives back the very bytes.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        pass_on(error)
        return f'"b64":"{base64.b64encode(body).decode("ascii")}"'
    if "event-stream" in content_type and text.endswith("\n\n"):
        return f'"sse":[{",".join(sse_items(text))}]'
    if text[:1] == "{":
        return f'"json":{text}' if _rebuilds(text) else f'"text":{compact(text)}'
    return f'"text":{compact(text)}'


def _rebuilds(text: str) -> bool:
    """Return whether `text` is an object that is written as `compact` writes it."""
    try:
        if quick_object(text.encode()) is not None:
            return True
        value = json.loads(text)
        return isinstance(value, dict) and compact(value) == text
    except (ValueError, RecursionError) as error:
        pass_on(error)
        return False


_DELTA = re.compile(
    r'event: content_block_delta\ndata: (\{"type":"content_block_delta","index":(?:0|[1-9][0-9]*),"delta":\{"type":"[a-z_]+",'
    r'"(?:text|thinking|partial_json|signature)":"[^"\\\x00-\x1f]*(?:\\["\\nrtbf][^"\\\x00-\x1f]*)*"\}) *\}'
)
"""Nearly every event of a stream, where it is written as `compact` writes it: so that need not be found by parsing."""


_ONE_DELTA = re.compile(_DELTA.pattern + r"\n\n")


def delta_member(data: bytes) -> str | None:
    """Return what `body_member` makes of `data` if that is one usual delta of a stream, as nearly every chunk is."""
    try:
        delta = _ONE_DELTA.fullmatch(data.decode())
    except UnicodeDecodeError as error:
        pass_on(error)
        return None
    if delta is None:
        return None
    pad = len(delta[0]) - delta.end(1) - 3
    return f'"sse":[["content_block_delta",{delta[1]}}}{f",{pad}" if pad else ""}]]'


def sse_items(text: str) -> list[str]:
    """Each event of `text`, which ends after one, as JSON text.

    ``[name, data]`` or ``[name, data, pad]``: `data` is an object, written compactly with `pad` spaces before its last
    brace (the API pads so that lengths tell nothing), or a string that is the data as it is. An event in any other
    form is a string: the very text, with what ended it.
    """
    items: list[str] = []
    for block in text[:-2].split("\n\n"):
        delta = _DELTA.fullmatch(block)
        if delta is not None:
            pad = len(block) - delta.end(1) - 1
            items.append(f'["content_block_delta",{delta[1]}}}{f",{pad}" if pad else ""}]')
            continue
        first, separator, data = block.partition("\ndata: ")
        if not separator or not first.startswith("event: ") or "\n" in first or "\n" in data or "\r" in block:
            items.append(compact(block + "\n\n"))
            continue
        items.append(f"[{compact(first[7:])},{_event_data(data)}]")
    return items


def _event_data(data: str) -> str:
    if data[-1:] == "}" and data[:1] == "{":
        inner = data[:-1]
        stripped = inner.rstrip(" ")
        plain = stripped + "}"
        if _rebuilds(plain):
            pad = len(inner) - len(stripped)
            return f"{plain},{pad}" if pad else plain
    return compact(data)
