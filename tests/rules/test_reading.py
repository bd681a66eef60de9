"""Rules read the content of those calls only that may be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.make_rules import MISSES, chosen, events_of
from tests.support.journals import write_run
from tracekit.analysis.facts import Facts
from tracekit.analysis.structure import structure
from tracekit.journal import lines
from tracekit.journal.reader import read_run
from tracekit.model.tree import Run
from tracekit.rules import unused_result
from tracekit.rules.rule import Rule


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch, home: Path) -> Callable[[Run, Rule], int]:
    """Counts the lines of the journals that a rule reads again, where none is kept."""
    monkeypatch.setattr(lines, "_KEPT_BYTES", 1)
    monkeypatch.setattr(lines, "_LARGEST_KEPT", 0)
    read, parsed = [0], lines.LineFile.parsed

    def counted(self: lines.LineFile, at: int, size: int) -> object:
        read[0] += 1
        return parsed(self, at, size)

    monkeypatch.setattr(lines.LineFile, "parsed", counted)

    def of(run: Run, rule: Rule) -> int:
        read[0] = 0
        assert [*rule.check(Facts(run))] == []
        return read[0]

    return of


def recorded(code: str) -> Run:
    """The story that looks most like a hit of the rule `code`, read from a journal."""
    story = next(story for each, _, story in chosen() if each == code and story.name == MISSES[code])
    return structure(read_run([write_run(*events_of(story))]))


def test_where_all_results_were_brought_no_request_is_read(reads: Callable[[Run, Rule], int]) -> None:
    run = recorded("TK403")
    assert len(run.brought) > 1
    assert reads(run, unused_result.RULE) == 0
    assert reads(replace(run, brought=frozenset()), unused_result.RULE) > 0, "as it does where nobody knows"
