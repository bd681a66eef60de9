"""The destination of spans, by those ``OTEL_*`` variables that decide whether and how spans are sent.

The variables of the exporters themselves (headers, timeout, compression, certificates, limits, resource) are read by
OpenTelemetry's own code, in `tracekit.otlp.wire`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias

from tracekit.privacy import public_address, scrubbed, secrets_of

__all__ = [
    "BYTES_VARIABLE",
    "Destination",
    "Limits",
    "Protocol",
    "destination",
    "destination_of",
    "limits_of",
    "metrics_destination_of",
    "metrics_url",
    "traces_url",
]

Protocol: TypeAlias = Literal["http/protobuf", "grpc"]


@dataclass(frozen=True)
class Destination:
    """A collector's address. `url` may hold a password and is never shown; `secrets` are those that errors may repeat."""

    protocol: Protocol
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def shown(self) -> str:
        """The address for people: without user, password and query."""
        return public_address(self.url)

    def scrub(self, text: str) -> str:
        """Return a library's message `text` without secrets."""
        return scrubbed(text, self.secrets)


BYTES_VARIABLE: Final = "TRACEKIT_OTLP_MAX_BYTES"
"""How many bytes a request may have before compression. The default fits gRPC's usual limit of 4 MiB."""


class Limits(NamedTuple):
    """The limits of the export: seconds between two batches, numbers of spans, bytes of a batch and of the queue."""

    delay_s: float = 5.0
    batch: int = 512
    queue: int = 2048
    batch_bytes: int = 4_000_000
    queue_bytes: int = 64_000_000


def destination_of(environment: Mapping[str, str]) -> tuple[Destination | None, list[str]]:
    """Return the destination of spans, or None, and messages about invalid variables."""
    exporters = environment.get("OTEL_TRACES_EXPORTER") or "otlp"
    return _destination_of(environment, "TRACES", exporters, traces_url)


def metrics_destination_of(environment: Mapping[str, str]) -> tuple[Destination | None, list[str]]:
    """Return the destination of metrics, and warnings about invalid settings.

    None unless they are asked for: by ``OTEL_METRICS_EXPORTER=otlp``, or by an endpoint for metrics alone.
    """
    exporters = environment.get("OTEL_METRICS_EXPORTER", "")
    if not exporters and environment.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "").strip():
        exporters = "otlp"
    return _destination_of(environment, "METRICS", exporters, metrics_url)


def _destination_of(
    environment: Mapping[str, str], signal: str, exporters: str, below: Callable[[str], str]
) -> tuple[Destination | None, list[str]]:
    own = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT", "").strip()
    base = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if not (own or base) or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None, []
    if "otlp" not in {name.strip() for name in exporters.lower().split(",")}:
        return None, []
    asked = environment.get(f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    name = (asked or "http/protobuf").strip().lower()
    if name == "grpc":
        return destination("grpc", own or base, environment), []
    told = []
    if name != "http/protobuf":
        told = [
            f"OTEL_EXPORTER_OTLP_PROTOCOL={asked} is not supported; http/protobuf is used, and grpc is possible, too"
        ]
    return destination("http/protobuf", own or below(base), environment), told


def destination(protocol: Protocol, url: str, environment: Mapping[str, str]) -> Destination:
    """Return the destination at `url`, which knows the secrets of the `environment`."""
    return Destination(protocol, url, secrets_of(environment, url))


def traces_url(base: str) -> str:
    """The address for spans below the `base` of a collector; one that is it already stays."""
    return _below(base, "/v1/traces")


def metrics_url(base: str) -> str:
    """The address for metrics below the `base` of a collector."""
    return _below(base, "/v1/metrics")


def _below(base: str, path: str) -> str:
    """`base` with `path`, which comes before a query."""
    address, mark, query = base.partition("?")
    address = address.rstrip("/")
    return f"{address if address.endswith(path) else address + path}{mark}{query}"


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
        told.append(f"{name}={text} is not a positive number; {default} is used")
        return default

    delay, queue = number("OTEL_BSP_SCHEDULE_DELAY", 5000), number("OTEL_BSP_MAX_QUEUE_SIZE", 512 if content else 2048)
    batch = number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", min(512, queue))
    batch_bytes = number(BYTES_VARIABLE, Limits().batch_bytes)
    if batch > queue:
        told.append(f"OTEL_BSP_MAX_EXPORT_BATCH_SIZE={batch} is more than the queue holds; {queue} is used")
    return Limits(delay / 1000, min(batch, queue), queue, batch_bytes), told
