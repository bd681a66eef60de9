"""The savings that findings promise, against those of the improved programs of `tests/support/measured.py`.

Run it from the repository's folder: `python -m tests.bench.bench_savings`; it takes some three minutes. Serial and
parallel form take turns; what counts is the ratio of the promised to the measured saving, by the medians of the rounds,
and of the promised saving to the one that a replay of the parallel form on the serial recording projects.
"""

import argparse
import os
import statistics
import sys
import tempfile

from tests.support.measured import CASES, REPLAYABLE, play, project, work_ms
from tracekit import init
from tracekit.model.tree import Run
from tracekit.rules import findings_of

_GOAL = 0.1


def main() -> None:
    """Measure every case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["TRACEKIT_HOME"] = home
        init()
        play(CASES[0], "gather")
        off, off_projected = [], []
        for case in CASES:
            promised, serial, parallel, projected = [], [], [], []
            for _ in range(options.rounds):
                run = play(case, case.serial)
                found = [finding for finding in findings_of(run) if finding.code == case.code]
                promised.append(sum(finding.saved_ms or 0.0 for finding in found))
                serial.append(_duration_ms(run))
                parallel.append(_duration_ms(play(case, case.parallel)))
                if case in REPLAYABLE:
                    replay = project(case, run)
                    assert replay.run is not None
                    assert replay.mode == "projected", replay
                    projected.append(promised[-1] / (work_ms(run) - work_ms(replay.run)))
            measured = statistics.median(serial) - statistics.median(parallel)
            ratio = statistics.median(promised) / measured
            off.append(abs(ratio - 1))
            told = f"promised {statistics.median(promised):7.1f} ms  measured {measured:7.1f} ms  x {ratio:.3f}"
            told += f"  projected x {statistics.median(projected):.3f}" if projected else "  no replay: other answers"
            off_projected += [abs(statistics.median(projected) - 1)] if projected else []
            print(f"{case.code}  {case.name:<33} {told}", flush=True)
    within = sum(each <= _GOAL for each in off)
    agreed = sum(each <= _GOAL for each in off_projected)
    print(f"measured: {within} of {len(off)} within {_GOAL:.0%}; load {os.getloadavg()[0]:.1f}")
    print(f"projected: {agreed} of {len(off_projected)} within {_GOAL:.0%}")
    sys.exit(within < len(off) or agreed < len(off_projected))


def _duration_ms(run: Run) -> float:
    return ((run.root.end_ns or run.last_ns) - run.root.start_ns) / 1e6


if __name__ == "__main__":
    main()
