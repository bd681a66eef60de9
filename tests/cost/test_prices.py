"""Each figure is computed by hand from the list prices of its day, in US dollars per million tokens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from genai_prices import Usage, calc_price

from tests.support.build import Builder, said, user
from tracekit import semconv as s
from tracekit.analysis.structure import structure
from tracekit.cost import cost_parts, own, price_usd, prices
from tracekit.errors import PricesError

ARN = "arn:aws:bedrock:eu-west-1:123456789012"
NOW = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the prices of earlier tables."""
    monkeypatch.delenv(own.PRICES_VARIABLE, raising=False)
    for cache in (own._table, prices._price):
        cache.cache_clear()
    yield
    for cache in (own._table, prices._price):
        cache.cache_clear()


def usage(
    input: int = 0, output: int = 0, read: int = 0, write_5m: int = 0, write_1h: int = 0, **more: Any
) -> dict[str, Any]:
    """Usage as the API tells it: `input` without what was cached."""
    return {
        s.INPUT_TOKENS: input + read + write_5m + write_1h,
        s.OUTPUT_TOKENS: output,
        s.CACHE_READ_TOKENS: read,
        s.CACHE_WRITE_TOKENS: write_5m + write_1h,
        s.CACHE_WRITE_5M_TOKENS: write_5m,
        s.CACHE_WRITE_1H_TOKENS: write_1h,
        **{getattr(s, name): value for name, value in more.items()},
    }


@pytest.mark.parametrize(
    ("model", "used", "usd"),
    [
        # claude-opus-4-5: 5 in, 25 out, 0.5 read, 6.25 written for 5 minutes, 10 for an hour
        ("claude-opus-4-5", usage(1200, 345), "0.014625"),
        ("claude-opus-4-5-20251101", usage(1200, 345), "0.014625"),
        ("claude-opus-4-5", usage(0, 0, read=1_000_000), "0.5"),
        ("claude-opus-4-5", usage(0, 0, write_5m=1_000_000), "6.25"),
        ("claude-opus-4-5", usage(0, 0, write_1h=1_000_000), "10"),
        ("claude-opus-4-5", usage(100, 200, 300, 400, 500), "0.01315"),
        # claude-sonnet-4-5: 3 in, 15 out, 0.3 read, 3.75 and 6 written; 10 per 1,000 searches
        ("claude-sonnet-4-5", usage(12, 400, 10, 20, 7, WEB_SEARCHES=1), "0.016156"),
        ("claude-sonnet-4-5", usage(1000, 1000), "0.018"),
        # claude-haiku-4-5: 1 in, 5 out, 0.1 read
        ("claude-haiku-4-5", usage(10_000, 2_000, read=50_000), "0.025"),
        ("claude-haiku-4-5", usage(0, 0, WEB_SEARCHES=3), "0.03"),
        # claude-sonnet-5-5: 2 in, 10 out, 0.1 read, 2.5 and 4 written
        ("claude-sonnet-5-5", usage(5000, 800), "0.018"),
        ("claude-sonnet-5-5", usage(50, 10, read=100_000, write_5m=2_000), "0.0152"),
        # claude-opus-5-5: 4 in, 20 out, 0.2 read
        ("claude-opus-5-5", usage(1000, 500, read=20_000), "0.018"),
        # half price in a batch, searches not
        ("claude-opus-4-5", usage(1200, 345, RESPONSE_SERVICE_TIER="batch"), "0.0073125"),
        ("claude-opus-4-5", usage(1200, 345, RESPONSE_SERVICE_TIER="batch", WEB_SEARCHES=1), "0.0173125"),
        # fast mode of claude-opus-4-8: 10 in, 50 out
        ("claude-opus-4-8", usage(1000, 1000, SPEED="fast"), "0.06"),
        ("claude-opus-4-8", usage(1000, 1000, SPEED="standard"), "0.03"),
        # kept in the US: a tenth more on every token
        ("claude-opus-4-8", usage(1000, 1000, INFERENCE_GEO="us"), "0.033"),
        ("claude-opus-4-8", usage(1000, 1000, INFERENCE_GEO="global"), "0.03"),
        # claude-opus-4-1: 15 in, 75 out
        ("claude-opus-4-1", usage(200, 100), "0.0105"),
        # more than 200,000 in: claude-sonnet-4-5 costs 6 in, 22.5 out
        ("claude-sonnet-4-5", usage(300_000, 1_000), "1.8225"),
        # nothing used costs nothing
        ("claude-opus-4-5", usage(), "0"),
    ],
)
def test_a_call_costs_what_the_list_says(model: str, used: dict[str, Any], usd: str) -> None:
    assert price_usd(used, model, NOW) == Decimal(usd)


