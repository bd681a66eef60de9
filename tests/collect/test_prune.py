"""`tracekit prune`: the runs that it removes, and those that it never removes."""

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit, tracekit_json
from tests.support.foreign import TRACE, imported_spans, span
from tests.support.runs import Team, new_run, write_runs
from tracekit.collect.collect import collect
from tracekit.collect.prune import prune
from tracekit.collect.scan import scan
from tracekit.journal.catalog import find_run
from tracekit.journal.home import received_path, runs_folder
from tracekit.journal.writer import JournalSink
from tracekit.store.schema import TABLES
from tracekit.store.store import Store

DAY = 86_400


def on_disk() -> set[str]:
    return set(scan(runs_folder()))


def assert_no_orphans(home: Path) -> None:
    """Every row of every table is of a run whose journals are there."""
    with Store(home).reading() as store:
        runs = {id for (id,) in store.execute("SELECT id FROM runs").fetchall()}
        assert runs <= on_disk()
        for table in TABLES:
            key = "run" if table in ("journal", "segment") else "copy"
            known = "SELECT id FROM run" if key == "run" else "SELECT copy FROM run"
            orphans = store.execute(f"SELECT count(*) FROM {table} WHERE {key} NOT IN ({known})").fetchone()
            assert orphans == (0,), table


def test_by_age(home: Path) -> None:
    old, young = write_runs(3, ago_s=40 * DAY), write_runs(2, ago_s=20 * DAY)
    assert {run.id for run in prune(timedelta(days=30), dry_run=True).removed} == set(old)
    assert on_disk() == {*old, *young}
    assert {run.id for run in prune(timedelta(days=30)).removed} == set(old)
    assert on_disk() == set(young)
    assert_no_orphans(home)


def test_received_spans_go_with_their_run(home: Path, tmp_path: Path) -> None:
    call = {"gen_ai.operation.name": "chat"}
    imported_spans(tmp_path, span(1, 0, "chat", 0, 1, call), span(2, 0, "GET /", 0, 1, trace="8" * 32))
    received, stray = received_path(TRACE), received_path("8" * 32)
    os.utime(stray, (1, 1))
    assert len(prune(timedelta(days=20_000)).removed) == 0
    assert (received.exists(), stray.exists()) == (True, False)
    report = prune(max_bytes=1)
    assert [run.id for run in report.removed] == [TRACE]
    assert (received.exists(), on_disk()) == (False, set())
    assert report.bytes_before > report.removed[0].files[0].size


@pytest.mark.slow
def test_by_size_the_oldest_go_first_and_the_store_shrinks(home: Path) -> None:
    ids = write_runs(60, turns=20, text=4000, ago_s=3600)
    collect()
    store = Store(home)
    before, journals = store.size, sum(file.size for files in scan(runs_folder()).values() for file in files)
    limit = (before + journals) // 3
    report = prune(max_bytes=limit)
    kept = on_disk()
    assert kept == set(ids[-len(kept) :])
    assert 5 <= len(kept) < 40
    left = sum(file.size for files in scan(runs_folder()).values() for file in files)
    assert store.size + left <= limit
    assert store.size < before * 0.6
    assert report.bytes_after == store.size + left
    assert_no_orphans(home)


def test_an_open_run_is_kept_however_old(home: Path) -> None:
    run, sink = new_run("open", time.time_ns() - 90 * DAY * 10**9), JournalSink()
    Team(sink, run, 3).write(end=False)
    (old,) = write_runs(1, ago_s=80 * DAY)
    report = prune(timedelta(days=30), 1)
    assert {each.id for each in report.removed} == {old}
    assert report.still_open == 1
    assert on_disk() == {run.id}
    sink.exit(9)
    assert {each.id for each in prune(timedelta(days=30)).removed} == {run.id}
    assert on_disk() == set()


def test_a_folder_of_a_day_goes_when_it_is_empty_and_over(home: Path) -> None:
    (home / "runs" / "2020-01-01").mkdir(parents=True)
    write_runs(1)
    prune(timedelta(days=30))
    assert [path.name for path in (home / "runs").iterdir()] == [find_run("last").paths[0].parent.name]


WRITER = """
import time
from tests.support.foreign import TRACE, imported_spans, span
from tests.support.runs import write_runs
for _ in range(40):
    print(write_runs(1, turns=2, text=500)[0], flush=True)
    time.sleep(0.03)
"""


@pytest.mark.slow
def test_to_a_size_under_load(home: Path) -> None:
    """Two processes record all the while: nothing younger than what is removed is lost, and no row is left over."""
    write_runs(60, turns=20, text=4000, ago_s=3600)
    collect()
    limit = (Store(home).size + sum(file.size for files in scan(runs_folder()).values() for file in files)) // 2
    env = {**environment(home), "PYTHONPATH": str(Path(__file__).parent.parent.parent)}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER], env=env, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    first = {process.stdout.readline().strip() for process in writers if process.stdout}
    before = Store(home).size
    for _ in range(3):
        prune(max_bytes=limit)
    assert Store(home).size < before
    written = first | {id for process in writers for id in process.communicate()[0].split()}
    assert {process.returncode for process in writers} == {0}
    assert len(written) == 80
    collect()
    assert written <= on_disk()
    assert_no_orphans(home)
    with Store(home).reading() as store:
        listed = [id for (id,) in store.execute("SELECT id FROM runs").fetchall()]
        assert (
            store.execute("SELECT count(*) FROM spans GROUP BY run HAVING count(*) <> 9 AND count(*) <> 81").fetchall()
            == []
        )
    assert written <= set(listed)
    assert len(listed) == len(set(listed))


def test_the_command(home: Path) -> None:
    env = environment(home)
    old, _ = write_runs(2, ago_s=40 * DAY), write_runs(1)
    dry = tracekit("prune", "--dry-run", env=env)
    assert (dry.returncode, sorted(dry.stdout.split())) == (0, sorted(old)), dry.stderr
    warnings = tracekit_json("prune", "--older-than", "5w", env=env)
    assert (sorted(warnings["removed"]), warnings["still_open"], warnings["dry_run"]) == (sorted(old), 0, False)
    assert tracekit("prune", "--max-size", "2GB", env=env).stdout == ""
    for wrong in (["--older-than", "30"], ["--max-size", "big"], ["--older-than", "-1d"]):
        done = tracekit("prune", *wrong, env=env)
        assert (done.returncode, done.stdout) == (2, "")
        assert "as in" in done.stderr
    assert len(on_disk()) == 1
