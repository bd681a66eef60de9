"""Recordings of strangers: every command tells what is wrong with them, in bounded memory and time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.bombs import BOMBS
from tests.support.bounded import COMMANDS
from tests.support.cli import environment
from tests.support.mutations import mutated
from tracekit.cli.main import cli
from tracekit.errors import TracekitError
from tracekit.journal.reader import read_run
from tracekit.replayer.keys import Keys
from tracekit.replayer.script import Script

RECORDINGS = sorted((Path(__file__).parents[2] / "fixtures/runs").glob("*.jsonl"))
UNREADABLE = {
    "a first line without an end": "its first line is",
    "a recording of the year 33658": "'recorded_at_ns' is 1000000000000000000000, not a time in nanoseconds",
    "an id that is SQL": "'run' is \"x' OR '1'='1\", not a run's id",
    "redaction that is no list": "'redaction' is 5, not a list",
}
"""Those of which no command can show anything, and the words for it."""
TOLD = {
    "4 GB of spaces in an event": "it stands for 4000000000 bytes more than it holds",
    "a thousand events of 30 MB of spaces": "bytes more than it holds",
    "an image that a message repeats": "bytes more than it holds",
    "a field that a request repeats": "'request.order' names a field twice",
    "a request that continues itself": "it continues request 0000000000000001, which is missing",
    "a line of lists in lists": "too many levels",
    "a number of 5,000 digits": "cannot be read and is skipped",
    "Infinity, NaN and 1e999": "1e999 is too large a number",
    "ids that are no texts": "'id' is a list, not an id",
    "headers that are no texts": "'response.headers' is an object, not an object of texts",
    "times at both ends of 64 bits": "'t' is 9223372036854775808, not a time in nanoseconds",
    "an address that is none": "'request.host' is 'http://[', not an address",
}
"""The words of `show` for others."""


@pytest.mark.timeout(300)
@pytest.mark.slow
def test_every_command_reads_hostile_recordings_in_512_mb(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, make in BOMBS.items():
        (folder / f"{name}.jsonl").write_bytes(make())
    program = [sys.executable, "-m", "tests.support.bounded", str(folder)]
    done = subprocess.run(program, env=environment(tmp_path), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    assert found.keys() == BOMBS.keys()
    faults = []
    for name, commands in found.items():
        assert commands.keys() == {command[0] for command in COMMANDS}
        for command, came in commands.items():
            wanted = (
                {125} if command == "replay" else {2} if name in UNREADABLE else {0, 1} if command == "check" else {0}
            )
            words = UNREADABLE.get(name) or (TOLD.get(name, "") if command == "show" else "")
            if came["code"] not in wanted or "Traceback" in came["told"] or words not in came["told"]:
                faults.append((name, command, came))
    assert faults == []


SOUND = RECORDINGS[0]
READING = (
    ("show", "{}"),
    ("show", "{}", "--format", "json"),
    ("check", "{}", "--format", "sarif"),
    ("diff", "{}", str(SOUND)),
    ("export", "{}", "-o", "/dev/null", "--allow-secrets"),
    ("export", "{}", "-o", "/dev/null", "--allow-secrets", "--normal"),
    *(("export", "{}", "-o", "/dev/null", "--allow-secrets", "--format", form) for form in ("html", "svg", "markdown")),
)
STORING = (
    ("ls",),
    ("show", "last"),
    ("check", "last"),
    ("collect",),
    *(("sql", f"FROM {view}", "--format", "json") for view in ("runs", "spans", "llm_calls", "attempts", "messages")),
    ("prune", "--dry-run"),
)


def crash(*arguments: str) -> str:
    """Return the traceback of a command that crashed, or its message about a run that it cannot read."""
    result = CliRunner().invoke(cli, arguments, prog_name="tracekit")
    if not isinstance(result.exception, (SystemExit, TracekitError, type(None))):
        return f"{arguments}: {result.exception!r}"
    return f"{arguments}: {result.stderr}" if "makes no run" in result.stderr else ""


def changed(folder: Path, seed: int) -> Path:
    path = folder / f"{seed}.jsonl"
    path.write_bytes(mutated(RECORDINGS[seed % len(RECORDINGS)], seed))
    return path


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("start", [0, 2265, 2472, 3005])
def test_changed_recordings_crash_nothing(start: int, tmp_path: Path) -> None:
    """Seeds around those that crashed something."""
    for seed in range(start, start + 16):
        path = changed(tmp_path, seed)
        assert [said for each in READING if (said := crash(*(part.format(path) for part in each)))] == [], seed


def test_changed_recordings_keep_no_other_run_out(home: Path, tmp_path: Path) -> None:
    day = home / "runs" / "2026-11-20"
    day.mkdir(parents=True)
    (day / f"{'f' * 32}.host.1.jsonl").write_bytes(SOUND.read_bytes())
    for seed in range(1000, 1040):
        changed(tmp_path, seed).rename(day / f"{seed:032x}.host.1.jsonl")
    assert [said for each in STORING if (said := crash(*each))] == []
    listed = CliRunner().invoke(cli, ["sql", "SELECT count(*) FROM runs", "--format", "csv"]).stdout
    assert int(listed.split()[1]) > 20


def test_changed_recordings_can_be_replayed_or_say_why_not(tmp_path: Path) -> None:
    scripts = 0
    for seed in range(100):
        try:
            recording = read_run([changed(tmp_path, seed)])
            Script(recording, Keys(recording.ignore, recording.redaction))
            scripts += 1
        except TracekitError:
            continue
    assert scripts > 10
