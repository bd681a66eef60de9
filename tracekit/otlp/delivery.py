"""Deliver spans in requests that a collector accepts: limited in bytes, and halved if the collector finds them too large."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from tracekit import semconv
from tracekit.otlp.attributes import wired
from tracekit.otlp.destination import Limits
from tracekit.otlp.outcome import Delivery, Sent
from tracekit.otlp.sizes import reduced, size_of
from tracekit.otlp.span_data import SpanData, WireSpan
from tracekit.privacy import SpanRules

__all__ = ["Courier", "Deliverer"]

_LEAST_BYTES = 16_000
"""A batch of fewer bytes is too large for nobody: a collector that says so limits something else."""


class Courier(Protocol):
    """Sends one request."""

    def send(self, spans: Sequence[WireSpan]) -> Sent:
        """Send `spans`."""


class Deliverer:
    """Puts spans in form and sends them, one request in memory at a time.

    It remembers what was too large for the collector, so that later requests fit at once.
    """

    def __init__(self, courier: Courier, rules: SpanRules, limits: Limits) -> None:
        self._courier = courier
        self._rules = rules
        self._most_spans = limits.batch
        self._most_bytes = limits.batch_bytes

    def deliver(self, spans: Iterable[SpanData], *, until_refused: bool = False) -> Delivery:
        """Send `spans`. With `until_refused` those after a request that failed as a whole are lost without a try."""
        batch: list[WireSpan] = []
        held, total, is_refused = 0, Delivery(), False
        for told in spans:
            if is_refused:
                total += Delivery(lost=1)
                continue
            try:
                span = wired(told, self._rules)
            except Exception as error:  # noqa: BLE001  one odd span must not cost the others their way
                fault = f"a span could not be encoded: {type(error).__name__}: {error}"
                total += Delivery(lost=1, reason=fault)
                continue
            size = size_of(span)
            if size > self._most_bytes:
                span = reduced(span, self._most_bytes)
                size = size_of(span)
            if batch and (held + size > self._most_bytes or len(batch) >= self._most_spans):
                done = self._send(batch)
                total += done
                is_refused = until_refused and done.sent == 0
                batch, held = [], 0
                if is_refused:
                    total += Delivery(lost=1)
                    continue
            batch.append(span)
            held += size
        return total + self._send(batch) if batch else total

    def _send(self, batch: Sequence[WireSpan]) -> Delivery:
        outcome = self._courier.send(batch)
        if not outcome.is_too_large:
            cut = sum(semconv.CONTENT_DROPPED in span.attributes for span in batch) if outcome.lost < len(batch) else 0
            return Delivery(len(batch) - outcome.lost, outcome.lost, outcome.reason, cut)
        size = sum(map(size_of, batch))
        if size <= _LEAST_BYTES:
            return Delivery(lost=len(batch), reason=outcome.reason)
        self._most_bytes = max(_LEAST_BYTES, min(self._most_bytes, size // 2))
        if len(batch) > 1:
            middle = _middle(batch, size)
            return self._send(batch[:middle]) + self._send(batch[middle:])
        smaller = reduced(batch[0], size // 2)
        if size_of(smaller) >= size:
            return Delivery(lost=1, reason=outcome.reason)
        return self._send([smaller])


def _middle(batch: Sequence[WireSpan], size: int) -> int:
    """The number of spans, at least one and not all, that make about half of `size`."""
    held = 0
    for number, span in enumerate(batch):
        held += size_of(span)
        if held * 2 >= size:
            return min(max(number, 1), len(batch) - 1)
    return len(batch) - 1
