"""Choose the exported spans by ``OTEL_TRACES_SAMPLER``. The record does not depend on it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tracekit.model.events import SpanBegin
from tracekit.otlp.log_capture import loading

__all__ = ["Sampling"]

_ALL = ("", "parentbased_always_on")


class Sampling:
    """Decides as the SDK's sampler of that name does, which is loaded only where one is asked for.

    `warnings` is what is wrong with the variable, for people.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._sampler: Any = None
        self.warnings: list[str] = []
        if environment.get("OTEL_TRACES_SAMPLER", "").strip().lower() not in _ALL:
            # An SDK that cannot be loaded sends nothing either: who sends says so.
            with suppress(ValueError), loading():
                from tracekit.otlp.wire import sampler  # noqa: PLC0415  see above

                self._sampler, self.warnings = sampler()

    def decide(self, trace: str, begin: SpanBegin, *, sampled: bool | None) -> bool:
        """Return whether the span that begins is exported; `sampled` says so of its parent, None without one."""
        if self._sampler is None:
            return sampled is not False
        from tracekit.otlp.wire import is_sampled  # noqa: PLC0415  loaded by now

        return is_sampled(self._sampler, trace, begin.parent, begin.name, begin.attributes, sampled=sampled)
