"""W3C trace context in environment variables: from whoever started this process, and to what it starts.

https://opentelemetry.io/docs/specs/otel/context/env-carriers/
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

__all__ = ["TRACE_VARIABLES", "Remote", "incoming"]

TRACE_VARIABLES: Final = ("TRACEPARENT", "TRACESTATE")


class Remote(NamedTuple):
    """A span of another process, under which this one's runs hang. Ids are hex; `state` is the `tracestate`."""

    trace: str
    span: str
    is_sampled: bool
    state: str = ""

    def variables(self) -> dict[str, str]:
        """The environment variables that tell another process of it."""
        parent, state = TRACE_VARIABLES
        variables = {parent: f"00-{self.trace}-{self.span}-{int(self.is_sampled):02x}"}
        return {**variables, state: self.state} if self.state else variables


def incoming(environment: Mapping[str, str]) -> Remote | None:
    """The span that the environment tells of; None if it tells of none, or of what is none."""
    if not environment.get(TRACE_VARIABLES[0]):
        return None
    from opentelemetry import trace  # noqa: PLC0415  only where there is something to read
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415  see above

    carrier = {name.lower(): environment.get(name, "").strip() for name in TRACE_VARIABLES}
    context = trace.get_current_span(TraceContextTextMapPropagator().extract(carrier)).get_span_context()
    if not context.is_valid or not context.is_remote:
        return None
    return Remote(
        format(context.trace_id, "032x"),
        format(context.span_id, "016x"),
        context.trace_flags.sampled,
        context.trace_state.to_header(),
    )
