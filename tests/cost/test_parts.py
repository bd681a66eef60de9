"""A call's cost by kind of token adds up to its cost."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tracekit import semconv
from tracekit.cost import cost_parts, own, price_source, price_usd, prices

NOON_NS = 1_795_348_800_000_000_000
USED = {
    semconv.INPUT_TOKENS: 12_345,
    semconv.CACHE_READ_TOKENS: 8_000,
    semconv.CACHE_WRITE_TOKENS: 3_000,
    semconv.CACHE_WRITE_1H_TOKENS: 1_000,
    semconv.OUTPUT_TOKENS: 678,
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """Forget the prices of earlier tables."""
    yield
    for cache in (own._table, prices._price):
        cache.cache_clear()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {semconv.INPUT_TOKENS: 300_000, semconv.CACHE_READ_TOKENS: 250_000},
        {semconv.RESPONSE_SERVICE_TIER: "batch"},
        {semconv.INFERENCE_GEO: "us"},
        dict.fromkeys(
            (
                semconv.INPUT_TOKENS,
                semconv.CACHE_READ_TOKENS,
                semconv.CACHE_WRITE_TOKENS,
                semconv.CACHE_WRITE_1H_TOKENS,
            ),
            0,
        ),
        {semconv.PROVIDER_NAME: "aws.bedrock"},
    ],
    ids=["plain", "long-context", "batch", "us", "output-only", "bedrock"],
)
def test_parts_add_up_to_the_whole(more: dict[str, object]) -> None:
    attributes = USED | more
    parts = cost_parts(attributes, "claude-sonnet-4-5", NOON_NS)
    whole = price_usd(attributes, "claude-sonnet-4-5", NOON_NS)
    assert whole is not None
    assert abs(sum((part.usd or Decimal(0) for part in parts), Decimal(0)) - whole) < Decimal("1e-12")
    assert (
        sum(part.tokens for part in parts)
        == max(
            attributes[semconv.INPUT_TOKENS],
            0,  # type: ignore[call-overload]  # counts are numbers
        )
        + attributes[semconv.OUTPUT_TOKENS]
    )


def test_an_unknown_price_is_none_and_never_nothing() -> None:
    assert [part.usd for part in cost_parts(USED, "acme-7b", NOON_NS)] == [None] * 5
    assert [part.tokens for part in cost_parts(USED, "acme-7b", NOON_NS)] == [1_345, 8_000, 2_000, 1_000, 678]


def test_answers_of_several_models_have_no_rate_in_common() -> None:
    iterations = [{"type": "message", "model": "claude-haiku-4-5", "input_tokens": 1, "output_tokens": 1}]
    parts = cost_parts({**USED, semconv.ITERATIONS: iterations}, "claude-sonnet-4-5", NOON_NS)
    assert [part.rate for part in parts] == [None] * 5


def test_the_users_own_table_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prices._price.cache_clear()
    table = tmp_path / "prices.toml"
    table.write_text("[prices.acme-7b]\ninput = 2\noutput = 8\n")
    monkeypatch.setenv("TRACEKIT_PRICES", str(table))
    rates = {part.kind: part.rate for part in cost_parts(USED, "acme-7b", NOON_NS)}
    assert rates["input"] == 2
    assert rates["output"] == 8
    assert rates["cache read"] == Decimal("0.2")
    assert price_source("acme-7b") == "your price table"
    assert price_source("claude-sonnet-4-5") == "genai-prices"
