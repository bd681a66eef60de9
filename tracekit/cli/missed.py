"""Show which requests to Claude are not recorded, and what would record them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tracekit.model.events import Unrecorded

__all__ = ["REMEDY", "missed_json"]

REMEDY = "tracekit records calls that the anthropic SDK, httpx or aiohttp sends to the Messages API"


def missed_json(unrecorded: Iterable[Unrecorded]) -> list[dict[str, Any]]:
    """Return the entries of `show --format json`. For a program that was started, the host is null."""
    return [
        {"caller": each.caller, "host": each.host or None, "requests": each.requests}
        for each in sorted(unrecorded, key=lambda each: (each.caller, each.host))
    ]