@pytest.mark.parametrize(
    ("requested", "model", "usd"),
    [
        # claude-sonnet-4-5: 3 in, 15 out through global endpoints, a tenth more in a region
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "0.0105"),
        ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "0.01155"),
        ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "0.01155"),
        ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929", "0.01155"),
        # before an answer told the model, it is known by the id that was requested
        ("global.anthropic.claude-sonnet-4-5-20250929-v1:0", "", "0.0105"),
        (f"{ARN}:inference-profile/global.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", "0.0105"),
        (f"{ARN}:inference-profile/eu.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", "0.01155"),
        # an application's own profile does not say where it runs: the price is one of two, unless they are the same
        (f"{ARN}:application-inference-profile/a1b2c3d4e5", "claude-sonnet-4-5-20250929", None),
        (f"{ARN}:application-inference-profile/a1b2c3d4e5", "claude-sonnet-4-20250514", "0.0105"),
        # claude-opus-4-1 has one price: 15 in, 75 out
        (f"{ARN}:application-inference-profile/a1b2c3d4e5", "claude-opus-4-1-20250805", "0.0525"),
    ],
)
def test_bedrock_has_two_prices(requested: str, model: str, usd: str | None) -> None:
    used = usage(1000, 500, PROVIDER_NAME="aws.bedrock", REQUEST_MODEL=requested)
    assert price_usd(used, model or requested, NOW) == (None if usd is None else Decimal(usd))
    rates = {part.kind: part.rate for part in cost_parts(used, model or requested, NOW)}
    paid = None if (rate := rates["input"]) is None else rate * 1000 + (rates["output"] or 0) * 500
    assert paid == (None if usd is None else Decimal(usd) * 10**6)


@pytest.mark.parametrize(
    ("server", "model", "usd"),
    [
        ("aiplatform.googleapis.com", "claude-sonnet-4-5@20250929", "0.0105"),
        ("us-east5-aiplatform.googleapis.com", "claude-sonnet-4-5@20250929", "0.01155"),
        ("aiplatform.eu.rep.googleapis.com", "claude-sonnet-4-5-20250929", "0.01155"),
        ("europe-west1-aiplatform.googleapis.com", "claude-sonnet-4@20250514", "0.0105"),
        ("gateway.example", "claude-sonnet-4-5-20250929", "0.0105"),
    ],
)
def test_a_region_of_vertex_costs_more(server: str, model: str, usd: str) -> None:
    used = usage(1000, 500, PROVIDER_NAME="gcp.vertex_ai", SERVER_ADDRESS=server)
    assert price_usd(used, model, NOW) == Decimal(usd)


def test_prices_change_with_the_date() -> None:
    """claude-opus-4-6 cost twice as much beyond 200,000 tokens in until 13 March 2026."""
    long = usage(300_000, 0)
    before = price_usd(long, "claude-opus-4-6", int(datetime(2026, 2, 20, tzinfo=UTC).timestamp()) * 10**9)
    after = price_usd(long, "claude-opus-4-6", NOW)
    assert (before, after) == (Decimal(3), Decimal("1.5"))


def test_each_answer_within_a_call_has_its_own_price() -> None:
    """A compaction by claude-opus-4-5 (5 in, 25 out), then an answer by claude-haiku-4-5 (1 in, 5 out)."""
    iterations = [
        {"type": "compaction", "input_tokens": 1000, "output_tokens": 100},
        {"type": "fallback_message", "model": "claude-haiku-4-5", "input_tokens": 1000, "output_tokens": 100},
    ]
    used = {**usage(1000, 100), s.ITERATIONS: iterations}
    assert price_usd(used, "claude-opus-4-5", NOW) == Decimal("0.0075") + Decimal("0.0015")


@pytest.mark.parametrize(
    ("model", "used"),
    [
        ("claude-of-the-future", usage(10, 10)),
        ("", usage(10, 10)),
        ("claude-haiku-4-5", usage(10, 10, SPEED="fast")),
        ("claude-opus-4-5", {**usage(10, 10), s.ITERATIONS: [{"model": "claude-of-the-future", "input_tokens": 1}]}),
    ],
)
def test_what_is_unknown_has_no_price(model: str, used: dict[str, Any]) -> None:
    assert price_usd(used, model, NOW) is None


