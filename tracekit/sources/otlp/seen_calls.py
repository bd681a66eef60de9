"""The calls that instrumentations recorded, to find the SDK's spans of the same calls in other traces.

An instrumentation by callbacks leaves no context, so the SDK's spans begin traces beside its own.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from tracekit import semconv
from tracekit.sources.otlp.span import SourceSpan
from tracekit.sources.otlp.usage_counts import count_in

__all__ = ["SeenCalls", "is_sdks"]

_MOST = 50_000
_SLACK_NS = 1_000_000_000
"""How far the times of two records of one call may be apart."""
_COUNTS = (
    (semconv.INPUT_TOKENS, *semconv.OTHER_NAMES[semconv.INPUT_TOKENS]),
    (semconv.OUTPUT_TOKENS, *semconv.OTHER_NAMES[semconv.OUTPUT_TOKENS]),
)


def is_sdks(span: SourceSpan) -> bool:
    """Return whether the SDK itself made the span."""
    return span.scope.startswith(semconv.SDK_SCOPE_PREFIX) and semconv.KIND not in span.attributes


class SeenCalls:
    """The newest calls with tokens that are not the SDK's own. Threads may share it."""

    def __init__(self) -> None:
        self._calls: dict[tuple[int, int], list[SourceSpan]] = {}
        self._order: deque[tuple[int, int]] = deque()
        self._claimed: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def note(self, span: SourceSpan) -> None:
        """Remember `span`, if it records a call."""
        counts = _counts(span.attributes)
        if counts is None or is_sdks(span):
            return
        bare = SourceSpan(span.trace, span.id, "", "", span.start_ns, span.end_ns)
        with self._lock:
            self._calls.setdefault(counts, []).append(bare)
            self._order.append(counts)
            if len(self._order) > _MOST:
                oldest = self._order.popleft()
                gone = self._calls[oldest].pop(0)
                self._claimed.pop((gone.trace, gone.id), None)
                if not self._calls[oldest]:
                    del self._calls[oldest]

    def other_record(self, span: SourceSpan) -> str:
        """Return the trace in which another span records the call of `span`, or "".

        Each span that is found stands for one call.
        """
        counts = _counts(span.attributes)
        with self._lock:
            for each in self._calls.get(counts, ()) if counts is not None else ():
                overlaps = each.start_ns <= span.end_ns + _SLACK_NS and span.start_ns <= each.end_ns + _SLACK_NS
                is_free = self._claimed.setdefault((each.trace, each.id), span.id) == span.id if overlaps else False
                if is_free and each.trace != span.trace:
                    return each.trace
        return ""


def _counts(attributes: dict[str, Any]) -> tuple[int, int] | None:
    """Return the tokens of a call; None where the span has none."""
    found = []
    for names in _COUNTS:
        count = next((count for name in names if (count := count_in(attributes.get(name)))), None)
        if count is None:
            return None
        found.append(count)
    return found[0], found[1]
