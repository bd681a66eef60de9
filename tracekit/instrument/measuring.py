"""Metrics of calls, for the application's MeterProvider if it has set one, else for tracekit's own export."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tracekit.instrument.guard import guarded
from tracekit.instrument.importing import loaded

if TYPE_CHECKING:
    from typing import Protocol

    from tracekit.model.measured import Measured

    class _Instruments(Protocol):
        def record(self, call: Measured) -> None:
            """Count `call`."""

    class _Exporter(Protocol):
        """Exports metrics where the application has no MeterProvider."""

        def start(self) -> None:
            """Get ready to send. Harmless twice."""

        def put(self, call: Measured) -> None:
            """Count `call` soon."""

        def forked(self) -> None:
            """This process is a fresh fork."""

        def ending(self) -> None:
            """Begin to send the last totals."""

        def exit(self) -> None:
            """Wait for the last totals."""


__all__ = ["Measuring"]


class Measuring:
    """Counts calls. `instruments` makes the instruments of a MeterProvider; `own` is our export.

    Without `instruments`, as in a replay, nothing is counted.
    """

    def __init__(self, instruments: Callable[[Any], _Instruments] | None = None, own: _Exporter | None = None) -> None:
        self._own = own
        self._make = instruments
        self._joined: tuple[Any, _Instruments] | None = None

    @guarded
    def expect(self) -> None:
        """Register the begin of a call."""
        if self._own is not None and _application_provider() is None:
            self._own.start()

    def counts(self) -> bool:
        """Return whether anybody counts calls."""
        return self._make is not None and (self._own is not None or _application_provider() is not None)

    @guarded
    def call(self, call: Measured) -> None:
        """Count `call`."""
        if self._make is None:
            return
        provider = _application_provider()
        if provider is not None:
            if self._joined is None or self._joined[0] is not provider:
                self._joined = provider, self._make(provider)
            self._joined[1].record(call)
        elif self._own is not None:
            self._own.start()
            self._own.put(call)

    def forked(self) -> None:
        """This process is a fresh fork."""
        if self._own is not None:
            self._own.forked()

    def ending(self) -> None:
        """Begin to send the last totals."""
        if self._own is not None:
            self._own.ending()

    def exit(self) -> None:
        """Wait for the last totals."""
        if self._own is not None:
            self._own.exit()


def _application_provider() -> Any:
    """The MeterProvider that the application has set. Whoever sets one has loaded the API for it."""
    api = loaded("opentelemetry.metrics")
    if api is None:
        return None
    provider = api.get_meter_provider()
    return None if type(provider).__name__ == "_ProxyMeterProvider" else provider
