import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.joining import SHARED, Joining, join
from tests.support.journals import RUN, asking, begin, end, write_run
from tests.support.waiting import eventually
from tracekit.analysis.structure import Structurer, structure
from tracekit.errors import HomeError, NewerJournalError
from tracekit.journal import follow
from tracekit.journal.decode import Decoder
from tracekit.journal.follow import Follower
from tracekit.journal.lines import Line
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Answered, Chunk, SpanBegin, SpanEnd
from tracekit.model.recording import Recording

__all__ = ["join"]


def names(run: Recording | None) -> list[str]:
    assert run is not None
    return sorted(f"{span.name} {span.status}" for span in run.spans.values())


def test_follower_sees_what_is_appended_and_who_joins(join: Callable[[str], Joining]) -> None:
    follower = Follower(SHARED.id)
    assert follower.poll() is None
    first = join("one")
    first.step()
    run = follower.poll()
    assert names(run) == ["execute_tool one ok", "invoke_agent one open"]
    assert run is not None
    assert [(segment.alive, segment.exited) for segment in run.segments] == [(True, False)]
    assert follower.poll() is None
    first.step()
    first.step("open")
    assert names(follower.poll()) == [
        "execute_tool one ok",
        "execute_tool one ok",
        "execute_tool one open",
        "invoke_agent one open",
    ]

    second = join("two")
    second.step()
    run = follower.poll()
    assert run is not None
    assert len(run.segments) == 2
    assert names(run).count("execute_tool two ok") == 1
    second.end()
    run = follower.poll()
    assert run is not None
    assert "invoke_agent two ok" in names(run)
    assert sorted(segment.alive for segment in run.segments) == [False, True]
    assert follower.poll() is None

    first.kill()
    run = follower.poll()
    assert run is not None, "that the writer is gone is news"
    assert [segment.alive for segment in run.segments] == [False, False]
    assert names(run).count("execute_tool one open") == 1
    assert sorted(segment.exited for segment in run.segments) == [False, True]
    assert follower.poll() is None
    assert run == read_run([Path(segment.path) for segment in run.segments])


def test_a_program_is_not_interrupted_between_its_processes_end_and_its_own(join: Callable[[str], Joining]) -> None:
    process = join("one")
    process.step()
    follower = Follower(SHARED.id)
    assert follower.poll() is not None
    process.end()
    assert follower.poll() is None, "`tracekit run` is about to say how the program ended"
    root = SHARED.root
    assert root is not None
    sink = JournalSink()
    sink.write(SHARED, SpanBegin(root.id, None, "run", SHARED.name, root.at_ns, "m"))
    sink.write(SHARED, SpanEnd(root.id, 9, "ok"))
    sink.release(SHARED)
    assert names(follower.poll()) == ["execute_tool one ok", "invoke_agent one ok", "shared ok"]


def test_a_program_whose_end_nobody_writes_is_told_after_a_while(
    join: Callable[[str], Joining], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = join("one")
    process.step()
    process.end()
    follower = Follower(SHARED.id)
    assert follower.poll() is None
    monkeypatch.setattr(follow, "_FAREWELL_S", 0.0)
    run = follower.poll()
    assert run is not None
    assert structure(run).status == "interrupted"
    assert follower.poll() is None


def test_follower_reads_each_line_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = 0
    real = Decoder.event

    def event(decoder: Decoder, line: bytes, place: Line | None = None) -> object:
        nonlocal lines
        lines += 1
        return real(decoder, line, place)

    monkeypatch.setattr(Decoder, "event", event)
    sink, follower = JournalSink(), Follower(RUN.id)
    for number in range(50):
        sink.write(RUN, begin(number))
        run = follower.poll()
        assert run is not None
        assert len(run.spans) == number + 1
    assert lines == 50
    sink.exit(1)


def test_follower_keeps_up_with_a_writer_at_full_speed(join: Callable[[str], Joining]) -> None:
    script = Path(__file__).parents[1] / "programs" / "steps.py"
    writer = subprocess.Popen([sys.executable, str(script), "2000"])
    from tracekit.journal.catalog import all_runs

    runs = eventually(all_runs)
    follower, seen, polls = Follower(runs[0].id), 0, 0
    last: Recording | None = None
    while writer.poll() is None or polls == 0:
        run = follower.poll()
        if run is not None:
            assert len(run.spans) >= seen
            assert run.segments[0].damage == ()
            seen, last = len(run.spans), run
            polls += 1
    last = follower.poll() or last
    assert last is not None
    assert len(last.spans) == 2002
    assert last == read_run(runs[0].paths)
    assert all(span.status == "ok" for span in last.spans.values())


def test_recordings_share_what_did_not_change(home: Path) -> None:
    sink, follower = JournalSink(), Follower(RUN.id)
    for number in (1, 2):
        sink.write(RUN, asking(number, b"{}"))
        sink.write(RUN, Answered(asking(number, b"").id, 5, 200, {"content-type": "text/event-stream"}))
    first = follower.poll()
    sink.write(RUN, Chunk(asking(1, b"").id, 10, b"event: ping\ndata: {}\n\n"))
    second = follower.poll()
    sink.write(RUN, end(2))
    third = follower.poll()
    assert first is not None
    assert second is not None
    assert third is not None
    one, two = first.exchanges
    assert [len(each.exchanges[one].pieces) for each in (first, second, third)] == [0, 1, 1]
    assert second.exchanges[one] is third.exchanges[one]
    assert first.exchanges[two] is second.exchanges[two]
    assert first.spans is second.spans, "nothing began or ended"
    assert [first.spans[two].status, third.spans[two].status] == ["open", "ok"]
    assert third == read_run([Path(third.segments[0].path)])
    structurer = Structurer()
    trees = [structurer.structure(each) for each in (first, second, third)]
    assert trees == [structure(each) for each in (first, second, third)]
    assert trees[1].root is trees[0].root
    assert trees[2].root != trees[0].root
    sink.exit(1)


def test_follower_of_paths(home: Path, tmp_path: Path) -> None:
    path = write_run(begin(1), end(1))
    follower = Follower([path])
    assert names(follower.poll()) == ["step ok"]
    assert follower.poll() is None
    path.unlink()
    run = follower.poll()
    assert names(run) == ["step ok"], "what was read is not lost with the file"
    assert run is not None
    assert run.segments[0].damage == (f"{path} cannot be read: No such file or directory",)
    assert follower.poll() is None
    assert Follower([tmp_path / "never.jsonl"]).poll() is None


def test_follower_tells_what_it_cannot_follow(home: Path) -> None:
    path = write_run(begin(1))
    path.write_bytes(path.read_bytes().replace(b'"version":1', b'"version":7', 1))
    with pytest.raises(NewerJournalError):
        Follower(RUN.id).poll()
    for each in path.parent.iterdir():
        each.unlink()
    path.parent.rmdir()
    (home / "runs").rmdir()
    (home / "runs").write_text("")
    with pytest.raises(HomeError):
        Follower(RUN.id).poll()
