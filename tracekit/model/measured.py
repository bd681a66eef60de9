"""A call that is over, as metrics count it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Measured"]


class Measured(NamedTuple):
    """A call with its llm span's `attributes`, the agent that made it, its begin since the epoch, and its outcome."""

    attributes: Mapping[str, Any]
    agent: str | None
    begin_ns: int
    duration_s: float
    error: str | None
    retries: int
