"""OpenTelemetry's SDK for metrics: totals are kept and encoded by it. Imported in the thread that sends."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View

from tracekit import __version__, semconv
from tracekit.model.measured import Measured
from tracekit.model.text import printable
from tracekit.otlp.destination import Destination
from tracekit.otlp.exporters import Ear, exporter_of, judged
from tracekit.otlp.instruments import BOUNDARIES, Instruments
from tracekit.otlp.log_capture import log_capture, reason_of
from tracekit.otlp.wire import load_libraries, resource_of

__all__ = ["Totals"]


class Totals:
    """The totals of this process. `warnings` is what is wrong with the variables, for people.

    Raises:
        Exception: A variable that the exporter reads makes no sense; each library has its own kind.
    """

    def __init__(self, destination: Destination, resource: Mapping[str, Any], redact: Callable[[str], str]) -> None:
        self._scrub = destination.scrub
        self._ear = Ear()
        load_libraries(destination.protocol, "metric")
        log_capture.attach()
        with log_capture.capture() as heard:
            exporter, warnings = exporter_of(destination, self._ear, None, "metric")
            # It collects only when it is told to.
            self._reader = PeriodicExportingMetricReader(exporter, math.inf)
            # Older releases of OpenTelemetry know boundaries only from views.
            views = [
                View(instrument_name=name, aggregation=ExplicitBucketHistogramAggregation(boundaries))
                for name, boundaries in BOUNDARIES.items()
            ]
            provider = MeterProvider([self._reader], resource_of(resource), shutdown_on_exit=False, views=views)
            self._instruments = Instruments(provider.get_meter(semconv.TRACEKIT_SCOPE, __version__), redact)
            self.warnings = [self._scrub(each) for each in dict.fromkeys([*heard, *warnings])]

    def count(self, call: Measured) -> None:
        """Add `call` to the totals."""
        with log_capture.capture():
            self._instruments.record(call)

    def send(self) -> str | None:
        """Send the totals. Returns why they could not be sent, None if they were."""
        self._ear.forget()
        with log_capture.capture() as heard:
            self._reader.collect()
        if heard:
            return printable(self._scrub(reason_of(heard)), most=300)
        reason = judged(self._ear.answer, 1).reason
        return printable(self._scrub(reason), most=300) if reason else None
