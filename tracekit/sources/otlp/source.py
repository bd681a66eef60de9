"""The source of spans, as the door knows it: files of spans, and the traces that were received."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tracekit.privacy import project_privacy
from tracekit.sources.otlp.files import is_spans, spans_of
from tracekit.sources.otlp.records import TraceRecords, record_path, recorded_traces, records_folder
from tracekit.sources.otlp.session import NAME, TraceSession

__all__ = ["Otlp"]

_BATCH = 2_000


class Otlp:
    """Files of spans. Reading one puts its spans beside those that were received, each once."""

    problems: Sequence[str] = ()
    name = NAME

    def recognises(self, path: Path) -> bool:
        """Return whether the file at `path` holds spans in a form that is known.

        Raises:
            OSError: The file cannot be read.
        """
        return path.is_file() and is_spans(path)

    def folders(self) -> Sequence[Path]:
        """Return the folder of the spans that were received."""
        return [records_folder()]

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
        for path in paths:
            if path == records_folder():
                traces.update(dict.fromkeys(each for each in recorded_traces() if _changed(each) >= since_ns))
            elif path == record_path(path.stem):
                traces[path.stem] = None
            else:
                traces.update(dict.fromkeys(keep_spans(path)))
        return [TraceSession(trace) for trace in traces]


def _changed(trace: str) -> int:
    return record_path(trace).stat().st_mtime_ns


def keep_spans(path: Path) -> list[str]:
    """Put the spans of the file at `path` beside those that were received; return their traces.

    Raises:
        OSError: The file cannot be read, or the spans cannot be written.
        SourceError: The file has what is no span.
    """
    records, traces, batch = TraceRecords(project_privacy()), dict[str, None](), []
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
