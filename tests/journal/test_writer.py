import gc
import json
import multiprocessing
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import accumulate
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import pytest

import tracekit
from tests.support.journals import RUN, asking, begin, compact, end, new_run, read_events
from tests.support.recording import recordings, the_run
from tests.support.waiting import LONG_S
from tracekit.instrument import recorder
from tracekit.journal.catalog import all_runs, segments_of
from tracekit.journal.liveness import is_alive
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Chunk, Exit, SpanBegin, SpanEnd

PROGRAMS = Path(__file__).parents[1] / "programs"


def open_files(folder: Path) -> list[str]:
    """The paths below `folder` to which this process has a descriptor."""
    names = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(descriptor.readlink()))
        except OSError:
            continue
    return [name for name in names if name.startswith(str(folder))]


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """Record the data of each `os.write`, with the thread that writes it."""
    calls: list[tuple[int, bytes]] = []
    real = os.write

    def write(file: int, data: bytes) -> int:
        if data.startswith(b'{"e":'):
            calls.append((threading.get_ident(), data))
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    return calls


def test_whole_lines_are_written_in_the_callers_thread(recording: Path, written: list[tuple[int, bytes]]) -> None:
    def work() -> None:
        with tracekit.tool("step", input={"thread": threading.get_ident(), "text": "x" * 100_000}):
            pass

    with tracekit.agent("lead"):
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    run = the_run()
    assert all(data.endswith(b"\n") for _, data in written)
    assert b"".join(data for _, data in written) == Path(run.segments[0].path).read_bytes()
    for thread_id, data in written:
        for line in data.splitlines():
            attributes = json.loads(line).get("attributes", {})
            if "gen_ai.tool.call.arguments" in attributes:
                assert attributes["gen_ai.tool.call.arguments"]["thread"] == thread_id


def test_kernel_sees_whole_lines_in_each_write(home: Path, tmp_path: Path) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed: apt-get install strace")
    trace = tmp_path / "trace"
    command = [
        strace,
        "-f",
        "-y",
        "-s",
        "10",
        "-e",
        "trace=openat,write,fsync,fdatasync,flock,rename",
        "-o",
        str(trace),
    ]
    done = subprocess.run(
        [*command, sys.executable, PROGRAMS / "steps.py", "20"], capture_output=True, text=True, check=False
    )
    if "PTRACE" in done.stderr or "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    calls = [line for line in trace.read_text().splitlines() if ".jsonl" in line or ".new" in line]
    (segment,) = segments_of(all_runs()[0].id)
    data = segment.read_bytes()
    sizes = [int(match[1]) for call in calls if (match := re.search(r"write\(.* = (\d+)$", call))]
    ends = set(accumulate(len(line) for line in data.splitlines(keepends=True)))
    assert sum(sizes) == len(data)
    assert set(accumulate(sizes)) <= ends
    (opened,) = [call for call in calls if "openat(" in call and "O_CREAT" in call]
    assert all(flag in opened for flag in ("O_WRONLY", "O_APPEND", "O_EXCL", "O_CLOEXEC", "0600"))
    assert not [call for call in calls if "sync(" in call]
    # Nobody meets the file without its lock and its header.
    order = [re.search(r"\b(openat|flock|write|rename)\(", call) for call in calls]
    assert [match[1] for match in order if match][:5] == ["openat", "flock", "write", "rename", "write"]


