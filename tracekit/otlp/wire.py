"""OpenTelemetry's SDK and exporters: spans are encoded and sent by them, as the ``OTEL_*`` variables say.

This module is imported in the thread that sends, never on the agent's way.
"""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
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
from tracekit.otlp.destination import Destination
from tracekit.otlp.told import Wired

__all__ = ["Sender", "is_sampled", "sampler"]

_OWN = ("gen_ai.", "tracekit.", "error.", "http.", "server.", "url.", "anthropic.message.", "anthropic.request.")
"""Attributes that are never left out for a limit on their number."""


class Sender:
    """Sends spans to one destination, each batch for up to `timeout_s`, by default what the variables say.

    `warnings` is what is wrong with these, for people.

    Raises:
        Exception: A variable that the exporter reads makes no sense; each library has its own kind.
    """

    def __init__(
        self, destination: Destination, resource: Mapping[str, Any], *, timeout_s: float | None = None
    ) -> None:
        with _grpc_may_fork():
            exporter_class = _exporter_class(destination)
        given = {"endpoint": destination.url, "timeout": timeout_s}
        _hush.over_libraries()
        with _hush.here() as heard:
            self._resource = _resource(resource)
            self._limits = SpanLimits()
            with _grpc_may_fork():
                self._exporter: SpanExporter = exporter_class(
                    **{name: value for name, value in given.items() if value is not None}
                )
            self.warnings = list(dict.fromkeys(heard))
        self._heard: list[str] = []
        self._scopes = {
            semconv.TRACEKIT_SCOPE: InstrumentationScope(semconv.TRACEKIT_SCOPE, __version__),
            semconv.SDK_SCOPE_PREFIX: InstrumentationScope(semconv.SDK_SCOPE_PREFIX, _sdk_version()),
        }

    @property
    def trouble(self) -> str | None:
        """Why the attempt to send that is being made does not succeed at once; None where it is not known to."""
        return _reason(self._heard) if self._heard else None

    def send(self, spans: Sequence[Wired]) -> str | None:
        """Send `spans`, with the exporter's own retries. Returns why they could not be sent, None if they were."""
        with _hush.here() as heard:
            self._heard = heard
            try:
                sent = self._exporter.export([self._readable(span) for span in spans])
            except Exception as error:  # noqa: BLE001  a certificate that is no file, a host name that is none …
                heard.append(f"{type(error).__name__}: {error}")
                sent = SpanExportResult.FAILURE
        if sent is SpanExportResult.SUCCESS:
            self._heard = []
            return None
        self._heard = heard
        return _reason(heard)

    def close(self) -> None:
        """Let go, of what is being sent, too."""
        self._exporter.shutdown()

    def _readable(self, span: Wired) -> ReadableSpan:
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

    def _limited(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
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
        return kept


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value[:longest]
    return [_cut(each, longest) for each in value] if isinstance(value, list) else value


def _context(trace: str, span: str) -> SpanContext:
    return SpanContext(int(trace, 16), int(span, 16), is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))


@contextmanager
def _grpc_may_fork() -> Iterator[None]:
    """Let gRPC work in forked children, too, which it decides by a variable when it is loaded and begins."""
    name = "GRPC_ENABLE_FORK_SUPPORT"
    if name in os.environ:
        yield
        return
    os.environ[name] = "1"
    try:
        yield
    finally:
        os.environ.pop(name, None)


def _exporter_class(destination: Destination) -> type[Any]:
    if destination.protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415  takes long

        return OTLPSpanExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415  only where it is spoken
        OTLPSpanExporter as OTLPHttpSpanExporter,
    )

    return OTLPHttpSpanExporter


def _resource(given: Mapping[str, Any]) -> Resource:
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


# ── what the libraries say ───────────────────────────────────────────────────────────────────────────────────────────


class _Hush(logging.Filter):
    """Keeps what the exporter's libraries log while they work for us: it is told once, in our words."""

    def __init__(self) -> None:
        super().__init__()
        self._heard: dict[int, list[str]] = {}

    def over_libraries(self) -> None:
        """Listen to every logger of theirs. Harmless twice."""
        for name in list(logging.root.manager.loggerDict):
            if name.startswith(("opentelemetry.", "urllib3.", "grpc")):
                logging.getLogger(name).addFilter(self)

    @contextmanager
    def here(self) -> Iterator[list[str]]:
        """Keep what this thread logs; the list grows meanwhile."""
        thread = threading.get_ident()
        before, heard = self._heard.get(thread), []  # type: tuple[list[str] | None, list[str]]
        self._heard[thread] = heard
        try:
            yield heard
        finally:
            if before is None:
                self._heard.pop(thread, None)
            else:
                self._heard[thread] = before

    def filter(self, record: logging.LogRecord) -> bool:
        heard = self._heard.get(threading.get_ident())
        if heard is None:
            return True
        if record.levelno >= logging.WARNING:
            heard.append(record.getMessage())
        return False


_hush = _Hush()
os.register_at_fork(after_in_child=_hush._heard.clear)  # noqa: SLF001  the module's own

_TELLS_NOTHING = ("due to timeout, max retries", "Shutdown in progress", "already shutdown")
_VERBOSE = re.compile(r"HTTPS?Connection(?:Pool)?\(.*?\): (?:Max retries exceeded with url: \S+ \(Caused by )?")


def _reason(heard: Sequence[str]) -> str:
    """What the exporter said last that tells something, in short."""
    telling = [each for each in heard if not any(part in each for part in _TELLS_NOTHING)]
    last = telling[-1] if telling else "it does not answer, or not in time"
    last = re.sub(
        r"^Transient error (.*) encountered while exporting .*?, retrying in [\d.]+s\.\s*",
        r"\1 ",
        last,
        flags=re.DOTALL,
    )
    last = re.sub(r"^Failed to export \w+ batch code: (\S+), reason: ", r"\1 ", last).removeprefix("None ")
    last = _VERBOSE.sub("", last).strip()
    return re.sub(r'^\w+Error\("(.*)"\)+$', r"\1", last)[:300]


# ── sampling ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def sampler() -> tuple[Sampler, list[str]]:
    """The sampler that ``OTEL_TRACES_SAMPLER`` names, else the SDK's default and what it says of that, for people."""
    _hush.over_libraries()
    with _hush.here() as heard:
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
    """What `sampler` decides of a span; `sampled` says whether its parent is, None where it has none."""
    context = None
    if sampled is not None:
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        above = SpanContext(int(trace, 16), int(parent or "1", 16), is_remote=False, trace_flags=flags)
        context = set_span_in_context(NonRecordingSpan(above))
    decided = sampler.should_sample(context, int(trace, 16), name, SpanKind.INTERNAL, dict(attributes), ())
    return decided.decision is Decision.RECORD_AND_SAMPLE