def test_a_table_of_the_users_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "prices.toml"
    table.write_text(
        '[prices."my-model"]\ninput = 2\noutput = 8\ncache_read = 0.5\n[prices.claude-opus-4-5]\ninput = 1\noutput = 1\n'
    )
    monkeypatch.setenv(own.PRICES_VARIABLE, str(table))
    assert price_usd(usage(1_000_000, 1_000_000, read=1_000_000, write_1h=1_000_000), "my-model", NOW) == Decimal(
        "14.5"
    )
    assert price_usd(usage(1_000_000, 1_000_000), "claude-opus-4-5", NOW) == Decimal(2)
    assert price_usd(usage(1200, 345), "claude-opus-4-8", NOW) == Decimal("0.014625")


def test_a_table_in_pyproject(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.tracekit.prices."my-model"]\ninput = 2\noutput = 8\n')
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert price_usd(usage(1_000_000), "my-model", NOW) == Decimal(2)


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        '[prices."m"]\ninput = 1\n',
        '[prices."m"]\ninput = "x"\noutput = 1\n',
        '[prices."m"]\ninput = 1\noutput = 1\nreads = 1\n',
    ],
)
def test_a_table_that_cannot_be_used(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "prices.toml").write_text(text)
    monkeypatch.setenv(own.PRICES_VARIABLE, str(tmp_path / "prices.toml"))
    with pytest.raises(PricesError, match=r"prices\.toml"):
        price_usd(usage(1), "m", NOW)


def run_of(*calls: tuple[str, dict[str, Any], str]) -> Any:
    b = Builder()
    for number, (model, used, status) in enumerate(calls):
        id = b.call(
            f"c{number}", number * 10, None if status == "open" else number * 10 + 5, [user(f"q{number}")], [said("x")]
        )
        b.spans[id].attributes.update({**used, s.RESPONSE_MODEL: model})  # type: ignore[attr-defined]
        if status == "error":
            b.spans[id] = replace(b.spans[id], status="error")
    return structure(b.recording()).root


def test_a_run_sums_the_known_prices_and_says_what_is_missing() -> None:
    known = ("claude-opus-4-5", usage(1200, 345), "ok")
    unknown = ("claude-of-the-future", usage(1200, 345), "ok")
    failed: tuple[str, dict[str, Any], str] = ("claude-opus-4-5", {}, "error")
    running: tuple[str, dict[str, Any], str] = ("claude-opus-4-5", {}, "open")
    cut = ("claude-opus-4-5", {s.INPUT_TOKENS: 1200}, "ok")
    for calls, cost, complete in (
        ([known], 0.014625, True),
        ([known, known], 0.02925, True),
        ([known, unknown], 0.014625, False),
        ([unknown], None, False),
        ([known, failed], 0.014625, True),
        ([failed], None, True),
        ([known, running], 0.014625, False),
        ([cut], 0.006, False),
    ):
        root = run_of(*calls)
        assert (root.cost_usd, root.cost_complete) == (cost, complete), calls


@pytest.mark.parametrize("model", ["claude-sonnet-4-5", "claude-opus-4-5", "claude-3-haiku-20240307"])
def test_a_price_is_what_the_list_says_of_the_whole_call_on_either_side_of_a_tier(model: str) -> None:
    for whole in (0, 1, 199_999, 200_000, 200_001, 350_000):
        for read, write_5m, write_1h in ((0, 0, 0), (whole // 3, whole // 5, whole // 7), (whole, 0, 0)):
            listed = calc_price(
                Usage(
                    input_tokens=whole,
                    output_tokens=1234,
                    cache_read_tokens=read,
                    cache_write_tokens=write_5m + write_1h,
                    cache_write_5m_tokens=write_5m,
                    cache_write_1h_tokens=write_1h,
                ),
                model,
                provider_id="anthropic",
                genai_request_timestamp=datetime.fromtimestamp(NOW / 1e9, UTC),
            )
            told = usage(whole - read - write_5m - write_1h, 1234, read, write_5m, write_1h)
            assert price_usd(told, model, NOW) == listed.total_price
