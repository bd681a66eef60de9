"""Many write, many look, and the collector is killed: no error, nothing lost, nothing twice, nobody waits long."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli import environment
from tests.support.crowd import crowd
from tests.support.runs import write_runs
from tracekit.collect.collect import collect
from tracekit.collect.scan import scan
from tracekit.journal.home import runs_folder
from tracekit.store.store import Store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent


def assert_whole(home: Path, expected: set[str], spans: int) -> None:
    """Each run is in the store once, with all its spans, and nothing else is."""
    with Store(home).reading() as store:
        assert {id for (id,) in store.execute("SELECT id FROM runs").fetchall()} == expected
        assert store.execute("SELECT count(*) FROM runs").fetchone() == (len(expected),)
        counted = store.execute("SELECT count(*), count(DISTINCT id) FROM spans GROUP BY run").fetchall()
        assert set(counted) == {(spans, spans)}
        assert store.execute("SELECT count(*) FROM span").fetchone() == (spans * len(expected),)
        assert store.execute("SELECT count(*) FROM segment").fetchone() == (len(expected),)


def test_four_write_and_four_look(home: Path) -> None:
    seen = crowd(environment(home), writers=4, runs=40, readers=4, pace_s=0.05)
    assert seen.complaints == []
    assert len(seen.written) == len(set(seen.written)) == 160
    assert seen.waited_s < 0.2 * seen.looked_s, seen
    collect()
    assert_whole(home, set(seen.written), 13)


COLLECTOR = """
import signal, sys
from tracekit.collect.collect import collect
signal.setitimer(signal.ITIMER_PROF, float(sys.argv[1]))
collect()
"""
"""Is killed by SIGPROF, which it does not handle, after so many seconds of CPU: a busy machine changes nothing in that."""


def test_a_collector_is_killed_at_ten_moments(home: Path) -> None:
    """After each kill the store opens, has only whole runs, and the next collector goes on."""
    env = {**environment(home), "PYTHONPATH": str(ROOT)}
    ids: set[str] = set(write_runs(10, turns=5))
    collect()
    killed = 0
    for moment in range(10):
        ids |= set(write_runs(6, turns=5, text=1500))
        # A collection of six runs takes some 150 ms.
        done = subprocess.run([sys.executable, "-c", COLLECTOR, str(0.001 + moment * 0.024)], env=env, check=False)
        assert done.returncode in (0, -signal.SIGPROF)
        killed += done.returncode != 0
        with Store(home).reading() as store:
            seen = store.execute(
                "SELECT id, spans, (SELECT count(*) FROM spans WHERE run = runs.id) FROM runs"
            ).fetchall()
        assert all(spans == counted == 21 for _, spans, counted in seen)
        assert len({id for id, *_ in seen}) == len(seen)
        assert {id for id, *_ in seen} <= ids
    assert killed >= 4
    assert set(scan(runs_folder())) == ids
    collect()
    assert_whole(home, ids, 21)
