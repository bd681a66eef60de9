"""Find credentials that several events of a stream spell out together, in a file that leaves the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.journal.bodies import body_member, compact
from tracekit.journal.decode import HEADER_START, body_of
from tracekit.journal.limits import ExpansionBudget
from tracekit.privacy import Privacy, recorded_privacy, suspects_in_pieces

__all__ = ["Spelled", "spelled_in"]

_CHUNK = b'{"e":"chunk"'
_END = b'{"e":"end"'
_FORMS = ("sse", "json", "text", "b64")
_EVENTS = "text/event-stream"


class Spelled(NamedTuple):
    """The changed lines of a file by index, and suspicious texts with the index of their first line."""

    lines: dict[int, bytes]
    suspects: list[tuple[int, str]]


class _Line(NamedTuple):
    number: int
    data: dict[str, Any]


def spelled_in(path: Path) -> Spelled:
    """Find what the streams in the file at `path` spell out. Only open streams are held in memory.

    Raises:
        OSError: The file cannot be read.
    """
    found = Spelled({}, [])
    privacy, allowance = recorded_privacy(()), ExpansionBudget()
    open_streams: dict[str, list[_Line]] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file):
            allowance.earn(len(line))
            if line.startswith(HEADER_START):
                privacy = recorded_privacy(_object(line).get("redaction") or ())
            elif line.startswith(_CHUNK):
                data = _object(line)
                open_streams.setdefault(str(data.get("id")), []).append(_Line(number, data))
            elif line.startswith(_END):
                data = _object(line)
                lines = open_streams.pop(str(data.get("id")), [])
                if isinstance(data.get("response"), dict) and "sse" in data["response"]:
                    lines.append(_Line(number, data))
                _finish(lines, privacy, allowance, found)
    for lines in open_streams.values():
        _finish(lines, privacy, allowance, found)
    return found


def _finish(lines: list[_Line], privacy: Privacy, allowance: ExpansionBudget, found: Spelled) -> None:
    try:
        pieces = [body_of(line.data.get("response", line.data), allowance) for line in lines]
    except (ValueError, LookupError, TypeError, RecursionError):
        # Whoever reads the file is told of the damage.
        return
    redacted = privacy.pieces(pieces)
    for line, before, after in zip(lines, pieces, redacted, strict=True):
        if before != after:
            found.lines[line.number] = _with_body(line.data, after)
    found.suspects.extend((lines[0].number, suspect) for suspect in suspects_in_pieces(redacted))


def _with_body(data: dict[str, Any], body: bytes) -> bytes:
    holder = data.get("response", data)
    member = json.loads("{" + body_member(body, _EVENTS) + "}")
    kept = {name: value for name, value in holder.items() if name not in _FORMS}
    changed = {**kept, **member}
    line = changed if holder is data else {**data, "response": changed}
    return compact(line).encode("utf-8", "backslashreplace") + b"\n"


def _object(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}
