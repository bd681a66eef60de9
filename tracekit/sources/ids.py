"""Ids derived from a source's own ids, so that a second import gives the same run."""

from __future__ import annotations

from hashlib import blake2b

__all__ = ["run_id", "span_id"]


def run_id(source: str, session: str) -> str:
    """Return the id of the run that is the `session` of `source`."""
    return _digest(16, source, session)


def span_id(run: str, *parts: object) -> str:
    """Return the id of the span of `run` that `parts` name."""
    return _digest(8, run, *parts)


def _digest(size: int, *parts: object) -> str:
    return blake2b("\0".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()
