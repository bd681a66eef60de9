"""A process under `tracekit replay`: the task it receives, the replay it starts, and the reports it writes.

The parent starts the process with an API address and proxies that lead nowhere. Once the replay is in place, the
program finds its own values again in `os.environ`; the processes that it starts itself get the dead addresses again.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracekit import __version__
from tracekit.errors import ReplayDivergence, ReplayImpossible
from tracekit.instrument.programs import REPLAY_VARIABLE
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Replayed
from tracekit.model.run import ProcessRoot, RunInfo
from tracekit.model.text import printable_lines
from tracekit.replayer.divergence import Divergence
from tracekit.replayer.environment import CLOSED_VARIABLES, own_values
from tracekit.replayer.session import Stage, notes_of

__all__ = ["LEFT", "REPLAY_VARIABLE", "ReplayTask", "keep_environment", "read_reports", "start"]

LEFT = "left"
"""Name of the file that exists once a process has left the recording."""

_OWN = "environment.json"

_MOST_REFUSALS = 1000
"""Requests that a program may make after it has left the recording; then it is ended, lest it loop for ever."""


@dataclass(frozen=True, slots=True)
class ReplayTask:
    """The replay that a process has to run. `folder` holds its reports and the user's own environment."""

    paths: tuple[str, ...]
    folder: str
    run: dict[str, Any] | None = None
    ignore: tuple[str, ...] = ()
    speed: float | None = None
    block_network: bool = False

    def dumps(self) -> str:
        """Return the task as the text of an environment variable."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> ReplayTask:
        """Return the task that `dumps` wrote."""
        data = json.loads(text)
        return cls(**{**data, "paths": tuple(data["paths"]), "ignore": tuple(data["ignore"])})

    def process(self) -> RunInfo | None:
        """Return the run of the whole program, or None if the recording was not of a whole program."""
        if self.run is None:
            return None
        root = self.run["root"]
        process = ProcessRoot(root["id"], root["at_ns"], tuple(root["argv"]))
        return RunInfo(**{**self.run, "root": process})


def start() -> None:
    """Begin the replay that the environment asks for, in this process; end the process if that fails."""
    task = ReplayTask.loads(os.environ[REPLAY_VARIABLE])
    reports = _ReportFile(Path(task.folder))
    try:
        _start(task, reports)
    except Exception as error:  # noqa: BLE001  the program must not run on without a replay
        reports.write("impossible", f"the replay could not begin in process {os.getpid()}: {error}")
        sys.stderr.write(f"tracekit: the replay could not begin: {printable_lines(str(error))}\n")
        sys.stderr.flush()
        os._exit(125)


def _start(task: ReplayTask, reports: _ReportFile) -> None:
    # `tracekit replay` has read it as a whole, and would have told of damage.
    recording = read_run((Path(path) for path in task.paths), is_lazy=True)

    def report(what: Divergence | str) -> None:
        reports.write("impossible", what) if isinstance(what, str) else reports.write(
            "divergence", what.json(), str(what)
        )
        reports.left()

    stage = Stage(
        recording,
        ignore=task.ignore,
        speed=task.speed,
        block_network=task.block_network,
        tell=report,
        folder=task.folder,
    )
    stage.player.when_played = lambda number: reports.write("played", number)
    stage.player.when_projected = lambda: reports.write("mode", "projected", stage.player.last_ns)
    stage.player.when_refused(_give_up)
    stage.player.when_extra = lambda asked: reports.write("extra", asked)
    stage.clock.bind(stage.clock.expect())
    # Python processes that the program starts are replayed themselves, and read the recording as this one has.
    stage.clock.extra_s = time.process_time()
    sink = JournalSink({"tracekit": __version__}, hash_seed=recording.hash_seed)
    _put_back_environment(Path(task.folder))
    recorder = stage.enter(sink, task.process(), hooked=True)
    sys.excepthook = _without_reports(sys.excepthook)
    atexit.register(_finish, stage, recorder, reports)
    reports.hello()
    os.register_at_fork(after_in_child=reports.hello)


def keep_environment(folder: Path) -> None:
    """Store in `folder` the variables that a replayed process restores; API keys must not stand in a variable."""
    file = os.open(folder / _OWN, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as kept:
        json.dump(own_values(os.environ), kept)


def _put_back_environment(folder: Path) -> None:
    for name in CLOSED_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(json.loads((folder / _OWN).read_text(encoding="utf-8")))
    # A program may insist on one.
    os.environ.setdefault("ANTHROPIC_API_KEY", "replayed")


def _finish(stage: Stage, recorder: Any, reports: _ReportFile) -> None:
    player = stage.player
    player.play_out()
    for run in recorder.runs() if not player.impossible else ():
        recorder.sink.write(run, Replayed(player.last_ns, player.mode))
    reports.write("mode", player.mode, player.last_ns)
    reports.write("notes", notes_of(player, stage.clock))


def _give_up(times: int) -> None:
    if times > _MOST_REFUSALS:
        sys.stderr.write(
            "tracekit: the program kept sending requests after it had left the recording, so it was stopped\n"
        )
        sys.stderr.flush()
        os._exit(1)


def _without_reports(before: Callable[..., Any]) -> Callable[..., Any]:
    """Return an exception hook that stays silent on a divergence, which `tracekit replay` reports."""

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, (ReplayDivergence, ReplayImpossible)):
            before(kind, error, trace)

    return hook


# ── reports ───────────────────────────────────────────────────────────────────────────────────────────────────────────


class _ReportFile:
    """A file of reports, one a line, each written at once so that it survives the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"report-{os.getpid()}.jsonl"

    def hello(self) -> None:
        """Report that the replay is in place in this process."""
        (self._folder / f"hello-{os.getpid()}").touch()

    def left(self) -> None:
        """Mark that the program has left the recording."""
        (self._folder / LEFT).touch()

    def write(self, what: str, *values: Any) -> None:
        """Add a line."""
        line = json.dumps([what, *values], ensure_ascii=True) + "\n"
        with suppress(OSError):
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, line.encode())
            finally:
                os.close(file)


def read_reports(folder: Path) -> Iterator[Sequence[Any]]:
    """Iterate over the reports that the processes of a replay wrote in `folder`."""
    for path in sorted(folder.glob("report-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            # A process that was killed may have left half a line.
            with suppress(ValueError):
                yield json.loads(line)
