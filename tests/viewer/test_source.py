"""The source of a run, and the reports about its changes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static
from tracekit_viewer import source as source_module
from tracekit_viewer.app import Viewer
from tracekit_viewer.door import Node, Run
from tracekit_viewer.screens.run import RunScreen
from tracekit_viewer.source import Followed, Recorded, RunSource, source_of

from tests.support.joining import SHARED, Joining, join
from tests.support.journals import RUN, asking, begin, end, write_run
from tests.support.screens import drive, until
from tracekit.errors import RunNotFoundError
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Answered, Chunk

__all__ = ["join"]


def statuses(run: Run | None) -> dict[str, str]:
    assert run is not None
    return {node.name: node.status for node in run.root.walk()}


def note_of(source: RunSource) -> str:
    return source.note or ""


def is_live(source: RunSource) -> bool:
    return source.live


def node_called(run: Run | None, name: str) -> Node:
    assert run is not None
    return next(node for node in run.root.walk() if node.name == name)


def test_a_run_that_has_ended_is_given_once(home: Path) -> None:
    write_run(begin(1), end(1))
    source = source_of(RUN.id)
    assert isinstance(source, Recorded)
    assert not is_live(source)
    assert note_of(source) == ""
    assert statuses(source.poll())["step"] == "ok"
    assert source.poll() is None


def test_what_means_nothing_is_an_error_before_anything_is_shown(home: Path) -> None:
    with pytest.raises(RunNotFoundError):
        source_of("nothing")
    with pytest.raises(RunNotFoundError):
        Viewer("nothing")


def test_a_live_run_is_followed_through_its_processes(join: Callable[[str], Joining]) -> None:
    first = join("one")
    first.step()
    source = source_of(SHARED.id)
    assert isinstance(source, Followed)
    assert statuses(source.poll()) == {"shared": "open", "invoke_agent one": "open", "execute_tool one": "ok"}
    assert is_live(source)
    assert source.poll() is None
    second = join("two")
    second.step("open")
    assert statuses(source.poll())["execute_tool two"] == "open"
    first.end()
    assert statuses(source.poll())["invoke_agent one"] == "ok"
    assert is_live(source)
    assert note_of(source) == ""


def test_a_killed_process_is_told_and_what_it_left_open_is_interrupted(
    join: Callable[[str], Joining], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = join("one")
    process.step("open")
    source = source_of(SHARED.id)
    source.poll()
    process.kill()
    run = source.poll()
    assert run is not None
    assert run.status == "interrupted"
    assert statuses(run)["execute_tool one"] == "interrupted"
    assert "its process is gone" in note_of(source)
    assert is_live(source), "another process may still join"
    monkeypatch.setattr(source_module, "_LINGER_S", 0.0)
    assert source.poll() is None
    assert not is_live(source)
    other = join("two")
    other.step()
    assert "execute_tool two" in statuses(source.poll())
    assert is_live(source)


def test_more_of_an_answer_keeps_the_tree(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, asking(1, b"{}"))
    sink.write(RUN, Answered(asking(1, b"").id, 5, 200, {"content-type": "text/event-stream"}))
    source = source_of(RUN.id)
    first = source.poll()
    sink.write(RUN, Chunk(asking(1, b"").id, 2_000, b"event: ping\ndata: {}\n\n"))
    second = source.poll()
    assert first is not None
    assert second is not None
    assert second.root is first.root
    assert (first.last_ns, second.last_ns) == (1_001, 2_000), "it lasted until its last answer arrived"
    assert second.recording.exchanges[asking(1, b"").id].body == b"event: ping\ndata: {}\n\n"
    sink.exit(1)


def test_a_newer_process_that_joins_is_told_and_what_is_known_stays(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    source = source_of(RUN.id)
    assert statuses(source.poll())["step"] == "open"
    (path,) = home.glob("runs/*/*.jsonl")
    newer = path.read_bytes().replace(b'"version":1', b'"version":9', 1)
    path.with_name(f"{RUN.id}.elsewhere.7.jsonl").write_bytes(newer)
    assert statuses(source.poll())["step"] == "open"
    assert "journal format 9" in note_of(source)
    assert not is_live(source)
    sink.exit(1)


def test_a_journal_that_is_removed_is_told_and_what_was_read_stays(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    source = source_of(RUN.id)
    source.poll()
    (path,) = home.glob("runs/*/*.jsonl")
    path.unlink()
    assert "step" in statuses(source.poll())
    assert note_of(source).startswith("its journal has been removed")
    assert source.poll() is None
    sink.exit(1)


def test_a_full_disk_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    source = source_of(RUN.id)
    source.poll()
    real = os.statvfs
    full = os.statvfs_result([0 if number == 4 else value for number, value in enumerate(real(home))])
    monkeypatch.setattr(os, "statvfs", lambda _: full)
    assert source.poll() is not None, "what is to be told is news"
    assert "the disk is full" in note_of(source)
    monkeypatch.setattr(os, "statvfs", real)
    assert source.poll() is not None
    assert note_of(source) == ""
    sink.exit(1)


def test_the_screen_says_that_a_process_was_killed_and_stays(join: Callable[[str], Joining]) -> None:
    process = join("one")
    process.step("open")

    async def act(pilot: Pilot[Any]) -> None:
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        process.step()
        await until(pilot, lambda: screen._run is not None and len(statuses(screen._run)) == 3)
        process.kill()
        await until(pilot, lambda: "its process is gone" in str(screen.query_one("RunTitle #note", Static).render()))
        assert node_called(screen._run, "invoke_agent one").status == "interrupted"
        await pilot.press("j", "k", "d", "d")
        assert pilot.app.is_running

    drive(Viewer(SHARED.id), act)
