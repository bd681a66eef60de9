"""Files that commands write: whole or not at all, and what is no file is never replaced."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.support.cli import environment, tracekit
from tracekit.errors import OutputError
from tracekit.output import output

RECORDING = Path(__file__).parents[1] / "fixtures/runs/guide-serial.jsonl"
RUN = "3ed234a26a6da1c8cbce83ce3e1ae0bd"
WRITERS = (
    ("export", RUN, "-o", "{}", "--allow-secrets"),
    ("export", RUN, "-o", "{}", "--format", "html"),
    ("sql", "FROM runs", "--format", "csv", "-o", "{}"),
    ("sql", "FROM runs", "--format", "json", "-o", "{}"),
    ("sql", "FROM runs", "--format", "parquet", "-o", "{}"),
)


def write(path: Path, text: str = "new") -> None:
    with output(path) as draft:
        draft.write_text(text)


@pytest.fixture
def recorded(tmp_path: Path) -> dict[str, str]:
    """The environment of a home with one run."""
    day = tmp_path / "home" / "runs" / "2026-11-20"
    day.mkdir(parents=True)
    (day / f"{RUN}.host.1.jsonl").write_bytes(RECORDING.read_bytes())
    return environment(tmp_path / "home")


def test_new_file_is_for_the_user_alone_and_an_old_one_keeps_its_mode(tmp_path: Path) -> None:
    new, old = tmp_path / "new", tmp_path / "old"
    old.write_text("before")
    old.chmod(0o644)
    write(new)
    write(old)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (new, old)] == [0o600, 0o644]
    assert (new.read_text(), old.read_text()) == ("new", "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


def test_link_is_followed(tmp_path: Path) -> None:
    target, link, dangling = tmp_path / "target", tmp_path / "link", tmp_path / "dangling"
    target.write_text("before")
    link.symlink_to("target")
    dangling.symlink_to("made")
    write(link)
    write(dangling)
    assert link.is_symlink()
    assert dangling.is_symlink()
    assert (target.read_text(), (tmp_path / "made").read_text()) == ("new", "new")


def fail_midway(path: Path) -> None:
    with output(path) as draft:
        draft.write_text("half")
        raise ValueError("midway")


def test_block_that_raises_leaves_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    with pytest.raises(ValueError, match="midway"):
        fail_midway(path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_loop_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OutputError, match="Too many levels of symbolic links"):
        write(tmp_path / "loop")


def test_reader_of_a_fifo_gets_all_of_it(tmp_path: Path) -> None:
    fifo, read = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: read.append(fifo.read_text()))
    reader.start()
    write(fifo, "x" * 200_000)
    reader.join()
    assert read == ["x" * 200_000]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


def test_closed_fifo_is_told(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: os.close(os.open(fifo, os.O_RDONLY)))
    reader.start()
    with pytest.raises(OutputError, match="Broken pipe"):
        write(fifo, "x" * 1_000_000)
    reader.join()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_every_writer_writes_into_a_device(recorded: dict[str, str], tmp_path: Path) -> None:
    for minor, code in ((3, 0), (7, 2)):  # /dev/null and /dev/full
        device = tmp_path / str(minor)
        os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        for writer in WRITERS:
            done = tracekit(*(part.format(device) for part in writer), env=recorded)
            assert (done.returncode, "Traceback" in done.stderr) == (code, False), (writer, done.stderr)
            assert ("No space left on device" in done.stderr) == (code == 2)
            assert stat.S_ISCHR(device.stat().st_mode), writer


def test_standard_output_is_appended_to(recorded: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    command = [sys.executable, "-m", "tracekit", *(part.format("/dev/stdout") for part in WRITERS[0])]
    with log.open("a") as out:
        subprocess.run(command, env=recorded, stdout=out, check=True)
    lines = log.read_text().splitlines()
    assert lines[0] == "before"
    assert len(lines) == 1 + len(RECORDING.read_text().splitlines())


READERS = (("ls",), ("show", RUN, "--format", "json"), ("sql", "FROM runs"))
"""By rich, by click, and what is copied."""


@pytest.mark.slow
def test_full_disk_and_closed_pipe_at_standard_output(recorded: dict[str, str]) -> None:
    read, closed = os.pipe()
    os.close(read)
    for command in READERS:
        full = os.open("/dev/full", os.O_WRONLY)
        codes, told = [], []
        for out in (full, closed):
            program = [sys.executable, "-m", "tracekit", *command]
            done = subprocess.run(program, env=recorded, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
            codes.append(done.returncode)
            told.append(done.stderr)
        os.close(full)
        assert told == ["tracekit: the output cannot be written: No space left on device\n", ""], command
        assert codes == [2, 141], command
    os.close(closed)
