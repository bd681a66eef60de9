"""The source of spans, as the door knows it: files of spans, and the traces that were received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tracekit.journal.home import received_folder, received_path
from tracekit.privacy import project_privacy
from tracekit.sources.files import stamp_of
from tracekit.sources.otlp.files import is_spans, spans_of
from tracekit.sources.otlp.records import TraceRecords, recorded_traces
from tracekit.sources.otlp.seen_calls import SeenCalls
from tracekit.sources.otlp.session import NAME, TraceSession
from tracekit.sources.otlp.span import SourceSpan

__all__ = ["Otlp"]

_BATCH = 2_000


class Otlp:
    """Files of spans. Reading one puts its spans beside those that were received, each once.

    A file that did not change since is not read again. `calls` are those of the spans that were added before.
    """

    problems: Sequence[str] = ()
    name = NAME

    def __init__(self, calls: SeenCalls | None = None) -> None:
        self._calls = calls
        self._records: TraceRecords | None = None
        self._read: dict[Path, tuple[object, list[str]]] = {}

    def recognises(self, path: Path) -> bool:
        """Return whether the file at `path` holds spans in a form that is known.

        Raises:
            OSError: The file cannot be read.
        """
        return path.is_file() and is_spans(path)

    def folders(self) -> Sequence[Path]:
        """Return the folder of the spans that were received."""
        return [received_folder()]

    def sessions(
        self, paths: Iterable[Path], since_ns: int, known: Mapping[str, Sequence[tuple[str, Sequence[int]]]]
    ) -> Sequence[TraceSession]:
        """Return the traces of the spans in `paths`, or all that were received.

        Raises:
            OSError: A file cannot be read.
            SourceError: A file has what is no span.
        """
        del known
        traces: dict[str, None] = {}
        records = self._records = self._records or TraceRecords(project_privacy())
        for path in paths:
            if path == received_folder():
                traces.update(dict.fromkeys(each for each in recorded_traces() if _changed(each) >= since_ns))
            elif path == received_path(path.stem):
                traces[path.stem] = None
            else:
                traces.update(dict.fromkeys(self._spans_of(path, records)))
        calls = self._calls or records.calls
        for trace in calls.late():
            if received_path(trace).exists():
                TraceSession(trace, calls).find_other()
                traces[trace] = None
        return [TraceSession(trace, calls) for trace in traces]

    def _spans_of(self, path: Path, records: TraceRecords) -> list[str]:
        stamp = stamp_of(path)
        if path not in self._read or self._read[path][0] != stamp:
            self._read[path] = stamp, _keep_spans(path, records)
        return self._read[path][1]


def _changed(trace: str) -> int:
    return received_path(trace).stat().st_mtime_ns


def _keep_spans(path: Path, records: TraceRecords) -> list[str]:
    """Put the spans of the file at `path` beside those that were received; return their traces.

    Raises:
        OSError: The file cannot be read, or the spans cannot be written.
        SourceError: The file has what is no span.
    """
    traces, batch = dict[str, None](), list[SourceSpan]()
    for span in spans_of(path):
        if span is None:
            continue
        traces[span.trace] = None
        batch.append(span)
        if len(batch) >= _BATCH:
            records.add(batch)
            batch = []
    records.add(batch)
    return list(traces)
