"""OpenTelemetry's SDK and exporters: spans are encoded and sent by them, as the ``OTEL_*`` variables say.

This module is imported in the thread that sends, never on the agent's way.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from opentelemetry.sdk.environment_variables import OTEL_EXPERIMENTAL_RESOURCE_DETECTORS
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    TELEMETRY_SDK_LANGUAGE,
    TELEMETRY_SDK_NAME,
    TELEMETRY_SDK_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, sampling
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)

from tracekit import __version__, semconv
from tracekit.model.text import printable
from tracekit.otlp.destination import Destination
from tracekit.otlp.exporters import (
    Ear,
    OutOfTimeError,
    TooLargeError,
    exporter_class,
    exporter_of,
    grpc_may_fork,
    judged,
    refusal,
)
from tracekit.otlp.log_capture import log_capture, reason_of
from tracekit.otlp.options import Signal
from tracekit.otlp.outcome import Sent
from tracekit.otlp.span_data import WireSpan

__all__ = ["Sender", "is_sampled", "load_libraries", "resource_of", "sampler"]

_OWN = ("gen_ai.", "tracekit.", "error.", "http.", "server.", "url.", "anthropic.message.", "anthropic.request.")
"""Attributes that are never left out for a limit on their number."""


_TELLS_NO_REASON = "Failed to export batch code: "
"""How a message of exporters before OpenTelemetry 1.36 begins, which tells the body of an answer, and not its reason."""


class Sender:
    """Sends requests with spans to one destination, each for up to `timeout_s`, by default what the variables say.

    `warnings` is what is wrong with these, for people.

    Raises:
        Exception: A variable that the exporter reads makes no sense; each library has its own kind.
    """

    def __init__(
        self, destination: Destination, resource: Mapping[str, Any], *, timeout_s: float | None = None
    ) -> None:
        self._scrub = destination.scrub
        self._ear = Ear()
        load_libraries(destination.protocol)
        log_capture.attach()
        with log_capture.capture() as heard:
            self._resource = resource_of(resource)
            self._limits = SpanLimits()
            self._exporter, warnings = exporter_of(destination, self._ear, timeout_s, "trace")
            self.warnings = [self._scrub(each) for each in dict.fromkeys([*heard, *warnings])]
        self._heard: list[str] = []
        self._scopes = {
            semconv.TRACEKIT_SCOPE: InstrumentationScope(semconv.TRACEKIT_SCOPE, __version__),
            semconv.SDK_SCOPE_PREFIX: InstrumentationScope(semconv.SDK_SCOPE_PREFIX, _sdk_version()),
        }

    @property
    def trouble(self) -> str | None:
        """Return the reason why the current attempt to send is delayed, or None."""
        return self._reason(self._heard) if self._heard else None

    def send(self, spans: Sequence[WireSpan]) -> Sent:
        """Send `spans` in one request, with the exporter's own retries."""
        self._ear.forget()
        is_too_large = False
        with log_capture.capture() as heard:
            self._heard = heard
            try:
                sent = self._exporter.export([self._readable(span) for span in spans])
            except TooLargeError as error:
                heard.append(str(error))
                sent, is_too_large = SpanExportResult.FAILURE, True
            except OutOfTimeError as error:
                heard.append(str(error))
                sent = SpanExportResult.FAILURE
            except Exception as error:  # noqa: BLE001  a certificate that is no file, a host name that is none …
                heard.append(f"{type(error).__name__}: {error}")
                sent = SpanExportResult.FAILURE
        answer = self._ear.answer
        if sent is SpanExportResult.SUCCESS:
            self._heard = []
            outcome = judged(answer, len(spans))
            return outcome._replace(reason=self._reason([outcome.reason])) if outcome.reason else outcome
        self._heard = heard
        if answer is not None and heard and heard[-1].startswith(_TELLS_NO_REASON):
            heard.append(refusal(answer))
        is_too_large = is_too_large or (answer is not None and answer.status == 413)
        return Sent(len(spans), self._reason(heard), is_too_large)

    def close(self) -> None:
        """Close the connection, even during a request."""
        self._exporter.shutdown()

    def _reason(self, heard: Sequence[str]) -> str:
        return printable(self._scrub(reason_of(heard)), most=300)

    def _readable(self, span: WireSpan) -> ReadableSpan:
        parent = _context(span.trace, span.parent) if span.parent else None
        return ReadableSpan(
            span.name,
            _context(span.trace, span.id),
            parent,
            self._resource,
            self._limited(span.attributes),
            kind=SpanKind.CLIENT if span.is_client else SpanKind.INTERNAL,
            instrumentation_scope=self._scopes[span.scope],
            status=Status(StatusCode.ERROR, span.description or None) if span.failed else Status(StatusCode.UNSET),
            start_time=span.start_ns,
            end_time=span.end_ns,
        )

    def _limited(self, attributes: Mapping[str, Any]) -> _Attributes:
        """`attributes` within the limits of the ``OTEL_*`` variables; those that matter are never the ones left out."""
        most, longest = self._limits.max_span_attributes, self._limits.max_span_attribute_length
        kept = dict(attributes)
        if most is not None and len(kept) > most:
            kept = {name: value for name, value in attributes.items() if name.startswith(_OWN)}
            for name, value in attributes.items():
                if len(kept) >= most:
                    break
                kept[name] = value
        if longest is not None:
            kept = {name: _cut(value, longest) for name, value in kept.items()}
        return _Attributes(kept)


