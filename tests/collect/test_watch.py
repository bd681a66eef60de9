"""The list of runs that keeps itself up to date."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.joining import SHARED, Joining, join
from tests.support.journals import RUN, begin, end
from tests.support.runs import new_run, write_runs
from tests.support.waiting import LONG_S
from tracekit.collect import look, watch
from tracekit.collect.look import Listing, list_runs
from tracekit.collect.prune import prune
from tracekit.collect.watch import Watch
from tracekit.errors import HomeError
from tracekit.journal.follow import Follower
from tracekit.journal.writer import JournalSink
from tracekit.model.recording import Recording

__all__ = ["join"]


def line(listing: Listing | None, id: str) -> tuple[str, int]:
    """The status and the agents of a run in `listing`."""
    assert listing is not None
    (run,) = [run for run in listing.runs if run.id == id]
    return run.status, run.agents


def test_it_gives_what_ls_gives_and_only_news_after_that(home: Path) -> None:
    write_runs(3, 2)
    watch = Watch(50)
    listing = watch.poll()
    assert listing is not None
    assert listing.runs == list_runs(50).runs
    assert watch.total == 3
    assert watch.poll() is None
    (new,) = write_runs(1, 2)
    assert line(watch.poll(), new) == ("ok", 1)
    assert watch.total == 4


def test_a_live_run_is_read_from_its_journal_alone(join: Callable[[str], Joining]) -> None:
    watch = Watch(50)
    assert watch.poll() == Listing([], [])
    process = join("one")
    process.step()
    assert line(watch.poll(), SHARED.id) == ("open", 1)
    assert watch.poll() is None
    process.step()
    assert line(watch.poll(), SHARED.id) == ("open", 1)
    join("two").step()
    assert line(watch.poll(), SHARED.id) == ("open", 2)
    process.kill()
    assert line(watch.poll(), SHARED.id)[0] == "interrupted"


def test_a_run_that_has_ended_is_followed_no_more(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    polled: list[str] = []
    real = Follower.poll

    def counted(follower: Follower) -> Recording | None:
        polled.append("")
        return real(follower)

    monkeypatch.setattr(Follower, "poll", counted)
    sink, watch = JournalSink(), Watch(50)
    sink.write(RUN, begin(1))
    assert line(watch.poll(), RUN.id)[0] == "open"
    sink.write(RUN, end(1))
    sink.exit(5)
    assert line(watch.poll(), RUN.id)[0] == "ok"
    before = len(polled)
    assert watch.poll() is None
    assert watch.poll() is None
    assert len(polled) == before


def test_the_past_comes_from_the_store_and_the_present_from_the_journals(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(look, "_FEW_FILES", 0)
    monkeypatch.setattr(look, "_BUDGET_S", LONG_S)
    ids = write_runs(4, 2)
    sink, run = JournalSink(), new_run("live")
    sink.write(run, begin(1))
    watch = Watch(2)
    listing = watch.poll()
    assert listing is not None
    assert len(listing.runs) == 2
    assert line(listing, run.id) == ("open", 1)
    sink.write(run, begin(2, parent=1))
    assert line(watch.poll(), run.id) == ("open", 2)
    watch.widen(None)
    wide = watch.poll()
    assert wide is not None
    assert {each.id for each in wide.runs} == {*ids, run.id}
    assert line(wide, run.id) == ("open", 2), "what is known of it is not older than before"
    sink.exit(1)


def test_many_that_change_at_once_are_listed_anew(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_MANY", 2)
    kept = Watch(50)
    kept.poll()
    ids = write_runs(3, 1)
    listing = kept.poll()
    assert listing is not None
    assert {run.id for run in listing.runs} == set(ids)
    assert kept.poll() is None


def test_a_run_that_was_pruned_leaves_the_list(home: Path) -> None:
    write_runs(2, 1)
    kept = Watch(50)
    kept.poll()
    prune(timedelta(0))
    assert kept.poll() == Listing([], [])
    assert kept.total == 0


def test_what_cannot_be_read_is_told(home: Path) -> None:
    sink, kept = JournalSink(), Watch(50)
    sink.write(RUN, begin(1))
    kept.poll()
    (path,) = home.glob("runs/*/*.jsonl")
    with path.open("ab") as file:
        file.write(b"this is no line\n")
    listing = kept.poll()
    assert listing is not None
    assert any("cannot be read" in said for said in listing.warnings)
    newer = path.read_bytes().replace(b'"version":1', b'"version":9', 1)
    path.with_name(f"{RUN.id}.elsewhere.7.jsonl").write_bytes(newer)
    listing = kept.poll()
    assert listing is not None
    assert any("journal format 9" in said for said in listing.warnings)
    assert line(listing, RUN.id)[0] == "open", "what was known of it stays"
    assert kept.poll() is None
    sink.exit(1)


def test_a_home_that_is_a_file_is_an_error_until_it_is_none(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    kept = Watch(50)
    monkeypatch.setenv("TRACEKIT_HOME", "/dev/null")
    for _ in range(2):
        with pytest.raises(HomeError):
            kept.poll()
    monkeypatch.setenv("TRACEKIT_HOME", str(home))
    assert kept.poll() == Listing([], [])
