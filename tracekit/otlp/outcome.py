"""Outcomes of what was to be sent."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Delivery", "Sent"]


class Sent(NamedTuple):
    """The outcome of one request: how many of its spans were `lost` and why, and whether it was too large."""

    lost: int = 0
    reason: str | None = None
    is_too_large: bool = False


class Delivery(NamedTuple):
    """The outcome for many spans: numbers of `sent`, lost and `cut` spans, and reasons."""

    sent: int = 0
    lost: int = 0
    reason: str | None = None
    cut: int = 0

    def __add__(self, other: object) -> Delivery:
        """Return the sum of both outcomes, with the first reason."""
        assert isinstance(other, Delivery)
        return Delivery(
            self.sent + other.sent, self.lost + other.lost, self.reason or other.reason, self.cut + other.cut
        )
