"""Text from models, tools and programs, made fit for one row."""

from __future__ import annotations

from tracekit_viewer.door import printable

__all__ = ["plain"]


def plain(text: str, limit: int | None = None) -> str:
    """`text` on one row, without anything that a terminal acts on; cut to `limit` characters if that is given."""
    return printable(text, most=limit or 2000)
