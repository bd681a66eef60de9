"""Every hard case: what must be found is, and what depends on something is left alone."""

from __future__ import annotations

import pytest

from tests.rules import hard, judged_misses, loops, money, others, programs, retries
from tests.support.scenarios import Story, codes, run_of
from tracekit.rules import findings_of

BY_HAND = (hard, others, retries, money, loops)


@pytest.mark.parametrize("story", [story for file in BY_HAND for story in file.HITS], ids=lambda story: story.name)
def test_it_is_found(story: Story) -> None:
    assert set(codes(findings_of(run_of(story)))) == story.hits


@pytest.mark.parametrize("story", [story for file in BY_HAND for story in file.MISSES], ids=lambda story: story.name)
def test_it_stays_silent(story: Story) -> None:
    assert [(finding.code, finding.message) for finding in findings_of(run_of(story))] == []


@pytest.mark.parametrize("story", programs.CAREFUL + judged_misses.MISSES, ids=lambda story: story.name)
def test_nothing_is_said_surely_of_it(story: Story) -> None:
    assert codes(findings_of(run_of(story))) == []
