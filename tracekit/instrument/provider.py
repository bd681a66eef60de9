"""Joins the application's TracerProvider, whether it is set before `init()` or after."""

from __future__ import annotations

import functools
from typing import Any

from opentelemetry import trace as otel_trace

from tracekit.instrument.guard import guarded
from tracekit.instrument.processor import other_spans

__all__ = ["join"]


@guarded
def join() -> None:
    """Add our processor to the global provider, now if it is set and else when it is. Harmless twice."""
    original = otel_trace._set_tracer_provider  # noqa: SLF001  what `set_tracer_provider` calls, however it is imported
    if not getattr(original, "_tracekit", False):

        @functools.wraps(original)
        def set_provider(tracer_provider: Any, *args: Any, **kwargs: Any) -> None:
            original(tracer_provider, *args, **kwargs)
            _add_to(otel_trace.get_tracer_provider())

        set_provider._tracekit = True  # type: ignore[attr-defined]  # noqa: SLF001
        otel_trace._set_tracer_provider = set_provider  # noqa: SLF001
    _add_to(otel_trace.get_tracer_provider())


@guarded
def _add_to(provider: Any) -> None:
    add = getattr(provider, "add_span_processor", None)
    if add is not None and not getattr(provider, "_tracekit_joined", False):
        # The mark stands on the provider itself: logfire's is not hashable, so no weak set can hold it.
        provider._tracekit_joined = True  # noqa: SLF001  our own mark
        add(other_spans())