def test_files_are_for_the_user_alone(recording: Path) -> None:
    os.umask(os.umask(0o022))
    with tracekit.agent("lead"):
        pass
    (entry,) = all_runs()
    (path,) = entry.paths
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for folder in (recording, recording / "runs", path.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(recording.rglob("*")) == [recording / "runs", path.parent, path]


def test_requests_of_many_threads_can_be_given_back(home: Path) -> None:
    sink = JournalSink()
    bodies: dict[str, bytes] = {}

    def converse(thread: int) -> None:
        shared = [{"role": "user", "content": "The same for all."}]
        for turn in range(60):
            shared = [*shared, {"role": "user", "content": f"{turn} " * 50 if turn % 2 else f"{thread} {turn}"}]
            event = asking(thread * 1_000 + turn, compact({"model": "m", "messages": shared}))
            assert event.request is not None
            bodies[event.id] = event.request.body or b""
            sink.write(RUN, event)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=converse, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    sink.exit(1)
    (run,) = recordings()
    assert {id: exchange.request.body for id, exchange in run.exchanges.items()} == bodies


def test_finaliser_that_breaks_into_a_write_is_recorded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dropped response may end within any line of tracekit, on the same thread."""
    sink = JournalSink()
    sink.write(RUN, begin(1))
    sink.write(RUN, begin(2))
    real, inside = os.write, list[bool]()

    def write(file: int, data: bytes) -> int:
        if not inside:
            inside.append(True)
            sink.write(RUN, end(1))
            sink.write(RUN, end(2))
            sink.release(RUN)
            sink.write(RUN, asking(4, compact({"messages": [{"a": 1}]})))
            sink.write(RUN, end(4))
            sink.release(RUN)
        return real(file, data)

    monkeypatch.setattr(os, "write", write)
    sink.write(RUN, asking(3, compact({"messages": [{"a": 1}, {"a": 2}]})))
    (path,) = segments_of(RUN.id)
    assert is_alive(path), "the span that began last is open"
    sink.write(RUN, end(3))
    sink.release(RUN)
    assert not is_alive(path)
    (run,) = recordings()
    assert [span.status for span in run.spans.values()] == ["ok"] * 4
    assert [exchange.request.body is not None for exchange in run.exchanges.values()] == [True, True]


# ── locks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_segment_is_alive_while_a_span_is_open_and_after_it_is_opened_again(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    (path,) = segments_of(RUN.id)
    for number in range(3):
        assert is_alive(path)
        sink.write(RUN, end(number + 1))
        sink.release(RUN)
        assert not is_alive(path)
        sink.write(RUN, begin(number + 2))
    sink.exit(1)
    assert not is_alive(path)
    assert len(segments_of(RUN.id)) == 1


def test_span_that_begins_while_another_thread_lets_go_stays_locked(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    sink.write(RUN, end(1))
    sink.write(RUN, begin(2))
    sink.release(RUN)
    assert is_alive(segments_of(RUN.id)[0])
    sink.exit(1)


def probe(path: str, begun: Barrier, over: Event) -> None:
    begun.wait(LONG_S)
    while not over.is_set():
        is_alive(Path(path))


def test_probers_do_not_keep_the_writer_from_its_lock(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(0))
    (path,) = segments_of(RUN.id)
    sink.write(RUN, end(0))
    sink.release(RUN)
    context = multiprocessing.get_context("fork")
    begun, over = context.Barrier(7), context.Event()
    probers = [context.Process(target=probe, args=(str(path), begun, over)) for _ in range(6)]
    for prober in probers:
        prober.start()
    begun.wait(LONG_S)
    held = 0
    for _ in range(500):
        sink.write(RUN, begin(1))
        held += is_alive(path)
        sink.write(RUN, end(1))
        sink.release(RUN)
    over.set()
    for prober in probers:
        prober.join()
        assert prober.exitcode == 0
    assert held == 500, "a writer with an open span went without its lock"


def test_new_segment_is_never_met_without_its_lock(home: Path) -> None:
    """Lookers that see a segment at its first moment see it alive, with its header."""
    sink, stop, found = JournalSink(), threading.Event(), []

    def look() -> None:
        seen: set[Path] = set()
        while not stop.is_set():
            for entry in home.rglob("*.jsonl"):
                if entry not in seen:
                    seen.add(entry)
                    found.append((is_alive(entry), b"\n" in entry.read_bytes()))

    looker = threading.Thread(target=look)
    looker.start()
    runs = [new_run() for _ in range(100)]
    for run in runs:
        sink.write(run, begin(1))
        time.sleep(0.002)
    stop.set()
    looker.join()
    sink.exit(1)
    assert len(found) > 10
    assert set(found) == {(True, True)}


def test_lock_that_could_not_be_had_is_taken_with_a_later_line(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    sink.write(RUN, end(1))
    sink.release(RUN)
    (path,) = segments_of(RUN.id)
    import fcntl

    with path.open("rb") as stuck:
        fcntl.flock(stuck, fcntl.LOCK_SH)
        sink.write(RUN, begin(2))  # it would wait for ever, if it waited
        fcntl.flock(stuck, fcntl.LOCK_UN)
        assert not is_alive(path)
        sink.write(RUN, begin(3))
        assert is_alive(path)
    sink.exit(1)


# ── many runs ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.slow
def test_server_of_5000_runs_keeps_few_of_them(recording: Path) -> None:
    def serve(count: int) -> None:
        for _ in range(count):
            with tracekit.run("request"), tracekit.agent("lead"), tracekit.tool("step"):
                pass

    serve(1_000)
    gc.collect()
    before = sys.getallocatedblocks()
    serve(4_000)
    gc.collect()
    assert sys.getallocatedblocks() - before < 2_000
    active = recorder.active()
    assert active is not None
    sink: Any = active.sink
    assert len(sink._segments) <= 260
    assert open_files(recording) == []
    assert len(all_runs()) == 5_000


def test_open_runs_are_not_forgotten(home: Path) -> None:
    sink = JournalSink()
    runs = [new_run(f"run {number}") for number in range(300)]
    for run in runs:
        sink.write(run, begin(1))
    assert len(open_files(home)) == 300
    for run in runs:
        sink.write(run, end(1))
        sink.release(run)
    assert open_files(home) == []
    assert all(len(recording.spans) == 1 and recording.segments[0].damage == () for recording in recordings())


def test_run_that_was_forgotten_goes_on_in_its_own_segment(home: Path) -> None:
    sink = JournalSink()
    messages: list[Any] = [{"role": "user", "content": f"{number} " * 2_000} for number in range(3)]
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "A" * 5_000}}
    messages.append({"role": "user", "content": [image]})
    body = compact({"model": "m", "messages": messages})
    for turn in range(3):
        sink.write(RUN, asking(turn * 2, body))
        sink.write(RUN, asking(turn * 2 + 1, body))
        sink.write(RUN, end(turn * 2))
        sink.write(RUN, end(turn * 2 + 1))
        sink.release(RUN)
        for _ in range(300):
            other = new_run()
            sink.write(other, begin(1))
            sink.write(other, end(1))
            sink.release(other)
        assert RUN.id not in sink._segments
    (path,) = segments_of(RUN.id)
    assert path.read_bytes().count(b'"e":"header"') == 1
    run = read_run([path])
    assert run.segments[0].damage == ()
    assert [exchange.request.body for exchange in run.exchanges.values()] == [body] * 6
    assert path.stat().st_size < 4 * len(body)


def test_writer_that_was_retired_is_not_written_to(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, begin(1))
    segment = sink._segments[RUN.id]
    assert not segment.retire(), "it is open"
    sink.write(RUN, end(1))
    sink.release(RUN)
    assert segment.retire()
    assert not segment.write(begin(2))
    del sink._segments[RUN.id]
    sink.write(RUN, begin(2))
    sink.exit(5)
    assert read_events(segments_of(RUN.id)[0]) == [begin(1), end(1), begin(2), Exit(5)]


def test_file_of_another_process_with_the_same_pid_is_left_alone(home: Path) -> None:
    first = JournalSink()
    first.write(RUN, begin(1))
    first.exit(2)
    (path,) = segments_of(RUN.id)
    header, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(compact(json.loads(header) | {"process_start": 1}) + b"\n" + rest)
    before = path.read_bytes()
    second = JournalSink()
    second.write(RUN, begin(3))
    second.exit(4)
    assert path.read_bytes() == before
    paths = sorted(segments_of(RUN.id))
    assert len(paths) == 2
    assert list(read_run(paths).spans) == [f"{3:016x}", f"{1:016x}"]


def test_journal_that_the_user_removed_is_begun_anew(home: Path) -> None:
    sink = JournalSink()
    body = compact({"model": "m", "messages": [{"role": "user", "content": "Hi"}]})
    sink.write(RUN, asking(1, body))
    sink.write(RUN, end(1))
    sink.release(RUN)
    shutil.rmtree(home)
    sink.write(RUN, asking(2, body))
    sink.exit(1)
    (run,) = recordings()
    assert [exchange.request.body for exchange in run.exchanges.values()] == [body]


# ── disk faults ──────────────────────────────────────────────────────────────────────────────────────────────────────


def work() -> list[int]:
    """A program: what it returns must not depend on the disk."""

    @tracekit.tool
    def step(number: int) -> int:
        return number * number

    with tracekit.run("job"), tracekit.agent("lead"):
        return [step(number) for number in range(50)]


def assert_one_warning(caplog: pytest.LogCaptureFixture, *words: str) -> None:
    (message,) = [record.getMessage() for record in caplog.records if record.name == "tracekit"]
    assert "is not recorded any further, but your program continues" in message
    for word in words:
        assert word in message


def test_home_is_a_file(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    recording.write_text("I am a file.")
    assert work() == [n * n for n in range(50)]
    assert_one_warning(caplog, str(recording), "is a file, or lies below one", "set TRACEKIT_HOME")
    assert recording.read_text() == "I am a file."


def test_home_lies_below_a_file(
    recording: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.write_text("I am a file.")
    monkeypatch.setenv("TRACEKIT_HOME", str(recording / "below" / "me"))
    assert work() == [n * n for n in range(50)]
    assert_one_warning(caplog, "is a file, or lies below one", "set TRACEKIT_HOME")
    with pytest.raises(tracekit.HomeError, match="is a file, or lies below one"):
        all_runs()


def test_runs_is_a_file(recording: Path, caplog: pytest.LogCaptureFixture) -> None:
    recording.mkdir()
    (recording / "runs").write_text("I am a file.")
    assert work() == [n * n for n in range(50)]
    assert_one_warning(caplog, "set TRACEKIT_HOME")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Any]:
    """Mounts a small file system of its own with the given options."""
    mounted: list[Path] = []

    def make(options: str) -> Path:
        folder = tmp_path / f"mounted-{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"a file system cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)
        return folder

    if shutil.which("mount") is None:
        pytest.skip("there is no mount command here")
    yield make
    for folder in mounted:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_reported_once_a_process(
    recording: Path, mount: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKIT_HOME", str(mount("size=8k")))
    for number in range(5):
        with tracekit.run(f"run {number}"), tracekit.agent("lead"):
            for _ in range(100):
                with tracekit.tool("write", input={"text": "x" * 1000}):
                    pass
    assert_one_warning(caplog, "No space left on device", "free some space")


def test_read_only_file_system(
    recording: Path, mount: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRACEKIT_HOME", str(mount("ro,size=64k")))
    assert work() == [n * n for n in range(50)]
    assert_one_warning(caplog, "Read-only file system", "set TRACEKIT_HOME")
    monkeypatch.setenv("TRACEKIT_HOME", str(mount("ro,size=64k") / "home"))
    caplog.clear()
    assert work() == [n * n for n in range(50)]
    assert_one_warning(caplog, "Read-only file system", "set TRACEKIT_HOME")


def test_full_disk(
    recording: Path, mount: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = mount("size=64k")
    monkeypatch.setenv("TRACEKIT_HOME", str(folder))
    results = []
    with tracekit.run("job"), tracekit.agent("lead"):
        for number in range(100):
            with tracekit.tool("step", input={"text": "x" * 2_000, "n": number}):
                results.append(number)
    assert results == list(range(100))
    assert_one_warning(caplog, "No space left on device", "free some space")
    (entry,) = all_runs()
    run = read_run(entry.paths)
    assert 20 < len(run.spans) < 40
    assert run.segments[0].damage in ((), ("the last line is cut and is skipped",))
    assert not run.segments[0].alive
    caplog.clear()
    with tracekit.run("another"), tracekit.agent("lead"):
        pass
    # Said once in a process, of the first run that met it.
    assert [record for record in caplog.records if record.name == "tracekit"] == []
    assert [found.name for found in all_runs()] == ["job"]
    assert not list(folder.rglob("*.new"))


@pytest.mark.parametrize("number", [28, 30, 5, 122])
@pytest.mark.parametrize("edge", ["open", "write", "mkdir"])
def test_disk_that_fails(
    recording: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, edge: str, number: int
) -> None:
    calls = []

    def fail(*args: Any, **_: Any) -> Any:
        calls.append(args)
        raise OSError(number, os.strerror(number))

    if edge == "mkdir":
        monkeypatch.setattr(Path, "mkdir", fail)
    else:
        monkeypatch.setattr(os, edge, fail)
    assert work() == [n * n for n in range(50)]
    assert len(calls) == 1, "silence for the rest of the run"
    monkeypatch.undo()
    monkeypatch.setenv("TRACEKIT_HOME", str(recording))
    assert_one_warning(caplog, os.strerror(number))
    assert open_files(recording) == []


def test_short_write(recording: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    lines = []

    def write(file: int, data: bytes) -> int:
        lines.append(data)
        return real(file, data[: len(data) // 2] if len(lines) == 10 else data)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        assert work() == [n * n for n in range(50)]
    assert len(lines) == 10
    assert_one_warning(caplog, "No space left on device")
    (run,) = [read_run(entry.paths) for entry in all_runs()]
    assert run.segments[0].damage == ("the last line is cut and is skipped",)
    whole = b"".join(lines[:9]) + lines[9][: len(lines[9]) // 2]
    assert len(read_lines(Path(run.segments[0].path))) == whole.count(b"\n")


def read_lines(path: Path) -> list[bytes]:
    return [line for line in path.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]


def test_failed_run_stays_silent_after_many_others(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    home.write_text("I am a file.")
    sink = JournalSink()
    sink.write(RUN, begin(1))
    home.unlink()
    for _ in range(300):
        other = new_run()
        sink.write(other, begin(1))
        sink.write(other, end(1))
        sink.release(other)
    sink.write(RUN, begin(2))
    assert segments_of(RUN.id) == []
    assert_one_warning(caplog)


def test_signal_during_a_write_leaves_the_journal_whole(home: Path) -> None:
    """A handler that raises, as Ctrl-C does, cuts no line and leaves nothing that is referred to but not there."""
    sink = JournalSink()

    class Stop(Exception):  # noqa: N818  what a user's handler may raise
        pass

    def raise_it(*_: object) -> None:
        raise Stop

    before = signal.signal(signal.SIGALRM, raise_it)
    stopped = number = 0
    messages: list[Any] = []
    try:
        while stopped < 60:
            try:
                sink.release(RUN)
                signal.setitimer(signal.ITIMER_REAL, 0.0002 + (stopped % 17) * 0.0001)
                while True:
                    number += 1
                    messages = [*messages[-50:], {"role": "user", "content": f"{number} " * 100}]
                    sink.write(RUN, asking(number, compact({"messages": messages})))
                    sink.write(RUN, Chunk(f"{number:016x}", 1, b"x" * 1_000))
                    sink.write(RUN, end(number))
            except Stop:
                stopped += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    sink.exit(1)
    (run,) = recordings()
    assert len(run.spans) > 50
    lost = [exchange.attempt for exchange in run.exchanges.values() if exchange.request.body is None]
    assert lost == []


def test_kinds_of_events_are_all_that_is_counted(home: Path) -> None:
    sink = JournalSink()
    sink.write(RUN, SpanBegin("a" * 16, None, "agent", "a", 1, "m"))
    sink.write(RUN, Chunk("a" * 16, 1, b"x"))
    sink.release(RUN)
    assert len(open_files(home)) == 1
    sink.write(RUN, SpanEnd("a" * 16, 2, "ok"))
    sink.release(RUN)
    assert open_files(home) == []
