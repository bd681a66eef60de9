"""The API's rules for its prompt cache, by model."""

from __future__ import annotations

import pytest

from tracekit.analysis.caching.limits import drops_thinking, least_tokens


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-haiku-5-5", 512),
        ("claude-sonnet-5-5", 512),
        ("claude-opus-5", 512),
        ("claude-fable-5-1", 512),
        ("claude-sonnet-5", 1024),
        ("claude-sonnet-4-5-20250929", 1024),
        ("claude-opus-4-1-20250805", 1024),
        ("us.anthropic.claude-opus-4-8-v1:0", 1024),
        ("claude-opus-4-7", 2048),
        ("claude-mythos-preview", 2048),
        ("claude-3-5-haiku@20241022", 2048),
        ("claude-opus-4-6", 4096),
        ("claude-haiku-4-5-20251001", 4096),
        ("another-model", 4096),
    ],
)
def test_the_least_that_a_model_caches(model: str, least: int) -> None:
    assert least_tokens(model) == least


@pytest.mark.parametrize(
    ("model", "drops"),
    [
        ("claude-sonnet-4-5-20250929", True),
        ("claude-opus-4-1-20250805", True),
        ("claude-opus-4-20250514", True),
        ("claude-haiku-4-5", True),
        ("claude-opus-4-5", False),
        ("claude-sonnet-4-6", False),
        ("claude-haiku-5-5", False),
        ("claude-fable-5", False),
    ],
)
def test_models_that_leave_out_earlier_thinking(model: str, drops: bool) -> None:
    assert drops_thinking(model) is drops
