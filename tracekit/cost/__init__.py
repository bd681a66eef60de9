"""What a call cost, in US dollars."""

from __future__ import annotations

from tracekit.cost.prices import price_usd

__all__ = ["price_usd"]
