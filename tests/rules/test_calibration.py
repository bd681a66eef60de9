"""The hit rates that findings tell are those that are measured."""

from __future__ import annotations

from tests.bench.calibrate import CHOSEN, TOLD, measured, stories
from tracekit.rules.calibration import HIT_RATES


def test_the_table_is_as_measured() -> None:
    assert measured() == HIT_RATES


def test_the_stories_that_are_named_exist_and_have_no_finding() -> None:
    silent = {story.name for story in stories() if not story.hits}
    assert silent >= CHOSEN | TOLD
