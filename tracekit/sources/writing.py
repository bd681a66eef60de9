"""Writes a translated session into its journal: once, or as it grows."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tracekit.journal.imported import ImportedSegment
from tracekit.model.events import LaneBegin, SpanBegin, SpanEnd
from tracekit.privacy import Privacy
from tracekit.sources.translation import ImportedLane, ImportedSpan, Translation

__all__ = ["SessionWriter"]


class SessionWriter:
    """Keeps the journal of one session up to date with its translations. A span is written again where it changed."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._segment: ImportedSegment | None = None
        self._lanes: dict[str, ImportedLane] = {}
        self._begins: dict[str, tuple[object, ...]] = {}
        self._ends: dict[str, tuple[object, ...]] = {}

    def write(self, translation: Translation) -> Path:
        """Write what `translation` has beyond what was written, and return the path of the journal.

        Raises:
            HomeError: The folder for journals cannot be used.
            OSError: The journal cannot be written, or a record cannot be read any more.
        """
        if self._lacks_any_of(translation):
            # A journal holds no line that takes another back.
            self.forget()
        if self._segment is None:
            self._segment = ImportedSegment(translation.info, translation.source, self._privacy)
        self._write_lanes(self._segment, translation.lanes)
        for span in translation.spans:
            self._begin(self._segment, span)
        for span in translation.spans:
            self._end(self._segment, span)
        self._segment.publish()
        return self._segment.path

    def close(self) -> None:
        """Close the journal: what is open in it then counts as interrupted."""
        if self._segment is not None:
            self._segment.close()

    def _lacks_any_of(self, translation: Translation) -> bool:
        """Return whether a span that was written, or its end, is not in `translation`."""
        ids = {span.id for span in translation.spans}
        reopened = (span.id in self._ends for span in translation.spans if span.end_ns is None)
        return not self._begins.keys() <= ids or any(reopened)

    def forget(self) -> None:
        """Begin the journal anew; the new file takes the place of the old one when it is whole."""
        if self._segment is not None:
            self._segment.close()
        self._segment = None
        self._lanes, self._begins, self._ends = {}, {}, {}

    def _write_lanes(self, segment: ImportedSegment, lanes: Iterable[ImportedLane]) -> None:
        for lane in lanes:
            if self._lanes.get(lane.id) != lane:
                segment.write(LaneBegin(lane.id, lane.parent, "main" if lane.parent is None else "task", lane.at_ns))
                self._lanes[lane.id] = lane

    def _begin(self, segment: ImportedSegment, span: ImportedSpan) -> None:
        state = span.begin_state
        if self._begins.get(span.id) == state:
            return
        # A request stands in the journal once: later ones continue it.
        is_first = span.id not in self._begins
        segment.write(
            SpanBegin(
                span.id,
                span.parent,
                span.kind,
                span.name,
                span.start_ns,
                span.lane,
                attributes={**span.attributes, **span.content()},
                request=span.request if is_first else None,
            ),
            span.prompt if is_first else None,
        )
        self._begins[span.id] = state

    def _end(self, segment: ImportedSegment, span: ImportedSpan) -> None:
        state = span.end_state
        if span.end_ns is None or self._ends.get(span.id) == state:
            return
        response = None if span.response is None else span.response()
        attributes = {**span.end_attributes, **span.end_content()}
        segment.write(SpanEnd(span.id, span.end_ns, span.status, span.failure, attributes, response))
        self._ends[span.id] = state
