"""The tokens of a call, whatever names and forms they have. A number that cannot be told stays unknown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tracekit import semconv
from tracekit.model.adopted import json_in
from tracekit.sources.otlp.dialects.own import OWN
from tracekit.sources.otlp.dialects.table import Dialect
from tracekit.sources.otlp.usage_counts import TOTAL_TOKENS, count_in

__all__ = ["cost_in", "usage_in"]

_TOTALS = (TOTAL_TOKENS, "llm.usage.total_tokens", "llm.token_count.total")
_COMPACTION = (
    ("anthropic.usage.compaction.input_tokens", semconv.INPUT_TOKENS),
    ("anthropic.usage.compaction.output_tokens", semconv.OUTPUT_TOKENS),
)
_DETAILS = "gen_ai.usage.input_token_details"
"""A dictionary as Python or JSON writes it."""
_IN_DETAILS = {
    semconv.CACHE_READ_TOKENS: ("cache_read",),
    semconv.CACHE_WRITE_TOKENS: ("cache_creation", "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"),
}


def cost_in(attributes: Mapping[str, Any], dialect: Dialect) -> float | None:
    """Return the cost in US dollars that the span records, None where there is none."""
    for name in dialect.cost:
        value = attributes.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
            return float(value)
    return None


def usage_in(attributes: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Return the tokens in `attributes`, under the names of the conventions: the input includes those of the cache."""
    found: dict[str, Any] = {}
    for ours in (
        semconv.INPUT_TOKENS,
        semconv.OUTPUT_TOKENS,
        semconv.CACHE_READ_TOKENS,
        semconv.CACHE_WRITE_TOKENS,
        semconv.REASONING_TOKENS,
    ):
        value = _first(attributes, ours, dialect)
        if value is not None:
            found[ours] = value
    _add_details(found, attributes)
    _add_split(found, attributes)
    if semconv.INPUT_TOKENS in found:
        found |= _with_cache(found, attributes, dialect)
        for name, ours in _COMPACTION if dialect is not OWN else ():
            if (more := count_in(attributes.get(name))) and ours in found:
                found[ours] += more
    return found


def _first(attributes: Mapping[str, Any], ours: str, dialect: Dialect) -> int | None:
    names = (*dialect.names.get(ours, ()), ours, *semconv.OTHER_NAMES.get(ours, ()))
    counts = (count_in(attributes[name]) for name in names if name in attributes)
    return next((count for count in counts if count is not None), None)


def _add_details(found: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    details = json_in(attributes.get(_DETAILS))
    for ours, names in _IN_DETAILS.items() if isinstance(details, Mapping) else ():
        counts = [count for name in names if (count := count_in(details.get(name))) is not None]
        if counts and ours not in found:
            # The total of the writes stands beside its parts, or in place of them.
            found[ours] = counts[0] if names[0] in details else sum(counts)


def _add_split(found: dict[str, Any], attributes: Mapping[str, Any]) -> None:
    """Add the parts of the cache writes by lifetime, if they sum to the whole."""
    names = (semconv.CACHE_WRITE_5M_TOKENS, semconv.CACHE_WRITE_1H_TOKENS)
    parts = {name: count for name in names if (count := count_in(attributes.get(name))) is not None}
    if not parts:
        return
    if sum(parts.values()) == found.get(semconv.CACHE_WRITE_TOKENS, 0):
        found.update(parts)
    else:
        found[semconv.ASSUMED] = ["the cache writes by lifetime are not used: they do not sum to the cache writes"]


def _with_cache(found: Mapping[str, Any], attributes: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """Return the input with the tokens of the cache, and the assumption that this takes."""
    given = found[semconv.INPUT_TOKENS]
    cached = found.get(semconv.CACHE_READ_TOKENS, 0) + found.get(semconv.CACHE_WRITE_TOKENS, 0)
    if not cached or (dialect.cache == "inside" and cached <= given):
        return {}
    outside = {semconv.INPUT_TOKENS: given + cached}
    total = next((count for name in _TOTALS if (count := count_in(attributes.get(name))) is not None), None)
    output = found.get(semconv.OUTPUT_TOKENS)
    is_summed = total is not None and output is not None and given + output == total
    if dialect.cache == "outside":
        return {} if is_summed and cached <= given else outside
    assumed = found.get(semconv.ASSUMED, [])
    if cached > given:
        assumption = "the input does not include the cache: it is less than what was read and written"
        return {**outside, semconv.ASSUMED: [*assumed, assumption]}
    if total is not None and output is not None:
        return {} if is_summed else outside
    return {semconv.ASSUMED: [*assumed, "the input includes the cache: nothing says so"]}
