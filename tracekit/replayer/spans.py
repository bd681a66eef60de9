"""The recorded spans that the spans of a replay are, and the results of the recorded tools."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tracekit import semconv
from tracekit.instrument.live import LiveSpan
from tracekit.model.recording import RecordedSpan
from tracekit.replayer.failure import ReplayFailure
from tracekit.replayer.matcher import Matcher
from tracekit.replayer.script import Script, SpanPath
from tracekit.replayer.timeline import Timeline

__all__ = ["Spans", "path_of"]


class Spans:
    """Recognises the spans of one process, which are neither calls nor attempts, each in its recorded counterpart."""

    def __init__(self, script: Script, matcher: Matcher, timeline: Timeline, failure: ReplayFailure) -> None:
        self.live_tools: set[str] = set()
        self._script = script
        self._matcher = matcher
        self._timeline = timeline
        self._failure = failure
        self._taken: set[str] = set()
        self._recognised: dict[str, RecordedSpan] = {}

    def recognise(self, live: LiveSpan, lane: str) -> RecordedSpan | None:
        """Return the recorded span that is `live`: the next of its kind and name in its `lane`.

        A tool is told by its arguments, too. A tool that all remaining results fit may be in another lane, and anything once times are projected.
        """
        with self._failure.comparing():
            name = self._script.keys.name(live.name)
            left = [span for span in self._script.spans.get((live.kind, name), ()) if span.id not in self._taken]
            if live.kind == "tool" and semconv.TOOL_CALL_ARGUMENTS in live.attributes_at_begin:
                left = self._with_arguments_of(live, left)
        found = [span for span in left if self._matcher.is_lane((span.segment, span.lane), lane)]
        is_ours = semconv.ADOPTED_FROM not in live.attributes_at_begin
        if not found and live.kind == "tool" and is_ours and _have_one_result(left):
            # What another lane does than did in the recording has other times.
            self._timeline.project()
        if not found and not self._timeline.follows:
            found = left
        if not found:
            return None
        self._taken.add(found[0].id)
        self._recognised[live.id] = found[0]
        return found[0]

    def ended(self, live: LiveSpan) -> RecordedSpan | None:
        """`live` is over. Return the recorded span that it was."""
        return self._recognised.pop(live.id, None)

    def result_of(self, live: LiveSpan) -> RecordedSpan | None:
        """Return the recorded span whose result the tool `live` returns; None if the tool is to be run."""
        recorded = self._recognised.get(live.id)
        if recorded is None or recorded.end_ns is None or recorded.id in self._script.busy:
            return None
        if semconv.TOOL_CALL_RESULT not in recorded.attributes:
            self.live_tools.add(str(live.attributes_at_begin.get(semconv.TOOL_NAME, live.name)))
            return None
        # What it noted while it ran, such as the files that it read, is part of what it did.
        noted = {key: value for key, value in recorded.attributes.items() if key not in live.attributes_at_begin}
        live.attributes.update(noted)
        return recorded

    def _with_arguments_of(self, live: LiveSpan, recorded: list[RecordedSpan]) -> list[RecordedSpan]:
        value, name = self._script.keys.value, semconv.TOOL_CALL_ARGUMENTS
        asked = _canonical(value(live.attributes_at_begin.get(name)))
        return [span for span in recorded if _canonical(value(span.attributes.get(name))) == asked]


def path_of(span: LiveSpan | None) -> SpanPath:
    """Return the kinds and names of the spans from the run to `span`."""
    path = []
    while span is not None:
        if span.kind != "run":
            path.append((str(span.kind), span.name))
        span = span.parent
    return tuple(reversed(path))


def _have_one_result(recorded: Sequence[RecordedSpan]) -> bool:
    """Return whether there is one, and all results are the same."""
    return len({_canonical(span.attributes.get(semconv.TOOL_CALL_RESULT)) for span in recorded}) == 1


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)
