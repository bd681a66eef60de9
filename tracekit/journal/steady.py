"""The steady form of a journal, for files in a repository: equal content gives equal lines.

Times, ids, ports and dates are other ones each time that a program is recorded, and stand in nearly every line. The
steady form keeps them all in one line after the header, and a mark in their places: ``"~"`` for the next time, ``~3~``
for the third of the other values. So where one word was changed, a few lines are. Nothing is lost: `Values.fill` gives
each line back, byte for byte.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from tracekit.journal.bodies import compact

__all__ = ["STEADY_VERSION", "Values", "is_values", "steady"]

STEADY_VERSION = 2
"""The version of the journal format that knows the steady form."""

_START = b'{"e":"values"'
_LONGEST = 128
_NAMES = rb"date|cf-ray|server-timing|traceresponse|x-envoy-upstream-service-time|anthropic-ratelimit-[a-z-]+"
_VARYING = re.compile(
    # A name in a text has a backslash before its closing quote, so these are members of the line itself.
    rb'(?P<time>(?<=[^\\]":)\d{16,20}(?=[,}]))'
    rb'|(?P<number>(?<=[^\\]"server\.port":)\d+|(?<=[^\\]"gen_ai\.response\.time_to_first_chunk":)[\d.]+(?:e-?\d+)?)'
    rb'|(?<=[^\\]")(?P<id>[0-9a-f]{64}|[0-9a-f]{32}|[0-9a-f]{16})(?=")'
    rb"|(?P<port>(?<=//127\.0\.0\.1:)\d+|(?<=//localhost:)\d+)"
    rb"|(?P<api>\b(?:req|msg|toolu|srvtoolu|mcptoolu|msgbatch|file|container)_[0-9A-Za-z]{10,80}\b)"
    rb'|(?<=[^\\]")(?P<header>(?:' + _NAMES + rb')":")(?P<value>[^"\\]{1,100})(?=")'
)
_MARK = re.compile(rb'"~"|"~(\d+)~"|~(\d+)~')


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def steady(lines: Iterable[bytes]) -> list[bytes]:
    """The steady form of one segment, whose first line is its header; the same lines if they have marks already."""
    header, *rest = lines
    if any(_MARK.search(line) for line in rest):
        return [header, *rest]
    times: list[str] = []
    values: dict[str, int] = {}

    def mark(found: re.Match[bytes]) -> bytes:
        if found["time"]:
            times.append(found[0].decode())
            return b'"~"'
        name = found["header"] or b""
        text = (found["value"] or found[0]).decode("ascii")
        key = text if found["number"] else json.dumps(text)
        place = b"~%d~" % values.setdefault(key, len(values) + 1)
        return b'"%b"' % place if found["number"] else name + place

    marked = [_VARYING.sub(mark, line) if line.isascii() else _marked(line, mark) for line in rest]
    said = f'{{"e":"values","t":[{",".join(times)}],"v":[{",".join(values)}]}}\n'.encode()
    made = [_with_version(header), said, *marked]
    return made if _is_whole(made, rest) else [header, *rest]


def _marked(line: bytes, mark: Any) -> bytes:
    """The same for a line with other than ASCII, where a value that is not is left in its place."""
    return _VARYING.sub(lambda found: mark(found) if found[0].isascii() else found[0], line)


def _with_version(header: bytes) -> bytes:
    return f"{compact({**json.loads(header), 'version': STEADY_VERSION})}\n".encode()


def _is_whole(made: list[bytes], lines: list[bytes]) -> bool:
    """Return whether `made` gives `lines` back."""
    values = Values(made[1])
    return [values.fill(line) for line in made[2:]] == lines


def is_values(line: bytes) -> bool:
    """Return whether `line` holds the values of a steady segment."""
    return line.startswith(_START)


class Values:
    """The values of a steady segment, which `fill` puts back into its lines, one after another.

    Raises:
        ValueError: `line` holds none.
    """

    def __init__(self, line: bytes) -> None:
        data = json.loads(line, parse_int=_Number, parse_float=_Number)
        times, values = data.get("t"), data.get("v")
        if not isinstance(times, list) or not isinstance(values, list):
            raise ValueError("the values of a steady recording are not lists")  # noqa: TRY004  it is the file's fault
        if not all(isinstance(each, str) and len(each) <= _LONGEST for each in (*times, *values)):
            raise ValueError("a value of a steady recording is neither a number nor a short text")
        self._times: Iterator[str] = iter(times)
        self._values = values

    def fill(self, line: bytes) -> bytes:
        """The line as it was.

        Raises:
            ValueError: The values do not fit it.
        """
        try:
            return _MARK.sub(self._filled, line)
        except (StopIteration, IndexError) as error:
            raise ValueError("the values of a steady recording do not fit its lines") from error

    def _filled(self, found: re.Match[bytes]) -> bytes:
        if found[0] == b'"~"':
            return next(self._times).encode()
        value = self._values[int(found[1] or found[2]) - 1]
        if isinstance(value, _Number):
            return value.encode()
        text = json.dumps(value)[1:-1].encode()
        return b'"%b"' % text if found[1] else text
