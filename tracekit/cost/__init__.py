"""What a call cost, in US dollars."""

from __future__ import annotations

from tracekit.cost.parts import CostPart, cost_parts, price_source
from tracekit.cost.prices import price_usd

__all__ = ["CostPart", "cost_parts", "price_source", "price_usd"]
