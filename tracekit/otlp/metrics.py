"""Exports metrics of calls: a thread counts them and sends the totals, as the ``OTEL_*`` variables say.

The SDK's own thread for this logs each failure into the application, and lets a program's exit wait for an endpoint.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from typing import Any

from tracekit import semconv
from tracekit.model.measured import Measured
from tracekit.otlp.destination import Destination
from tracekit.otlp.log_capture import loading
from tracekit.otlp.outbox import before_fork_and_end

__all__ = ["MetricsExport", "interval_of", "new_instance_id"]

_log = logging.getLogger("tracekit")

_PATIENCE_S = 1.8
_SHORT_PATIENCE_S = 0.1
_LOADING_S = 5.0
"""How long a fork or the end waits for the libraries to be loaded; a half-loaded module is lost to a child."""
_MOST_WAITING = 10_000


class MetricsExport:
    """Counts calls and sends the totals every `interval_s` seconds, and at the end."""

    def __init__(
        self,
        destination: Destination,
        interval_s: float,
        resource: Mapping[str, Any],
        redact: Callable[[str], str],
    ) -> None:
        self._destination = destination
        self._interval_s = interval_s
        self._resource = resource
        self._redact = redact
        self._reset()
        before_fork_and_end(self._wait_until_ready)

    def _reset(self) -> None:
        self._queue: SimpleQueue[Measured | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._done = threading.Event()
        self._closed_at: float | None = None
        self._is_failing = False
        self._has_said = False

    def start(self) -> None:
        """Get ready to send, so that nothing has to be loaded when the program ends. Harmless twice."""
        if self._thread is not None or self._closed_at is not None:
            return
        self._thread = threading.Thread(target=self._work, name="tracekit-metrics", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The interpreter shuts down, or the system has no thread left.
            self._closed_at, self._thread = time.monotonic(), None

    def put(self, call: Measured) -> None:
        """Count `call` soon. Never waits."""
        if self._closed_at is None and self._queue.qsize() < _MOST_WAITING:
            self._queue.put(call)

    def forked(self) -> None:
        """This process is a fresh fork: what is counted is the parent's, and what comes is another instance's."""
        self._resource = {**self._resource, semconv.SERVICE_INSTANCE_ID: new_instance_id()}
        self._reset()

    def ending(self) -> None:
        """Begin to send the last totals."""
        if self._closed_at is None and self._thread is not None:
            self._closed_at = time.monotonic()
            self._queue.put(None)

    def exit(self) -> None:
        """Wait for the last totals, as far as the endpoint takes them soon."""
        self.ending()
        if self._thread is None or self._closed_at is None:
            return
        self._wait_until_ready()
        patience_s = _SHORT_PATIENCE_S if self._is_failing else _PATIENCE_S
        spent_s = time.monotonic() - self._closed_at
        if not self._done.wait(max(_SHORT_PATIENCE_S, patience_s - spent_s)):
            self._say("it did not answer in time")

    def _wait_until_ready(self) -> None:
        if self._thread is not None:
            self._ready.wait(_LOADING_S)

    # ── in the thread ────────────────────────────────────────────────────────────────────────────────────────────

    def _work(self) -> None:
        queue, ready, done = self._queue, self._ready, self._done
        try:
            with loading():
                from tracekit.otlp.metering import Totals  # noqa: PLC0415  loads OpenTelemetry's SDK

            totals = Totals(self._destination, self._resource, self._redact)
        except Exception as error:  # noqa: BLE001  a variable that some library cannot read
            self._closed_at = self._closed_at or time.monotonic()
            self._say(self._destination.scrub(f"{type(error).__name__}: {error}"))
            return
        finally:
            ready.set()
        if totals.warnings:
            _log.warning("tracekit: OpenTelemetry's variables for metrics: %s", "; ".join(totals.warnings))
        due, is_last = time.monotonic() + self._interval_s, False
        while not is_last:
            try:
                call = queue.get(timeout=max(0.0, due - time.monotonic()))
            except Empty:
                due += self._interval_s
                self._send(totals)
                continue
            if call is None:
                is_last = True
                self._send(totals)
            else:
                totals.count(call)
        done.set()

    def _send(self, totals: Any) -> None:
        reason = totals.send()
        self._is_failing = reason is not None
        if reason is not None:
            self._say(reason)

    def _say(self, reason: str) -> None:
        """Warn once that metrics do not arrive."""
        if not self._has_said:
            self._has_said = True
            _log.warning(
                "tracekit: metrics are not exported to %s, but your program and its record continue: %s",
                self._destination.shown,
                reason,
            )


def new_instance_id() -> str:
    """Return what tells the totals of one process from those of another."""
    return os.urandom(16).hex()


def interval_of(environment: Mapping[str, str] = os.environ) -> float:
    """Return the seconds between two exports, as ``OTEL_METRIC_EXPORT_INTERVAL`` says; by default a minute."""
    text = environment.get("OTEL_METRIC_EXPORT_INTERVAL", "").strip()
    return int(text) / 1000 if text.isdecimal() and int(text) else 60.0
