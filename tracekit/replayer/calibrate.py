"""Compare two recordings of one program and propose what a replay should ignore.

Three kinds of differences occur between the requests of two equal runs. Volatile values (an id, a date, a temporary
path) are proposed for `ignore`. Text that the model wrote differently needs no entry, since a replay repeats the
recorded responses. Anything else is reported and never proposed: it may be a change that a replay is there to find.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracekit.errors import JournalError
from tracekit.journal.bodies import compact
from tracekit.journal.decode import HEADER_START, read_header
from tracekit.model.messages import answer_of
from tracekit.model.recording import Recording
from tracekit.output import output
from tracekit.replayer.differences import Difference, differences, likeness
from tracekit.replayer.divergence import places
from tracekit.replayer.keys import Keys
from tracekit.replayer.script import Call, Script
from tracekit.replayer.volatile import Proposal, proposals

__all__ = ["Calibration", "calibrate", "write_ignore"]

_ALIKE = 0.5
_TELLING = 12
"""Characters that a text must share with a response to count as taken from it."""


@dataclass(frozen=True)
class Calibration:
    """The result of comparing two recordings.

    `unexplained` are differences, each with the path of its call, that a replay must not ignore unasked. `alone` are
    the calls of either recording that have no counterpart in the other. Of the `pairs` of requests, `alike` are equal
    once the proposals are ignored and the model's own text is set aside.
    """

    proposals: tuple[Proposal, ...]
    unexplained: tuple[tuple[str, Difference], ...]
    alone: tuple[str, ...]
    pairs: int
    alike: int

    @property
    def ignore(self) -> list[str]:
        """The entries that are proposed for `ignore`."""
        return [proposal.entry for proposal in self.proposals]


def calibrate(recorded: Recording, other: Recording, ignore: Sequence[str] = ()) -> Calibration:
    """Compare `recorded`, which is to be replayed, with `other`, another recording of the same program.

    What is in `ignore` already is not proposed again.

    Raises:
        ReplayError: One of the two cannot be replayed.
    """
    rules = recorded.redaction
    ours, theirs = (Script(each, Keys(ignore, rules)) for each in (recorded, other))
    pairs, alone = _pairs(ours, theirs)
    paths = places(ours)
    texts = _ModelTexts(recorded), _ModelTexts(other)
    proposed: dict[str, Proposal] = {}
    unexplained: list[tuple[str, Difference]] = []
    alike = 0
    for old, new in pairs:
        before = len(unexplained)
        for difference in _differences(ours, old, new):
            if _is_model_text(difference, texts):
                continue
            found = proposals(difference)
            if found:
                proposed.update((proposal.entry, proposal) for proposal in found if proposal.entry not in proposed)
            else:
                unexplained.append((paths[old.number], difference))
        alike += len(unexplained) == before
    return Calibration(tuple(proposed.values()), tuple(unexplained), tuple(alone), len(pairs), alike)


def _request(call: Call) -> Any:
    return call.parts[0].exchange.request


def _pairs(ours: Script, theirs: Script) -> tuple[list[tuple[Call, Call]], list[str]]:
    """Pair the calls of both recordings, by lane and span path or else by likeness; also return the unpaired calls."""
    waiting: dict[Any, list[Call]] = defaultdict(list)
    for call in theirs.calls:
        waiting[_sender(theirs, call)].append(call)
    pairs: list[tuple[Call, Call]] = []
    left: list[Call] = []
    for call in ours.calls:
        same = waiting[_sender(ours, call)]
        if same:
            pairs.append((call, same.pop(0)))
        else:
            left.append(call)
    others = [call for calls in waiting.values() for call in calls]
    alone: list[Call] = []
    for call in left:
        asked = ours.keys.shown(_request(call))
        ranked = [(likeness(asked, theirs.keys.shown(_request(other))), -other.number, other) for other in others]
        best = max(ranked, default=None)
        if best is None or best[0] < _ALIKE:
            alone.append(call)
        else:
            pairs.append((call, best[2]))
            others.remove(best[2])
    paths, their_paths = places(ours), places(theirs)
    return pairs, [*(paths[call.number] for call in alone), *(their_paths[call.number] for call in others)]


def _sender(script: Script, call: Call) -> Any:
    segments = sorted({each.lane[0] for each in script.calls})
    request = _request(call)
    return segments.index(call.lane[0]), call.lane[1], call.path, request.method


def _differences(script: Script, old: Call, new: Call) -> Iterator[Difference]:
    was, now = _request(old), _request(new)
    for place in ("path", "query"):
        if getattr(was, place) != getattr(now, place):
            yield Difference(place, getattr(was, place), getattr(now, place))
    recorded, asked = script.keys.shown(was), script.keys.shown(now)
    for difference in differences(recorded, asked):
        if not _is_of_assistant(recorded, difference.place):
            yield difference


def _is_of_assistant(body: Any, place: str) -> bool:
    """Return whether `place` is in a message of the assistant."""
    number = re.match(r"messages\[(\d+)\]", place)
    messages = body.get("messages") if isinstance(body, dict) else None
    if number is None or not isinstance(messages, list) or int(number[1]) >= len(messages):
        return False
    message = messages[int(number[1])]
    return isinstance(message, dict) and message.get("role") == "assistant"


# ── the texts of responses ────────────────────────────────────────────────────────────────────────────────────────────


class _ModelTexts:
    """The texts of all responses in a recording."""

    def __init__(self, recording: Recording) -> None:
        self._texts: set[str] = set()
        for exchange in recording.exchanges.values():
            answer = answer_of(exchange.body, exchange.headers.get("content-type", "")).message
            self._texts.update(_texts(answer if answer is not None else exchange.body.decode("utf-8", "replace")))
        self._all = "\n".join(self._texts)

    def has(self, text: str, start: int, end: int) -> bool:
        """Return whether ``text[start:end]``, with the text around it, is a response or a long enough piece of one."""
        if text[start:end] not in self._all:
            return False
        while start and text[start - 1 : end] in self._all:
            start -= 1
        while end < len(text) and text[start : end + 1] in self._all:
            end += 1
        return end - start >= _TELLING or text[start:end].strip() in self._texts


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value.strip()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


def _is_model_text(difference: Difference, texts: tuple[_ModelTexts, _ModelTexts]) -> bool:
    """Return whether both values differ only in text that each run's own model wrote."""
    old, new = difference.recorded, difference.asked
    if not isinstance(old, str) or not isinstance(new, str):
        return False
    start = _shared(old, new)
    end = _shared(old[start:][::-1], new[start:][::-1])
    return texts[0].has(old, start, len(old) - end) and texts[1].has(new, start, len(new) - end)


def _shared(a: str, b: str) -> int:
    """Return the number of characters that `a` and `b` have in common at the start."""
    return next((number for number, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


# ── the recording's header ────────────────────────────────────────────────────────────────────────────────────────────


def write_ignore(path: Path, entries: Iterable[str]) -> None:
    """Add `entries` to the `ignore` list in the header of each segment of the exported file at `path`.

    Raises:
        JournalError: The file is no journal.
        OutputError: The file cannot be written.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines):
            if number == 0 or line.startswith(HEADER_START):
                header = dict(read_header(line, str(path)))
                header["ignore"] = list(dict.fromkeys([*(header.get("ignore") or ()), *entries]))
                lines[number] = f"{compact(header)}\n".encode("utf-8", "backslashreplace")
        with output(path) as draft:
            draft.write_bytes(b"".join(lines))
    except OSError as error:
        raise JournalError(f"{path} cannot be read: {error.strerror}") from error
