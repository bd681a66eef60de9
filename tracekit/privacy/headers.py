"""The HTTP headers that are kept: few of a request, and of a response all but those that carry credentials."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["SENT_HEADERS", "kept_headers"]

SENT_HEADERS: Final = (b"content-type", b"anthropic-version", b"anthropic-beta")
"""The request's headers that are kept; all others may carry credentials."""

_SECRET_HEADERS: Final = frozenset(
    (
        "api-key",
        "authentication-info",
        "authorization",
        "cookie",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "set-cookie2",
        "www-authenticate",
        "x-amz-security-token",
        "x-api-key",
        "x-auth-token",
        "x-csrf-token",
        "x-xsrf-token",
    )
)


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return a response's headers, whose names are lower-case, without those that carry credentials."""
    return {name: value for name, value in headers if name not in _SECRET_HEADERS}
