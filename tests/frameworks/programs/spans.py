"""Sets up tracing as an application does that watches its framework: a global provider.

Its spans go nowhere, or to the receiver at the address in FRAMEWORK_SPANS_TO.
"""

import os

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


def on() -> bool:
    """Return whether this run of the program has the framework's own instrumentation."""
    return os.environ.get("FRAMEWORK_SPANS") == "on"


def provider() -> TracerProvider:
    """Set a provider for the process, and return it."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(_exporter()))
    trace.set_tracer_provider(made)
    return made


def _exporter() -> SpanExporter:
    receiver = os.environ.get("FRAMEWORK_SPANS_TO")
    if receiver is None:
        return InMemorySpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=f"{receiver}/v1/traces")
