"""Prices a call by its usage, with the public list of genai-prices and the user's own table.

The list is read when the first price is asked for: it takes a tenth of a second to load. Nothing is fetched.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tracekit import semconv
from tracekit.cost.own import Rates, own_rates
from tracekit.cost.platforms import is_regional_vertex, listed_names
from tracekit.origin import pass_on

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

__all__ = ["price_usd"]

_BATCH_SHARE = Decimal("0.5")
"""What a token in a batch costs of its usual price: https://platform.claude.com/docs/en/about-claude/pricing"""

_US_FACTOR = Decimal("1.1")
"""What a token costs more where inference is kept in the US:
https://platform.claude.com/docs/en/manage-claude/data-residency"""

_MILLION = Decimal(1_000_000)

_EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).toordinal()
_DAY_NS = 86_400_000_000_000

_PROVIDERS = {"anthropic": "anthropic", "aws.bedrock": "aws", "gcp.vertex_ai": "google"}
"""The GenAI conventions' names of providers, and those of genai-prices."""


class _Usage(NamedTuple):
    """The paid tokens and services. `input` includes tokens read from and written to the cache."""

    input: int
    output: int
    cache_read: int
    cache_write_5m: int
    cache_write_1h: int
    web_searches: int


class _Place(NamedTuple):
    """The platform and id of a model, and whether the endpoint belongs to one region."""

    provider: str
    requested: str
    is_regional: bool


def price_usd(attributes: Mapping[str, Any], model: str, at_ns: int) -> Decimal | None:
    """Return the cost of a call in US dollars, at its time, from the `attributes` of its llm span.

    Args:
        attributes: Usage and modes, by the names of `tracekit.semconv`.
        model: The id of the model that answered.
        at_ns: When, in nanoseconds since the epoch: prices change.

    Returns:
        US dollars. None if the model, or its price in this mode, is unknown; never 0 for want of a price.

    Raises:
        PricesError: The user's own price table cannot be read.
    """
    day = _EPOCH_DAY + at_ns // _DAY_NS
    provider = str(attributes.get(semconv.PROVIDER_NAME, "anthropic"))
    speed = str(attributes.get(semconv.SPEED, "standard"))
    iterations = attributes.get(semconv.ITERATIONS)
    if isinstance(iterations, list) and iterations:
        parts = [(str(each.get("model") or model), _usage_of_iteration(each)) for each in iterations]
        searches = _count(attributes, semconv.WEB_SEARCHES)
        parts[0] = (parts[0][0], parts[0][1]._replace(web_searches=searches))
    else:
        parts = [(model, _usage_of(attributes))]
    factor = _BATCH_SHARE if attributes.get(semconv.RESPONSE_SERVICE_TIER) == "batch" else Decimal(1)
    if attributes.get(semconv.INFERENCE_GEO) == "us":
        factor *= _US_FACTOR
    requested = str(attributes.get(semconv.REQUEST_MODEL, ""))
    is_regional = is_regional_vertex(provider, str(attributes.get(semconv.SERVER_ADDRESS, "")))
    place = _Place(provider, requested, is_regional)
    prices = [_price(place, name, usage, speed, factor, day) for name, usage in parts]
    known = [price for price in prices if price is not None]
    return sum(known, Decimal(0)) if len(known) == len(prices) else None


@lru_cache(maxsize=4096)
def _price(place: _Place, model: str, usage: _Usage, speed: str, factor: Decimal, day: int) -> Decimal | None:
    """Return the price of one model's answer: its tokens, which `factor` applies to, and its web searches."""
    provider = place.provider
    own = own_rates(model)
    if own:
        tokens: Decimal | None = _by_rates(own, usage)
    else:
        names = listed_names(provider, place.requested, model)
        found = {_listed(provider, name, model, usage._replace(web_searches=0), speed, day) for name in names} - {None}
        tokens = found.pop() if len(found) == 1 else None
    premium = _regional_factor(model, day) if place.is_regional and not own else Decimal(1)
    if tokens is None or premium is None:
        return None
    paid = tokens * factor * premium
    if usage.web_searches:
        searches = _listed(provider, model, model, _Usage(0, 0, 0, 0, 0, usage.web_searches), "standard", day)
        if searches is None:
            return None
        paid += searches
    return paid


def _by_rates(rates: Rates, usage: _Usage) -> Decimal:
    plain = usage.input - usage.cache_read - usage.cache_write_5m - usage.cache_write_1h
    paid = plain * rates.input + usage.output * rates.output + usage.cache_read * rates.cache_read
    return (paid + usage.cache_write_5m * rates.cache_write_5m + usage.cache_write_1h * rates.cache_write_1h) / _MILLION


def _regional_factor(model: str, day: int) -> Decimal | None:
    """Return a model's price in a region divided by its global price, as listed for Bedrock, or None.

    Both platforms add the same: https://platform.claude.com/docs/en/about-claude/pricing#cloud-platform-pricing
    """
    name = f"anthropic.{model.replace('@', '-')}"
    everywhere, regional = _listed_rates("aws", f"global.{name}", day, 1), _listed_rates("aws", name, day, 1)
    if regional is None:
        return None
    # A model without a global price has one price.
    return regional.input / everywhere.input if everywhere is not None else Decimal(1)


