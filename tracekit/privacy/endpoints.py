"""Keeps passwords and tokens of the exporter's settings out of everything that is logged, shown or written.

An endpoint or a proxy may hold a user, a password or a token; a variable for headers usually holds a key. The libraries
repeat them in their errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, unquote_plus, urlsplit, urlunsplit

__all__ = ["public_address", "scrubbed", "secrets_of", "without_user"]

_PLACEHOLDER: Final = "[redacted]"
_SHORTEST = 4
"""Shorter values are parts of ordinary words and numbers; of these only their usual places are cleaned."""

_ADDRESSES = (
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "GRPC_PROXY",
)
_HEADERS = (
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
    "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
)
_USER = re.compile(r"(?<=//)[^/\s'\"]*@")
_QUERY = re.compile(r"(//[^\s?#'\"]*)[?#][^\s'\")]+")


def public_address(address: str) -> str:
    """Return `address` without user, password, query and fragment."""
    if "//" not in address:
        return _QUERY.sub(r"\1", "//" + address).removeprefix("//").rpartition("@")[2]
    return _QUERY.sub(r"\1", _USER.sub("", address))


def without_user(address: str) -> tuple[str, str]:
    """Return `address` without its user and password, and these as they stand in it, "" for none."""
    parts = urlsplit(address)
    user, _, host = parts.netloc.rpartition("@")
    return (urlunsplit(parts._replace(netloc=host)) if user else address), user


def secrets_of(environment: Mapping[str, str], address: str = "") -> tuple[str, ...]:
    """Return the secrets in `address` and in the variables of exporters and proxies, the longest first."""
    found = set(_in_address(address))
    for name in _ADDRESSES:
        for variable in (name, name.lower()):
            found.update(_in_address(environment.get(variable, "")))
    for name in _HEADERS:
        found.update(_in_headers(environment.get(name, "")))
    return tuple(sorted((each for each in found if len(each) >= _SHORTEST), key=len, reverse=True))


def scrubbed(text: str, secrets: tuple[str, ...]) -> str:
    """Return `text` without any of the `secrets`, and without users and queries of the addresses in it."""
    for secret in secrets:
        text = text.replace(secret, _PLACEHOLDER)
    return _QUERY.sub(rf"\1?{_PLACEHOLDER}", _USER.sub("", text))


def _in_address(address: str) -> Iterator[str]:
    if not address.strip():
        return
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        query = parse_qsl(parts.query)
    except ValueError:
        yield address.strip()
        return
    user, at, _ = parts.netloc.rpartition("@")
    name, colon, password = user.partition(":")
    for secret in (user, password if colon else name) if at else ():
        yield secret
        yield unquote_plus(secret)
    yield parts.query
    for _, value in query:
        yield value


def _in_headers(text: str) -> Iterator[str]:
    yield text.strip()
    for part in text.split(","):
        yield part.strip()
        value = part.partition("=")[2].strip()
        for secret in (value, unquote_plus(value)):
            yield secret
            # `Bearer x`, `Basic x`: the key may be repeated alone.
            yield secret.rpartition(" ")[2]
