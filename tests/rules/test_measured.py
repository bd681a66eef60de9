"""Programs that run one by one, and what they become when mended: the first have the finding, the second have none.

What the finding promises and what the mended program saves is measured by `tests/bench/bench_savings.py`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.measured import CASES, Case, faster, play
from tracekit.rules import findings_of
from tracekit.rules.check import Options


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_serial_program_has_the_finding_and_the_mended_one_none(case: Case, recording: Path) -> None:
    quick, concurrency = faster(case, 0.4), Options(select=("TK1",))
    (found,) = findings_of(play(quick, case.serial), concurrency)
    assert (found.code, found.confidence) in ((case.code, "certain"), (case.code, "likely"))
    assert findings_of(play(quick, case.parallel), concurrency) == []