def _listed(provider: str, name: str, model: str, usage: _Usage, speed: str, day: int) -> Decimal | None:
    """Return the listed price: the platform's own, where it has the model as `name`, else Anthropic's for `model`."""
    own = _PROVIDERS.get(provider, "anthropic")
    cached = usage.cache_read + usage.cache_write_5m + usage.cache_write_1h
    if speed == "standard" and not usage.web_searches and cached <= usage.input:
        rates = _listed_rates(own, name, day, _tier(own, name, day, usage.input))
        if rates is not None:
            return _by_rates(rates, usage)
    for seller, listed in dict.fromkeys(((own, name), ("anthropic", model))):
        try:
            price = _asked(seller, listed, usage, day)
            if speed == "standard":
                return price.total_price
            faster = _asked(seller, listed, usage, day, speed)
        except (LookupError, ValueError) as error:
            pass_on(error)
            continue
        # The list answers with the usual price where it has none for the mode.
        return faster.total_price if faster.total_price != price.total_price else None
    return None


def _asked(provider: str, model: str, usage: _Usage, day: int, speed: str = "") -> PriceCalculation:
    """Return the price from the list itself, which takes fifty times as long as a calculation from the rates."""
    from genai_prices import Usage, calc_price  # noqa: PLC0415  a tenth of a second, with the first price only

    quantities = Usage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write_5m + usage.cache_write_1h,
        cache_write_5m_tokens=usage.cache_write_5m,
        cache_write_1h_tokens=usage.cache_write_1h,
        web_searches=usage.web_searches,
    )
    return calc_price(
        quantities,
        model,
        provider_id=provider,
        genai_request_timestamp=datetime.fromordinal(day).replace(tzinfo=UTC),
        price_context={"speed": speed} if speed else None,
    )


def _tier(provider: str, model: str, day: int, size: int) -> int:
    """The least number of input tokens for which the list's rates are those for `size`."""
    starts = _tiers(provider, model, day)
    below = bisect_left(starts, size)
    return starts[below - 1] + 1 if below else 1


@lru_cache(maxsize=1024)
def _tiers(provider: str, model: str, day: int) -> list[int]:
    """The numbers of input tokens beyond which the list has other rates."""
    try:
        prices = vars(_asked(provider, model, _Usage(1, 0, 0, 0, 0, 0), day).model_price)
    except (LookupError, ValueError) as error:
        pass_on(error)
        return []
    return sorted({tier.start for price in prices.values() for tier in getattr(price, "tiers", ())})


@lru_cache(maxsize=1024)
def _listed_rates(provider: str, model: str, day: int, size: int) -> Rates | None:
    """Return the listed rates for a call with this much input, or None if one is missing."""
    kinds = (
        _Usage(size, 0, 0, 0, 0, 0),
        _Usage(size, 0, size, 0, 0, 0),
        _Usage(size, 0, 0, size, 0, 0),
        _Usage(size, 0, 0, 0, size, 0),
        _Usage(size, int(_MILLION), 0, 0, 0, 0),
    )
    try:
        plain, read, write_5m, write_1h, both = (_asked(provider, model, kind, day).total_price for kind in kinds)
    except (LookupError, ValueError) as error:
        pass_on(error)
        return None
    by_size = [paid * _MILLION / size for paid in (plain, read, write_5m, write_1h)]
    return Rates(by_size[0], both - plain, *by_size[1:])


def _usage_of(attributes: Mapping[str, Any]) -> _Usage:
    written = _count(attributes, semconv.CACHE_WRITE_TOKENS)
    one_hour = _count(attributes, semconv.CACHE_WRITE_1H_TOKENS)
    return _Usage(
        _count(attributes, semconv.INPUT_TOKENS),
        _count(attributes, semconv.OUTPUT_TOKENS),
        _count(attributes, semconv.CACHE_READ_TOKENS),
        # Five minutes is the API's default, so what is not said to be for an hour is for five minutes.
        max(written - one_hour, 0),
        one_hour,
        _count(attributes, semconv.WEB_SEARCHES),
    )


def _usage_of_iteration(iteration: Mapping[str, Any]) -> _Usage:
    """The usage of one iteration within a call; its input excludes cached tokens, as the API counts."""
    created = iteration.get("cache_creation") or {}
    one_hour = _count(created, "ephemeral_1h_input_tokens")
    written, read = _count(iteration, "cache_creation_input_tokens"), _count(iteration, "cache_read_input_tokens")
    whole = _count(iteration, "input_tokens") + written + read
    return _Usage(whole, _count(iteration, "output_tokens"), read, max(written - one_hour, 0), one_hour, 0)


def _count(values: Mapping[str, Any], name: str) -> int:
    value = values.get(name, 0)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