class _Attributes(dict[str, Any]):
    """Attributes of a span, which older encoders ask how many were left out. It is not counted here."""

    dropped = 0


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value[:longest]
    return [_cut(each, longest) for each in value] if isinstance(value, list) else value


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


def load_libraries(protocol: str, signal: Signal = "trace") -> None:
    """Load an exporter's libraries, so that their loggers exist."""
    with grpc_may_fork():
        exporter_class(protocol, signal)


def resource_of(given: Mapping[str, Any]) -> Resource:
    """The resource that the ``OTEL_*`` variables describe, and what is `given` where they do not say.

    `Resource.create` asks its detectors in a pool of threads, which a program that is about to end cannot start any
    more; so that is left to who asks for more detectors than that of the variables.
    """
    if os.environ.get(OTEL_EXPERIMENTAL_RESOURCE_DETECTORS):
        described = dict(Resource.create().attributes)
        if str(described.get(SERVICE_NAME)).startswith("unknown_service"):
            del described[SERVICE_NAME]
        return Resource({**given, **described})
    library = {
        TELEMETRY_SDK_LANGUAGE: "python",
        TELEMETRY_SDK_NAME: "opentelemetry",
        TELEMETRY_SDK_VERSION: version("opentelemetry-sdk"),
    }
    return Resource({**library, **given, **OTELResourceDetector().detect().attributes})


def _sdk_version() -> str:
    try:
        return version("anthropic")
    except PackageNotFoundError:
        return ""


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def sampler() -> tuple[Sampler, list[str]]:
    """The sampler that ``OTEL_TRACES_SAMPLER`` names, else the SDK's default and what it says of that, for people."""
    log_capture.attach()
    with log_capture.capture() as heard:
        found = sampling._get_from_env_or_default()  # noqa: SLF001  what the SDK's own provider calls
    if not heard:
        return found, []
    return found, [f"OTEL_TRACES_SAMPLER: {' '.join(heard)}"]


def is_sampled(
    sampler: Sampler,
    trace: str,
    parent: str | None,
    name: str,
    attributes: Mapping[str, Any],
    *,
    sampled: bool | None,
) -> bool:
    """Return the decision of `sampler` on a span; `sampled` is its parent's, None without one."""
    context = None
    if sampled is not None:
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        above = SpanContext(int(trace, 16), int(parent or "1", 16), is_remote=False, trace_flags=flags)
        context = set_span_in_context(NonRecordingSpan(above))
    decided = sampler.should_sample(context, int(trace, 16), name, SpanKind.INTERNAL, dict(attributes), ())
    return decided.decision is Decision.RECORD_AND_SAMPLE
