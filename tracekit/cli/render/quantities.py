"""How quantities read: amounts of data, durations, counts and money. Without rich, so that any command may say one."""

from __future__ import annotations

import sys

__all__ = ["count", "duration", "is_unicode", "money", "size"]


def size(number: int) -> str:
    """An amount of data for people: ``812 B``, ``4.1 kB``, ``2.0 GB``."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def is_unicode() -> bool:
    """Whether stdout can show line-drawing characters; so it can if it takes text and encodes nothing."""
    return (getattr(sys.stdout, "encoding", "utf-8") or "").lower().replace("-", "").startswith("utf")


def duration(nanoseconds: int) -> str:
    """A duration for people: ``340 ms``, ``2.61 s``, ``3 m 20 s``, ``1 h 05 m``."""
    ms = nanoseconds / 1e6
    if ms < 9.95:
        return f"{ms:.1f} ms"
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_950:
        return f"{ms / 1000:.2f} s" if ms < 9_995 else f"{ms / 1000:.1f} s"
    seconds = round(ms / 1000)
    if seconds < 3600:
        return f"{seconds // 60} m {seconds % 60:02d} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60:02d} m"


def count(number: int) -> str:
    """A count for people: ``812``, ``12.4k``, ``1.2M``."""
    if number < 10_000:
        return str(number)
    if number < 999_500:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"


def money(usd: float | None, *, complete: bool = True) -> str:
    """An amount for people: ``$0.0146``, ``$12.30``; with a ``≥`` where a price is unknown; empty if all are."""
    if usd is None:
        return ""
    amount = f"{usd:.4f}" if usd < 0.995 else f"{usd:,.2f}"
    return f"{'' if complete else '≥' if is_unicode() else '>='}${amount}"
