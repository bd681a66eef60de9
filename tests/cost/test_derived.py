"""The cost and the finish reasons that an exported call has in addition to its record."""

import pytest

from tracekit import semconv
from tracekit.cost.derived import call_cost_usd, derived_attributes

AT_NS = 1_795_348_800_000_000_000
USAGE = {semconv.REQUEST_MODEL: "claude-sonnet-4-5", semconv.INPUT_TOKENS: 1_000_000, semconv.OUTPUT_TOKENS: 0}


def test_a_call_with_usage_has_a_cost_and_its_reason_to_stop() -> None:
    cost = call_cost_usd(USAGE, AT_NS)
    assert cost is not None
    assert cost > 0
    found = derived_attributes({**USAGE, semconv.STOP_REASON: "end_turn"}, AT_NS)
    assert found == {semconv.FINISH_REASONS: ["end_turn"], semconv.COST_USD: cost}


@pytest.mark.parametrize("missing", [semconv.REQUEST_MODEL, semconv.INPUT_TOKENS])
def test_without_model_or_usage_there_is_no_cost(missing: str) -> None:
    known = {name: value for name, value in USAGE.items() if name != missing}
    assert derived_attributes(known, AT_NS) == {}


def test_a_model_without_a_price_has_no_cost() -> None:
    assert call_cost_usd({**USAGE, semconv.REQUEST_MODEL: "nobody-knows"}, AT_NS) is None
