"""The labelled set, where every response also requests a plain tool that nobody saw run: nothing certain is hidden."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fixtures.rules.labelled import labelled
from fixtures.rules.story import Ask, Story, Turn
from fixtures.rules.telling import codes, recording_of
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.model.tree import Run
from tracekit.rules import findings_of

STORIES = [story for story in labelled() if not story.runner and any(len(turn.asks) > 1 for turn in story.turns)]
SHOWN = {"TK101", "TK102"}


def run_beside(story: Story, at: int, ms: int) -> Run:
    """The run of `story`, of whose lead nothing is recorded but the calls, where each response requests `todo`, too.

    `todo` has the place `at` among what a response requests, and takes `ms` where they run one by one.
    """
    rec = recording_of(replace(story, turns=tuple(_with_todo(turn, at, ms) for turn in story.turns)))
    leads = {id for id, span in rec.spans.items() if span.parent == "root" and span.name == "invoke_agent lead"}
    turns = {id for id, span in rec.spans.items() if span.kind == "turn" and span.parent in leads}
    gone = leads | turns
    spans = {
        id: replace(span, parent="root") if span.parent in gone else span
        for id, span in rec.spans.items()
        if id not in gone and span.attributes.get(semconv.TOOL_NAME) != "todo"
    }
    return structure(replace(rec, spans=spans))


def _with_todo(turn: Turn, at: int, ms: int) -> Turn:
    todo = Ask("todo", {"item": "Keep going."}, "noted", agent=False, ms=ms)
    return replace(turn, asks=(*turn.asks[:at], todo, *turn.asks[at:])) if turn.asks else turn


@pytest.mark.parametrize(("at", "ms"), [(0, 0), (1, 3000), (99, 0)])
def test_a_plain_tool_hides_nothing_and_makes_nothing_up(at: int, ms: int) -> None:
    seen = {story.name: set(codes(findings_of(run_beside(story, at, ms)))) for story in STORIES}
    assert [(story.name, seen[story.name] - story.hits) for story in STORIES if seen[story.name] - story.hits] == []
    hits = [story for story in STORIES if story.hits & SHOWN]
    assert len(hits) > 20
    assert [story.name for story in hits if not story.hits & SHOWN <= seen[story.name]] == []
