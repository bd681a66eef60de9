"""The price of a call, in US dollars."""

from __future__ import annotations

from tracekit.cost.derived import call_cost_usd, derived_attributes
from tracekit.cost.parts import CostPart, cost_parts, price_source
from tracekit.cost.prices import price_usd

__all__ = ["CostPart", "call_cost_usd", "cost_parts", "derived_attributes", "price_source", "price_usd"]
