"""Attributes of an exported call that the record does not keep, since they follow from the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.cost.prices import price_usd
from tracekit.errors import PricesError

__all__ = ["call_cost_usd", "derived_attributes"]


def derived_attributes(attributes: Mapping[str, Any], at_ns: int) -> dict[str, Any]:
    """Return the cost and the finish reasons of the call with these `attributes`, made at `at_ns` since the epoch."""
    found: dict[str, Any] = {}
    if semconv.STOP_REASON in attributes:
        found[semconv.FINISH_REASONS] = [attributes[semconv.STOP_REASON]]
    cost = call_cost_usd(attributes, at_ns)
    if cost is not None:
        found[semconv.COST_USD] = cost
    return found


def call_cost_usd(attributes: Mapping[str, Any], at_ns: int) -> float | None:
    """Return the cost of a call in US dollars; None where its usage or its price is not known."""
    model = attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL)
    if not model or semconv.INPUT_TOKENS not in attributes:
        return None
    try:
        price = price_usd(attributes, str(model), at_ns)
    except PricesError:
        # `tracekit show` says what is wrong with the user's table; here there is nobody to tell.
        return None
    return None if price is None else float(price)
