"""The HTTP library that the installed SDK uses: httpx2, or httpx before 1.0. Needs the SDK, so it is imported late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anthropic import _base_client

__all__ = ["http"]

if TYPE_CHECKING:
    # What is used of the two is alike.
    import httpx2 as http
else:
    # Both may be installed.
    http = getattr(_base_client, "httpx2", None) or _base_client.httpx
