"""Takes the application's other OpenTelemetry spans into the record: a span processor.

It adds spans only; what runs, agents, turns, tools,
calls and attempts do is recorded by our own API and the seam, whatever the application samples. A span that another
instrumentation calls an agent or a tool is one in the record, too.
"""

from __future__ import annotations

import sys
from typing import Any

from opentelemetry.context import Context

from tracekit import semconv
from tracekit.instrument.context import current_span, span_by_id
from tracekit.instrument.guard import guarded
from tracekit.instrument.recorder import active
from tracekit.model.events import Failure

__all__ = ["other_spans"]

_NOT_OTHER = (semconv.SDK_SCOPE_PREFIX, *semconv.OTHER_LLM_SCOPES)


class _OtherSpans:
    """Records each span that is neither the SDK's nor ours nor another telling of an LLM call."""

    @guarded
    def on_start(self, span: Any, parent_context: Context | None = None) -> None:
        """An OpenTelemetry span begins."""
        recorder = active()
        if recorder is None:
            return
        if _is_other(span):
            from tracekit.model.adopted import adopt, canonical  # noqa: PLC0415  with the application's first span

            attributes = dict(span.attributes or {})
            adopted = adopt(span.name, attributes)
            if adopted is not None and adopted.kind != "span":
                attributes.update(canonical(adopted, span.name, attributes))
                attributes[semconv.ADOPTED_FROM] = adopted.by
            kind = adopted.kind if adopted is not None else "span"
            recorder.begin(kind, span.name, current_span(parent_context), otel=span, attributes=attributes)
        elif _scope(span).startswith(semconv.OTHER_LLM_SCOPES):
            # It is not recorded, since the SDK's span tells of the same call. What runs in it, runs in what is around.
            span.tracekit_live = current_span(parent_context)

    @guarded
    def on_end(self, span: Any) -> None:
        """An OpenTelemetry span ends."""
        recorder = active()
        live = span_by_id(span.context.span_id)
        if recorder is None or live is None or not _is_other(span):
            return
        from tracekit.model.adopted import adopt  # noqa: PLC0415  see above

        attributes = dict(span.attributes or {})
        adopted = adopt(span.name, attributes)
        if live.holds_call and adopted is not None and adopted.level == "llm":
            # The exchange holds it once, where each of a framework's spans of a call would hold the whole history again.
            attributes = {name: value for name, value in attributes.items() if not semconv.is_content(name)}
        if live.written:
            # What a tool of ours that is this very execution has noted is kept.
            live.attributes = {**attributes, **live.attributes}
        else:
            live.attributes = {**live.attributes, **attributes}
            is_of_interest = adopted is not None and adopted.kind != "span"
            # Some say only now what they record, and another thread may have made the run one of interest meanwhile.
            if is_of_interest or recorder.is_written(live):
                recorder.write_begin(live)
        failed = span.status.status_code.name == "ERROR"
        kind = str(attributes.get(semconv.ERROR_TYPE, "error"))
        recorder.end(live, Failure(kind, span.status.description or "") if failed else None)

    def shutdown(self) -> None:
        """Do nothing: the processor holds no spans."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:  # noqa: ARG002  the interface's parameter
        """Do nothing: the processor holds no spans."""
        return True


def other_spans() -> Any:
    """A span processor, imported only with a provider, which has loaded OpenTelemetry's SDK already.

    It is of the SDK's own class, whose newer releases call methods that older ones do not know.
    """
    base = getattr(sys.modules.get("opentelemetry.sdk.trace"), "SpanProcessor", object)
    return type("OtherSpans", (_OtherSpans, base), {})()


def _is_other(span: Any) -> bool:
    scope = _scope(span)
    return scope != semconv.TRACEKIT_SCOPE and not scope.startswith(_NOT_OTHER)


def _scope(span: Any) -> str:
    return span.instrumentation_scope.name if span.instrumentation_scope else ""
