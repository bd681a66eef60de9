"""Quantities and lists as text for people: durations, amounts of data, counts, money, names in a row."""

from __future__ import annotations

import sys
from collections.abc import Sequence

__all__ = [
    "format_bytes",
    "format_count",
    "format_duration",
    "format_list",
    "format_money",
    "format_number",
    "format_output",
    "format_price",
    "format_status",
    "is_unicode",
]


def format_bytes(number: int) -> str:
    """Return `number` bytes as ``812 B``, ``4.1 kB`` or ``2.0 GB``."""
    amount = float(number)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def is_unicode() -> bool:
    """Return whether stdout can show line-drawing characters; one that takes text without encoding it can."""
    return (getattr(sys.stdout, "encoding", "utf-8") or "").lower().replace("-", "").startswith("utf")


def format_duration(nanoseconds: int) -> str:
    """Return a duration as ``340 ms``, ``2.61 s``, ``3 m 20 s`` or ``1 h 05 m``."""
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


def format_number(number: int) -> str:
    """Return a count in few characters: ``812``, ``12.4k``, ``1.2M``."""
    if number < 10_000:
        return str(number)
    if number < 999_500:
        return f"{number / 1000:.1f}k"
    return f"{number / 1_000_000:.1f}M"


def format_output(number: int, *, is_partial: bool) -> str:
    """Return a number of output tokens; ``≥`` stands before one that is partly known, ``?`` for one that is not."""
    if not is_partial:
        return format_number(number)
    return f"{'≥' if is_unicode() else '>='}{format_number(number)}" if number else "?"


def format_money(usd: float | None, *, complete: bool = True) -> str:
    """Return an amount as ``$0.0146`` or ``$12.30``, with a ``≥`` where a price is unknown; empty if all are."""
    if usd is None:
        return ""
    amount = f"{usd:.4f}" if usd < 0.995 else f"{usd:,.2f}"
    return f"{'' if complete else '≥' if is_unicode() else '>='}${amount}"


def format_price(usd: float | None, *, complete: bool, is_replay: bool) -> str:
    """Return the cost of a run as `format_money`, in brackets for a replay, which costs nothing itself."""
    text = format_money(usd, complete=complete)
    return f"({text})" if text and is_replay else text


def format_status(status: str, replay: str | None, *, is_replay: bool) -> str:
    """Return the status of a run; of a replay its outcome `replay`, or while that is not known its status, marked."""
    return f"{'↻' if is_unicode() else 'replay:'} {replay or status}" if is_replay else status


def format_count(number: int, one: str, many: str = "") -> str:
    """Return a count with its word: ``1 turn``, ``1,200 turns``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def format_list(names: Sequence[str], most: int | None = None) -> str:
    """Return names in a row: ``a, b and c``; the first `most`, and how many more, where there are more."""
    if most is not None and len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)
