"""Bodies as JSON text that gives back the very bytes."""

from __future__ import annotations

import base64
import json
import re

from tracekit.model.json_text import compact
from tracekit.origin import pass_on

__all__ = ["body_member", "compact", "sse_items"]


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
