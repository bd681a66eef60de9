"""Server-sent events as bytes: their boundaries and their content.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

from tracekit.model.parsing import parse_json
from tracekit.origin import pass_on

__all__ = ["Splitter", "events_of", "is_event"]

_DELTA = "content_block_delta"
_DELTA_BEGIN = f"event: {_DELTA}\n".encode()
_FIRST_LINE = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]{0,64}(?::|event:|data:|id:|retry:)")


def is_event(head: bytes) -> bool:
    """Return whether a body that begins with `head` is a stream of events, by its first line."""
    return _FIRST_LINE.match(head) is not None


class Splitter:
    """Cuts a stream of bytes after whole events, so that no piece ends in the middle of one."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """The whole events that `data` completes; empty while the next one is incomplete."""
        if not self._rest and data.endswith(b"\n\n"):
            # As it nearly always is.
            return data
        data = self._rest + data
        end = max(data.rfind(b"\n\n") + 2, data.rfind(b"\r\n\r\n") + 4, data.rfind(b"\r\r") + 2)
        # `rfind` gives -1 where there is none, and no event ends before the third byte.
        if end < 4:
            end = 0
        self._rest = data[end:]
        return data[:end]

    def rest(self) -> bytes:
        """Return the bytes after the last whole event."""
        rest, self._rest = self._rest, b""
        return rest


def events_of(data: bytes, names: Collection[str] | None = None) -> Iterator[tuple[str, Any]]:
    """Yield the name and the JSON of each event in `data` that has both, if its name is in `names`.

    Without `names` all events are parsed.
    """
    skips_deltas = names is not None and _DELTA not in names
    for block in data.replace(b"\r\n", b"\n").split(b"\n\n"):
        if skips_deltas and block.startswith(_DELTA_BEGIN) and b"\nevent:" not in block:
            # As nearly all events are.
            continue
        name, text = "", []
        for line in block.split(b"\n"):
            if line.startswith(b"event:"):
                name = line[6:].strip().decode("utf-8", "replace")
            elif line.startswith(b"data:"):
                text.append(line[5:].strip())
        if not name or not text or (names is not None and name not in names):
            continue
        try:
            yield name, parse_json(b"\n".join(text))
        except ValueError as error:
            pass_on(error)
            continue
