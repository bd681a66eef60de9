"""Where spans go, as the ``OTEL_*`` variables say: those that decide whether and how anything is sent.

The variables of the exporters themselves (headers, timeout, compression, certificates, limits, resource) are read by
OpenTelemetry's own code, in `tracekit.otlp.wire`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

__all__ = ["Destination", "Limits", "Protocol", "asks_for_content", "destination_of", "limits_of", "traces_url"]

Protocol: TypeAlias = Literal["http/protobuf", "grpc"]

CONTENT_VARIABLES: Final = (
    ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", ("span_only", "span_and_event", "true")),
    ("ANTHROPIC_OPEN_TELEMETRY_TRACES_CONTENT_MODE", ("content",)),
)
"""Variables that ask for message content on spans, and the values by which they do: the conventions', and the SDK's."""


class Destination(NamedTuple):
    """Where spans go. `url` is None where the exporter finds it in the environment; `shown` is it, for people."""

    protocol: Protocol
    shown: str
    url: str | None = None


class Limits(NamedTuple):
    """What the ``OTEL_BSP_*`` variables say: seconds between two batches, and numbers of spans."""

    delay_s: float = 5.0
    batch: int = 512
    queue: int = 2048


def destination_of(environment: Mapping[str, str]) -> tuple[Destination | None, list[str]]:
    """Where spans go, None for nowhere, and what cannot be meant, for people."""
    own = environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if not (own or base) or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None, []
    exporters = environment.get("OTEL_TRACES_EXPORTER", "otlp").lower()
    if "otlp" not in {name.strip() for name in (exporters or "otlp").split(",")}:
        return None, []
    asked = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    name = (asked or "http/protobuf").strip().lower()
    if name == "grpc":
        return Destination("grpc", own or base), []
    told = []
    if name != "http/protobuf":
        told = [f"OTEL_EXPORTER_OTLP_PROTOCOL={asked} cannot be spoken; http/protobuf is, and grpc could be"]
    return Destination("http/protobuf", own or traces_url(base)), told


def traces_url(base: str) -> str:
    """The address for spans below the `base` of a collector; one that is it already stays."""
    return base if base.rstrip("/").endswith("/v1/traces") else f"{base.rstrip('/')}/v1/traces"


def asks_for_content(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether message content is wanted on spans; without a word, it is not."""
    return any(environment.get(name, "").strip().lower() in values for name, values in CONTENT_VARIABLES)


def limits_of(environment: Mapping[str, str], *, content: bool = False) -> tuple[Limits, list[str]]:
    """The limits, the default for each that cannot be meant, and what that is, for people.

    With message `content` fewer spans wait by default: those of calls hold what was asked and answered.
    """
    told: list[str] = []

    def number(name: str, default: int) -> int:
        text = environment.get(name, "").strip()
        if not text:
            return default
        if text.isdecimal() and int(text) > 0:
            return int(text)
        told.append(f"{name}={text} is no positive number; {default} is used")
        return default

    delay, queue = number("OTEL_BSP_SCHEDULE_DELAY", 5000), number("OTEL_BSP_MAX_QUEUE_SIZE", 512 if content else 2048)
    batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", min(512, queue))
    if batch > queue:
        told.append(f"OTEL_BSP_MAX_EXPORT_BATCH_SIZE={batch} is more than the queue holds; {queue} is used")
    return Limits(delay / 1000, min(batch, queue), queue), told
