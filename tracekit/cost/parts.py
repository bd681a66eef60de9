"""The cost of a call, by kind of token."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from tracekit import semconv
from tracekit.cost.own import own_rates
from tracekit.cost.prices import price_usd

__all__ = ["CostPart", "cost_parts", "price_source"]

_MILLION = 1_000_000


class CostPart(NamedTuple):
    """Tokens of one kind: ``input``, ``cache read``, ``cache write 5m``, ``cache write 1h`` or ``output``.

    `rate` is US dollars per million tokens, as the call paid; None where no price is known. Input leaves the cached out.
    """

    kind: str
    tokens: int
    rate: Decimal | None

    @property
    def usd(self) -> Decimal | None:
        """The cost in US dollars, or None if the price is unknown."""
        return None if self.rate is None else self.rate * self.tokens / _MILLION


def cost_parts(attributes: Mapping[str, Any], model: str, at_ns: int) -> list[CostPart]:
    """The kinds of tokens of the call with these `attributes`, and what each cost; arguments as for `price_usd`.

    The rates are what `price_usd` charges for nothing but that kind in a call of this size and mode, so tiers, modes
    and the user's own table count. A call of several models' answers has no rates: its parts have different ones.

    Raises:
        PricesError: The user's own price table cannot be read.
    """
    whole, output = _count(attributes, semconv.INPUT_TOKENS), _count(attributes, semconv.OUTPUT_TOKENS)
    read, written = _count(attributes, semconv.CACHE_READ_TOKENS), _count(attributes, semconv.CACHE_WRITE_TOKENS)
    one_hour = min(_count(attributes, semconv.CACHE_WRITE_1H_TOKENS), written)
    size = whole or 1
    kinds: list[tuple[str, int, dict[str, int]]] = [
        ("input", max(0, whole - read - written), {}),
        ("cache read", read, {semconv.CACHE_READ_TOKENS: size}),
        ("cache write 5m", written - one_hour, {semconv.CACHE_WRITE_TOKENS: size}),
        ("cache write 1h", one_hour, {semconv.CACHE_WRITE_TOKENS: size, semconv.CACHE_WRITE_1H_TOKENS: size}),
    ]
    names = (
        semconv.PROVIDER_NAME,
        semconv.REQUEST_MODEL,
        semconv.SERVER_ADDRESS,
        semconv.SPEED,
        semconv.RESPONSE_SERVICE_TIER,
        semconv.INFERENCE_GEO,
    )
    mode = {name: attributes[name] for name in names if name in attributes}

    def paid(usage: Mapping[str, int]) -> Decimal | None:
        if attributes.get(semconv.ITERATIONS):
            return None
        return price_usd({**mode, semconv.INPUT_TOKENS: size, **usage}, model, at_ns)

    parts = [CostPart(kind, tokens, _rate(paid(usage), size)) for kind, tokens, usage in kinds]
    plain, with_output = paid({}), paid({semconv.OUTPUT_TOKENS: _MILLION})
    output_rate = None if plain is None or with_output is None else with_output - plain
    return [*parts, CostPart("output", output, output_rate)]


def price_source(model: str) -> str:
    """Return the source of the price of `model`, for display.

    Raises:
        PricesError: The user's own price table cannot be read.
    """
    return "your price table" if own_rates(model) else "genai-prices"


def _rate(usd: Decimal | None, tokens: int) -> Decimal | None:
    return None if usd is None else usd * _MILLION / tokens


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
