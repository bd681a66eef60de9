"""Commands with an unusable home folder, or with files in it that are not journals."""

import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.cli import environment, tracekit
from tracekit.cli.main import cli
from tracekit.errors import TracekitError

RECORDING = Path(__file__).parents[2] / "fixtures/runs/guide-serial.jsonl"
RUN = "3ed234a26a6da1c8cbce83ce3e1ae0bd"
COUNT = ("sql", "SELECT count(*) AS n FROM runs", "--format", "csv")


def fill(home: Path) -> Path:
    """A home with one run; returns the folder of its day."""
    day = home / "runs" / "2026-11-20"
    day.mkdir(parents=True)
    (day / f"{RUN}.host.1.jsonl").write_bytes(RECORDING.read_bytes())
    return day


def outcomes(home: Path, *commands: tuple[str, ...]) -> list[tuple[int, str, str]]:
    """The exit code, the output and the errors of each command."""
    found = []
    runner = CliRunner(env={"TRACEKIT_HOME": str(home), "COLUMNS": "160"})
    for command in commands:
        result = runner.invoke(cli, command, prog_name="tracekit")
        if isinstance(result.exception, TracekitError):
            found.append((2, result.stdout, str(result.exception)))
            continue
        assert isinstance(result.exception, (SystemExit, type(None))), (command, result.exception)
        found.append((result.exit_code, result.stdout, result.stderr))
    return found


@pytest.mark.parametrize("name", [b"back\\slash by\xff", b"qu'o\"te\nline %41"])
def test_name_of_any_bytes(name: bytes, tmp_path: Path) -> None:
    home = Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))
    fill(home)
    listed, counted, collected, pruned = outcomes(home, ("ls",), COUNT, ("collect", "--rebuild"), ("prune",))
    assert [code for code, _, _ in (listed, counted, collected, pruned)] == [0, 0, 0, 0]
    assert RUN[:8] in listed[1]
    assert (counted[1], counted[2]) == ("n\n1\n", "")
    assert (home / "store.duckdb").exists()


def test_name_that_duckdb_cannot_open(tmp_path: Path) -> None:
    fill(tmp_path / "what?")
    counted, collected = outcomes(tmp_path / "what?", COUNT, ("collect",))
    assert counted[:2] == (0, "n\n1\n")
    assert "the journals are read" in counted[2]
    assert collected[0] == 2
    assert "set TRACEKIT_HOME to a folder without one" in collected[2]


def test_folder_that_holds_other_things(tmp_path: Path) -> None:
    day = fill(tmp_path)
    os.mkfifo(day / f"{RUN}.host.2.jsonl")
    (tmp_path / "runs" / "loop").symlink_to("loop")
    (day / f"{'a' * 32}.host.1.jsonl").symlink_to(f"{'a' * 32}.host.1.jsonl")
    (day / "folder.jsonl").mkdir()
    (day / os.fsdecode(b"by\xff.jsonl")).write_text("{}")
    (day / "bad.jsonl").write_text('{"e":"header","format":"tracekit-journal","version":1,"run":5}\n')
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(day / "s.jsonl"))
        listed, shown, counted, *others = outcomes(
            tmp_path, ("ls",), ("show", "last"), COUNT, ("collect",), ("prune", "--dry-run"), ("doctor",)
        )
    assert RUN[:8] in listed[1]
    assert "runs/loop are left out: Too many levels of symbolic links" in listed[2]
    assert "bad.jsonl has a header that is damaged: 'run' is 5, not a run's id" in listed[2]
    assert "guide-serial" in shown[1]
    assert counted[1] == "n\n1\n"
    assert [code for code, _, _ in (listed, shown, counted, *others)] == [0] * 6


def test_fifo_in_the_place_of_each_file_of_ours(tmp_path: Path) -> None:
    for name in ("store.duckdb", "store.gate", "store.access", "store.collector", "otlp-lost.jsonl"):
        home = tmp_path / name
        fill(home)
        os.mkfifo(home / name)
        counted, looked = outcomes(home, COUNT, ("doctor",))
        assert (counted[:2], looked[0]) == ((0, "n\n1\n"), 0), name
        assert stat.S_ISFIFO((home / name).stat().st_mode)


def test_path_on_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for home in (tmp_path / "file", tmp_path / "file" / "below"):
        for code, _, told in outcomes(home, ("ls",), COUNT, ("prune",), ("run", "--", "true")):
            assert (code, "is a file, or lies below one" in told) == (2, True)


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A home on a file system that is mounted for reading alone."""
    home = tmp_path / "home"
    home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(home)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        fill(home)
        subprocess.run(["mount", "-o", "remount,ro", str(home)], check=True)
        yield home
    finally:
        subprocess.run(["umount", str(home)], check=True)


def test_home_that_is_read_only(read_only: Path) -> None:
    listed, shown, checked, counted, collected, pruned, ran = outcomes(
        read_only, ("ls",), ("show", "last"), ("check", "last"), COUNT, ("collect",), ("prune",), ("run", "--", "true")
    )
    assert RUN[:8] in listed[1]
    assert "guide-serial" in shown[1]
    assert checked[0] == 1
    assert counted[:2] == (0, "n\n1\n")
    assert "Read-only file system; the journals are read" in counted[2]
    for code, _, told in (collected, pruned):
        assert (code, "Read-only file system" in told) == (2, True)
    assert ran[0] == 0


def test_rules_of_redaction_that_are_no_table(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit]\nredact = 'x'\n")
    done = tracekit("run", "--", "true", env=environment(tmp_path / "home"), cwd=tmp_path)
    assert done.returncode == 2
    assert "redact = 'x' is not a table; write one rule a line" in done.stderr
    assert "Traceback" not in done.stderr
