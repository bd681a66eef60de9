"""The spans that arrived, on the disk: a file for each trace, a line for each span, after redaction.

Such a file is the record from which a run is made, and made anew when late spans arrive. Each line is complete or cut:
a writer that was killed leaves at most one cut line, which readers pass over.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator

import orjson

from tracekit.journal.bodies import compact
from tracekit.journal.home import make_home, received_folder, received_path
from tracekit.origin import pass_on
from tracekit.privacy import Privacy, redact_bytes
from tracekit.sources.otlp.keeping import kept_span
from tracekit.sources.otlp.seen_calls import SeenCalls
from tracekit.sources.otlp.span import SourceSpan, bounded

__all__ = ["MOST_SPANS", "RECORDED_IN", "TraceRecords", "mark_recorded", "recorded_traces"]

MOST_SPANS = 200_000
"""Spans of one trace that are kept."""

RECORDED_IN = "recorded_in"
"""In a line without a span: the other trace in which the same calls are recorded."""

_MOST_KNOWN = 1_000_000
"""Ids of spans that are remembered, over all traces."""
_ID = slice(7, 23)
"""The place of the id in a line."""


def recorded_traces() -> Iterator[str]:
    """Yield the traces of which there are spans on the disk."""
    for path in sorted(received_folder().glob("??/*.jsonl")):
        yield path.stem


def mark_recorded(trace: str, other: str) -> None:
    """Note in the file of `trace` that the trace `other` records the same calls.

    Raises:
        OSError: The file cannot be written.
    """
    file = os.open(received_path(trace), os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        _write(file, orjson.dumps({RECORDED_IN: other}) + b"\n")
    finally:
        os.close(file)


class TraceRecords:
    """Appends spans to the files of their traces, each span once. Threads may share it.

    `calls` are those that were added.

    Raises:
        HomeError: The folder for journals cannot be used.
    """

    def __init__(self, privacy: Privacy) -> None:
        make_home()
        received_folder().mkdir(mode=0o700, exist_ok=True)
        self.calls = SeenCalls(received_folder() / "calls")
        self._privacy = privacy
        self._known: OrderedDict[str, dict[bytes, int]] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def add(self, spans: Iterable[SourceSpan]) -> tuple[dict[str, int], int]:
        """Write `spans`; return the number of new ones by trace, and the number beyond the limit of a trace.

        The spans are in the files when this returns. A span that is there already, with the same content, is left out.

        Raises:
            OSError: A file cannot be written. Some of the spans may be in the files; adding all of them again is safe.
        """
        spans = list(spans)
        lines = [(span.trace, self._line(span)) for span in spans]
        whole = b"\n".join([line for _, line in lines])
        if redact_bytes(whole) != whole:
            lines = [(trace, redact_bytes(line)) for trace, line in lines]
        by_trace: dict[str, list[bytes]] = {}
        for trace, line in lines:
            by_trace.setdefault(trace, []).append(line)
        added, refused = {}, 0
        with self._lock:
            for trace, each in by_trace.items():
                added[trace], left = self._append(trace, each)
                refused += left
            self._forget()
        self.calls.note(spans)
        return added, refused

    def _line(self, span: SourceSpan) -> bytes:
        record = kept_span(bounded(span), self._privacy).record()
        try:
            return orjson.dumps(record)
        except (TypeError, ValueError) as error:
            pass_on(error)
            return compact(record).encode("utf-8", "replace")

    def _append(self, trace: str, lines: list[bytes]) -> tuple[int, int]:
        path = received_path(trace)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(file).st_size
            known = self._ids(trace, file, size)
            new: dict[bytes, int] = {}
            fresh, refused = [], 0
            for line in lines:
                id, digest = line[_ID], hash(line)
                if new.get(id, known.get(id)) == digest:
                    continue
                if id not in known and id not in new and len(known.keys() | new.keys()) >= MOST_SPANS:
                    refused += 1
                    continue
                new[id] = digest
                fresh.append(line)
            if fresh:
                is_cut = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                _write(file, (b"\n" if is_cut else b"") + b"\n".join(fresh) + b"\n")
            known.update(new)
            self._count += len(new)
            return len(fresh), refused
        finally:
            os.close(file)

    def _ids(self, trace: str, file: int, size: int) -> dict[bytes, int]:
        """Return the digests of the newest lines in the file of `trace`, by the ids of their spans."""
        known = self._known.get(trace)
        if known is None:
            known = self._known[trace] = {}
            if size:
                with os.fdopen(os.dup(file), "rb") as lines:
                    lines.seek(0)
                    known.update((line[_ID], hash(line.rstrip(b"\n"))) for line in lines)
            self._count += len(known)
        self._known.move_to_end(trace)
        return known

    def _forget(self) -> None:
        """Forget the ids of the traces that nothing was added to for the longest time."""
        while self._count > _MOST_KNOWN and len(self._known) > 1:
            self._count -= len(self._known.popitem(last=False)[1])


def _write(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
