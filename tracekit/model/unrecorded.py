"""Requests to Claude that are not in the record, counted, and in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from tracekit.formatting import format_count
from tracekit.model.events import Unrecorded

__all__ = ["Misses", "in_words", "misses_of"]

Misses: TypeAlias = Mapping[tuple[str, str], int]
"""Numbers of requests, by the package that sent them and the host; no host for a started program."""


def misses_of(unrecorded: Iterable[Unrecorded]) -> Misses:
    """Return the number of requests by who sent them and to which host."""
    return {(each.caller, each.host): each.requests for each in unrecorded}


def in_words(misses: Misses) -> str:
    """Return `misses` in words: ``litellm sent 4 requests to api.anthropic.com; the program started claude``."""
    return "; ".join(_one(caller, host, number) for (caller, host), number in sorted(misses.items()))


def _one(caller: str, host: str, number: int) -> str:
    if host:
        return f"{caller} sent {format_count(number, 'request')} to {host}"
    return f"the program started {caller}" if number == 1 else f"the program started {caller} {number} times"
