import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.journals import begin, end, new_run
from tracekit.errors import AmbiguousRunError, HomeError, RunNotFoundError
from tracekit.journal import catalog, writer
from tracekit.journal.catalog import Entry, all_runs, find_run, segments_of
from tracekit.journal.reader import load_header, read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.run import RunInfo
from tracekit.system_clock import day_of

DAY_NS = 86_400 * 10**9
PROGRAMS = Path(__file__).parents[1] / "programs"


def record(id: str, name: str, at_ns: int, monkeypatch: pytest.MonkeyPatch, *, day: int | None = None) -> None:
    """A segment of a run, begun on the day of `at_ns` or of `day`."""

    day_folder = day_of(at_ns if day is None else day)
    with monkeypatch.context() as patch:
        patch.setattr(writer, "day_of", lambda _: day_folder)
        sink = JournalSink()
        run = RunInfo(id, name, at_ns)
        sink.write(run, begin(1))
        sink.exit(2)


def test_runs_are_listed_newest_recorded_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = ["a" * 32, "b" * 32, "c" * 32, "d" * 32]
    record(ids[2], "third", 20 * DAY_NS, monkeypatch)
    record(ids[0], "first", 10 * DAY_NS, monkeypatch)
    record(ids[1], "second", 10 * DAY_NS + 5, monkeypatch)
    record(ids[3], "imported late", 9 * DAY_NS, monkeypatch, day=30 * DAY_NS)
    assert [entry.name for entry in all_runs()] == ["third", "second", "first", "imported late"]
    for limit in range(6):
        assert all_runs(limit) == all_runs()[:limit]
    assert find_run("last").name == "third"
    assert {path.parent.name for entry in all_runs() for path in entry.paths} == {
        "1970-01-11",
        "1970-01-21",
        "1970-01-31",
    }


def test_run_of_two_days_has_both_segments(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("a" * 32, "over midnight", 10 * DAY_NS, monkeypatch)
    record("a" * 32, "over midnight", 10 * DAY_NS, monkeypatch, day=11 * DAY_NS)
    record("b" * 32, "newer", 11 * DAY_NS, monkeypatch)
    (newest,) = all_runs(1)
    assert newest.name == "newer"
    assert len(find_run("over midnight").paths) == 2
    assert len(segments_of("a" * 32)) == 2
    assert len(segments_of("a" * 32, "1970-01-12")) == 1


def test_limit_opens_no_file_of_a_day_that_cannot_matter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(1, 9):
        for number in range(3):
            record(f"{day}{number}" + "0" * 30, f"run {number}", day * DAY_NS + number, monkeypatch)
    opened: list[Path] = []

    def counted(path: Path) -> object:
        opened.append(path)
        return load_header(path)

    monkeypatch.setattr(catalog, "load_header", counted)
    assert [entry.id[:2] for entry in all_runs(4)] == ["82", "81", "80", "72"]
    assert len(opened) == 6


def test_run_is_found_by_id_prefix_name_and_file(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record("abc" + "0" * 29, "refactor", 1, monkeypatch)
    record("abd" + "0" * 29, "refactor", 2, monkeypatch)
    record("ff" + "0" * 30, "abc", 3, monkeypatch)
    assert find_run("abd").id.startswith("abd")
    assert find_run("refactor").recorded_at_ns == 2
    assert find_run("abc").name == "abc", "a name goes before a prefix"
    assert find_run("abc" + "0" * 29).name == "refactor"
    with pytest.raises(AmbiguousRunError, match="'ab' is the beginning of 2 run ids: abd0"):
        find_run("ab")
    with pytest.raises(RunNotFoundError, match=r"there is no run 'zzz'.*the newest are named abc, refactor"):
        find_run("zzz")
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(find_run("ff").paths[0].read_bytes())
    assert find_run(str(copy)) == Entry("ff" + "0" * 30, "abc", 3, (copy,))
    with pytest.raises(RunNotFoundError, match="there is no file"):
        find_run(str(tmp_path / "none.jsonl"))


def test_nothing_is_recorded_yet(home: Path) -> None:
    assert all_runs() == []
    for text in ("last", "abc", ""):
        with pytest.raises(RunNotFoundError, match="nothing is recorded yet"):
            find_run(text)


def test_home_that_cannot_be_used(home: Path) -> None:
    home.write_text("")
    with pytest.raises(HomeError, match="is a file, or lies below one"):
        all_runs()
    home.unlink()
    home.mkdir()
    (home / "runs").mkdir()
    (home / "runs" / "a file").write_text("")
    (home / "runs" / "2026-01-01").mkdir()
    (home / "runs" / "2026-01-01" / "x.jsonl").write_text("no journal")
    assert all_runs() == []


def test_eight_processes_and_a_reader(home: Path) -> None:
    """Runs that are listed and read while others record are whole, and in the end each is there once."""
    script = (
        "import sys, os, tracekit\n"
        "tracekit.init()\n"
        "for number in range(200):\n"
        "    with tracekit.run(f'{sys.argv[1]}-{number}'), tracekit.agent('lead'):\n"
        "        with tracekit.tool('step', input={'n': number}): pass\n"
    )
    writers = [subprocess.Popen([sys.executable, "-W", "error", "-c", script, str(n)]) for n in range(8)]
    rounds = 0
    done: set[str] = set()
    while any(process.poll() is None for process in writers):
        entries = all_runs()
        assert len({entry.id for entry in entries}) == len(entries)
        assert done <= {entry.id for entry in entries}, "a run was there and is gone"
        for entry in entries:
            if entry.id in done:
                continue
            run = read_run(entry.paths)
            assert (run.id, run.name) == (entry.id, entry.name)
            assert [segment.damage for segment in run.segments] == [()]
            ended = [span.status for span in run.spans.values()] == ["ok"] * 3
            assert ended or run.segments[0].alive or all_ended(entry), "open, but nobody is there to end it"
            if ended:
                done.add(entry.id)
        rounds += 1
    assert [process.returncode for process in writers] == [0] * 8
    entries = all_runs()
    assert sorted(entry.name for entry in entries) == sorted(f"{n}-{number}" for n in range(8) for number in range(200))
    for entry in entries:
        (path,) = entry.paths
        run = read_run([path])
        assert [(span.kind, span.status) for span in run.spans.values()] == [
            ("run", "ok"),
            ("agent", "ok"),
            ("tool", "ok"),
        ]
        assert run.segments[0].damage == ()
    assert rounds >= 2


def all_ended(entry: Entry) -> bool:
    """Return whether a second read finds every span ended: the writer may end between the probe and the read."""
    return all(span.status == "ok" for span in read_run(entry.paths).spans.values())


def main() -> None:
    """Print what it costs to list 1,600 runs: `TRACEKIT_HOME=… python -m tests.journal.test_catalog`."""
    sink = JournalSink()
    for number in range(1_600):
        run = new_run(f"run {number}")
        sink.write(run, begin(1))
        sink.write(run, end(1))
        sink.release(run)
    for _ in range(3):
        started = time.process_time()
        count = len(all_runs())
        print(f"{count} runs listed in {(time.process_time() - started) * 1e3:.1f} ms of CPU, pid {os.getpid()}")


if __name__ == "__main__":
    main()
