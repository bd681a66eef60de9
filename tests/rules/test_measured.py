"""Serial programs and their parallel forms: the former have the finding, the latter have none.

What the finding promises and what the mended program saves is measured by `tests/bench/bench_savings.py`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.measured import CASES, REPLAYABLE, Case, faster, play, project, work_ms
from tracekit.rules import findings_of
from tracekit.rules.check import Options


def _cases(cases: list[Case], *, fast: tuple[str, ...]) -> list[Any]:
    """`cases` as parameters: all but those that are named are slow."""
    assert {case.name for case in cases} >= set(fast)
    return [pytest.param(case, id=case.name, marks=() if case.name in fast else pytest.mark.slow) for case in cases]


ONE_A_RULE = ("two, by for", "two, blocked", "two in turns", "two places for six", "the program's own")
ONE_A_WAY = ("three, by for", "uneven, blocked")


@pytest.mark.parametrize("case", _cases(CASES, fast=ONE_A_RULE))
def test_the_serial_program_has_the_finding_and_the_mended_one_none(case: Case, recording: Path) -> None:
    quick, concurrency = faster(case, 0.4), Options(select=("TK1",))
    (found,) = findings_of(play(quick, case.serial), concurrency)
    assert (found.code, found.confidence) == (case.code, "certain" if case.code in ("TK101", "TK102") else "possible")
    assert findings_of(play(quick, case.parallel), concurrency) == []


@pytest.mark.parametrize("case", _cases(REPLAYABLE[::3], fast=ONE_A_WAY))
def test_a_replay_of_the_mended_program_projects_what_the_finding_promised(case: Case, recording: Path) -> None:
    quick = faster(case, 0.4)
    serial = play(quick, case.serial)
    (found,) = [finding for finding in findings_of(serial) if finding.code == case.code]
    replay = project(quick, serial)
    assert (replay.mode, replay.notes) == ("projected", [])
    assert replay.run is not None
    assert found.saved_ms == pytest.approx(work_ms(serial) - work_ms(replay.run), rel=0.1)


def test_a_lane_that_a_blocked_loop_held_up_begins_when_it_is_held_up_no_more(recording: Path) -> None:
    case = next(case for case in REPLAYABLE if case.name == "uneven, blocked")
    serial = play(case, case.serial)
    mended = project(case, serial).run
    assert mended is not None
    tools = [node for node in mended.root.walk() if node.kind == "tool"]
    assert len(tools) == 3
    assert max(tool.start_ns for tool in tools) < min(tool.end_ns or 0 for tool in tools)
