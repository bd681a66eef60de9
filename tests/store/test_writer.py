"""Writing rows: as a whole, in short holds, beside readers, and their removal."""

from pathlib import Path

import pytest

from tests.support.runs import write_runs
from tracekit.collect.collect import collect
from tracekit.journal.catalog import find_run
from tracekit.store import writer
from tracekit.store.queries import known_runs
from tracekit.store.store import Store
from tracekit.store.writer import Writer


def test_a_run_larger_than_a_batch_is_seen_as_a_whole(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing takes many holds; between them, readers see the store as it was before."""
    monkeypatch.setattr(writer, "_MOST_ROWS", 40)
    seen: list[object] = []
    real = Writer._move

    def move(self: Writer, unfinished: int | None = None) -> None:
        real(self, unfinished)
        with Store(home).reading() as store:
            seen.append(store.execute("SELECT count(*), count(DISTINCT run) FROM spans").fetchone())

    monkeypatch.setattr(Writer, "_move", move)
    (id,) = write_runs(1, turns=50)
    collect()
    assert seen == [(0, 0)] * (len(seen) - 1) + [(201, 1)]
    assert len(seen) > 5
    seen.clear()
    touch(find_run(id).paths[0])
    collect()
    assert set(seen) == {(201, 1)}
    with Store(home).reading() as store:
        assert store.execute("SELECT count(*), count(DISTINCT copy) FROM span").fetchone() == (201, 1)
        assert store.execute("SELECT count(*) FROM meta WHERE name = 'unfinished'").fetchone() == (0,)


def test_many_runs_that_vanished_are_removed_in_several_holds(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_MOST_GONE", 3)
    write_runs(10, turns=1)
    collect()
    for path in home.glob("runs/*/*.jsonl"):
        path.unlink()
    report = collect()
    assert report is not None
    assert report.removed == 10
    with Store(home).reading() as store:
        assert known_runs(store) == {}
        for table in ("run", "span", "message", "journal", "segment"):
            assert store.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_hold_that_is_too_long_makes_the_next_batch_smaller(home: Path) -> None:
    home.mkdir()
    store = Store(home)
    store.prepare()
    with Writer(store) as filling:
        before = filling._most_bytes
        filling._fit(0.4)
        assert filling._most_bytes == pytest.approx(before * 0.3, rel=0.2)
        filling._fit(10)
        assert filling._most_bytes == writer._LEAST_BYTES
        for _ in range(30):
            filling._bytes = filling._most_bytes
            filling._fit(0.01)
        assert filling._most_bytes == writer._MOST_BYTES
        filling._bytes = 0


@pytest.mark.slow
def test_a_live_run_that_is_read_again_and_again_takes_no_more_room(home: Path) -> None:
    """The space of removed rows is used again: DuckDB merges small groups of rows when it has time."""
    (id,) = write_runs(1, turns=60, text=2000)
    path = find_run(id).paths[0]
    sizes = []
    for _ in range(30):
        touch(path)
        collect()
        sizes.append(Store(home).size)
    assert max(sizes[15:]) <= 1.3 * max(sizes[:15])


def touch(path: Path) -> None:
    with path.open("a") as file:
        file.write("\n")
