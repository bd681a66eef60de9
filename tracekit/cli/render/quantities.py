"""How amounts of data read."""

from __future__ import annotations

__all__ = ["size"]


def size(number: int) -> str:
    """An amount of data for people: ``812 B``, ``4.1 kB``, ``2.0 GB``."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
