"""Puts what the record tells in the conventions' form and sends it, in the outbox's thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tracekit.cost import price_usd
from tracekit.errors import PricesError
from tracekit.otlp.attributes import wired
from tracekit.otlp.destination import Destination
from tracekit.otlp.told import Rules, Told, Wired
from tracekit.otlp.wire import Sender

__all__ = ["SpanShipper"]

_log = logging.getLogger("tracekit")


class SpanShipper:
    """Sends spans to `destination`. What is wrong with the variables is said once.

    Raises:
        Exception: See `Sender`.
    """

    def __init__(
        self, destination: Destination, rules: Rules, resource: Mapping[str, Any], warnings: Sequence[str] = ()
    ) -> None:
        self._rules = rules
        self._sender = Sender(destination, resource)
        with suppress(PricesError):
            # The list of prices is read with the first; all that has to be imported is, by now.
            price_usd({}, "claude-sonnet-4-5", time.time_ns())
        told = [*warnings, *self._sender.warnings]
        if told:
            _log.warning("tracekit: OpenTelemetry's variables: %s", "; ".join(told))

    @property
    def trouble(self) -> str | None:
        """Why what is being sent does not arrive at once."""
        return self._sender.trouble

    def send(self, batch: Sequence[Told]) -> tuple[int, str | None]:
        """Send `batch`; returns how many were sent, and why the others were not."""
        ready: list[Wired] = []
        fault = None
        for told in batch:
            try:
                ready.append(wired(told, self._rules))
            except Exception as error:  # noqa: BLE001  one odd span must not cost the others their way
                fault = f"a span could not be put in form: {type(error).__name__}: {error}"
        reason = self._sender.send(ready) if ready or not batch else None
        return (0, reason) if reason is not None else (len(ready), fault)

    def close(self) -> None:
        """Let go, of what is being sent, too."""
        self._sender.close()
