"""Options of the exporters whose variables are read here: timeout and compression.

Releases of OpenTelemetry differ in what they do with a value that cannot be read. Some log a warning, others raise, and
every span would be lost.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

__all__ = ["VARIABLES", "Signal", "compression_of", "timeout_of", "unreadable_limits"]

Signal: TypeAlias = Literal["trace", "metric"]

VARIABLES: Final[dict[Signal, str]] = {"trace": "TRACES", "metric": "METRICS"}
"""The part of the variables' names that a signal has."""

_TIMEOUT_S: Final = 10
"""The exporters' own default."""

_COMPRESSIONS: Final = {"none": "NoCompression", "gzip": "Gzip", "deflate": "Deflate"}
"""The members of the exporters' enumerations, by the names that variables have for them."""


def timeout_of(environment: Mapping[str, str], signal: Signal) -> tuple[float, list[str]]:
    """Return the seconds that a request may take, and warnings for people."""
    name, text = _set(environment, signal, "TIMEOUT")
    if not text:
        return _TIMEOUT_S, []
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if math.isfinite(seconds) and seconds > 0:
        return seconds, []
    return _TIMEOUT_S, [f"{name}={text} is not a positive number of seconds; {_TIMEOUT_S} is used"]


def compression_of(environment: Mapping[str, str], signal: Signal) -> tuple[str, list[str]]:
    """Return the member of the exporters' `Compression`, and warnings for people."""
    name, text = _set(environment, signal, "COMPRESSION")
    member = _COMPRESSIONS.get(text.lower() or "none")
    if member is not None:
        return member, []
    return _COMPRESSIONS["none"], [f"{name}={text} is not one of {', '.join(_COMPRESSIONS)}; no compression is used"]


def unreadable_limits(environment: Mapping[str, str]) -> list[str]:
    """Return a line for each limit that is no number: with one, OpenTelemetry's SDK cannot be imported."""
    return [
        f"{name}={text} is not a number"
        for name, text in sorted(environment.items())
        if name.startswith("OTEL_") and name.endswith("_LIMIT") and text.strip() and not text.strip().isdecimal()
    ]


def _set(environment: Mapping[str, str], signal: Signal, option: str) -> tuple[str, str]:
    """Return the variable that sets `option`, and its value; empty if there is none."""
    for name in (f"OTEL_EXPORTER_OTLP_{VARIABLES[signal]}_{option}", f"OTEL_EXPORTER_OTLP_{option}"):
        if text := environment.get(name, "").strip():
            return name, text
    return "", ""
