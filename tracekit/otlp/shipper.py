"""Puts what the record tells in the conventions' form and sends it, in the outbox's thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tracekit.cost import price_usd
from tracekit.errors import PricesError
from tracekit.otlp.delivery import Deliverer
from tracekit.otlp.destination import Destination, Limits
from tracekit.otlp.outcome import Delivery
from tracekit.otlp.span_data import SpanData
from tracekit.otlp.wire import Sender
from tracekit.privacy import SpanRules

__all__ = ["SpanShipper"]

_log = logging.getLogger("tracekit")


class SpanShipper:
    """Sends spans to `destination`. Invalid variables are reported one time.

    Raises:
        Exception: See `Sender`.
    """

    def __init__(
        self,
        destination: Destination,
        limits: Limits,
        rules: SpanRules,
        resource: Mapping[str, Any],
        warnings: Sequence[str] = (),
    ) -> None:
        self._sender = Sender(destination, resource)
        self._deliverer = Deliverer(self._sender, rules, limits)
        with suppress(PricesError):
            # The list of prices is read with the first; all that has to be imported is, by now.
            price_usd({}, "claude-sonnet-4-5", time.time_ns())
        told = [*warnings, *self._sender.warnings]
        if told:
            _log.warning("tracekit: OpenTelemetry's variables: %s", "; ".join(told))

    @property
    def trouble(self) -> str | None:
        """Return the reason why spans are delayed, or None."""
        return self._sender.trouble

    def send(self, batch: Sequence[SpanData]) -> Delivery:
        """Send `batch`; an empty one asks whether the endpoint answers."""
        if not batch:
            return Delivery(reason=self._sender.send([]).reason)
        return self._deliverer.deliver(batch)

    def close(self) -> None:
        """Close the connection, even during a request."""
        self._sender.close()
