"""Likely and certain findings keep their promises, for random programs on a virtual clock."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.support.emitted import Performed, Program, emitted, mended, performed
from tracekit.analysis.facts import Facts
from tracekit.model.change import Change, combined
from tracekit.model.finding import Finding, is_at_least
from tracekit.rules import findings_of
from tracekit.rules.check import Options

PROGRAMS = int(os.environ.get("TRACEKIT_TEST_PROGRAMS", "12"))
"""Programs that are made; some ten a second."""


def test_a_program_that_is_mended_gives_the_same_in_the_time_that_was_promised(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = Counter[str]()
    for seed in range(PROGRAMS):
        program = emitted(seed)
        done = performed(program)
        found = sure(done)
        seen.update(finding.code for finding in found)
        for finding in found:
            assert finding.change is not None
            assert_kept(seed, program, done, finding.change)
        if len(found) > 1:
            assert_kept(seed, program, done, combined(each.change for each in found if each.change is not None))
    assert {"TK102", "TK103", "TK106"} <= seen.keys(), "the programs are such as have something to mend"


def sure(done: Performed) -> list[Finding]:
    """The findings that say surely that something would run at another time."""
    found = findings_of(done.run, Options(min_saving_ms=0))
    return [each for each in found if is_at_least(each.confidence, "likely") and each.change is not None]


def assert_kept(seed: int, program: Program, done: Performed, change: Change) -> None:
    """The program with `change` gives the same, and takes what the schedule says, to a tenth."""
    promised_ns = done.run.root.duration_ns(0) - Facts(done.run, least_ns=0).schedule.saving(change).ns
    made = performed(mended(program, done, change))
    assert made.outputs == done.outputs, f"program {seed} with {change}"
    assert made.world == done.world, f"program {seed} with {change}"
    assert made.run.root.duration_ns(0) == pytest.approx(promised_ns, rel=0.1), f"program {seed} with {change}"
