"""A process under `tracekit replay`: what it is told, what it plays, and what it tells of it.

Whoever starts it gives it an address of the API, and proxies, that lead nowhere. Only where the replay has taken hold
does the program find its own in `os.environ`; the processes that it starts itself get the dead ones again.
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

__all__ = ["LEFT", "REPLAY_VARIABLE", "Task", "keep_environment", "start", "told_by"]

LEFT = "left"
"""The name of the file that is there once a process has left the recording."""

_OWN = "environment.json"

_MOST_REFUSALS = 1000
"""How often a program may ask on after it has left the recording before it is ended: it would go on for ever."""


@dataclass(frozen=True, slots=True)
class Task:
    """What a process is to replay. `folder` is where it tells of itself, and finds the user's own environment."""

    paths: tuple[str, ...]
    folder: str
    run: dict[str, Any] | None = None
    ignore: tuple[str, ...] = ()
    speed: float | None = None
    block_network: bool = False

    def dumps(self) -> str:
        """The task as the text of an environment variable."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> Task:
        """The task that `dumps` wrote."""
        data = json.loads(text)
        return cls(**{**data, "paths": tuple(data["paths"]), "ignore": tuple(data["ignore"])})

    def process(self) -> RunInfo | None:
        """The run of the whole program, if the recording was one."""
        if self.run is None:
            return None
        root = self.run["root"]
        process = ProcessRoot(root["id"], root["at_ns"], tuple(root["argv"]))
        return RunInfo(**{**self.run, "root": process})


def start() -> None:
    """Begin the replay that the environment asks for, in this process. Ends the process if that cannot be done."""
    task = Task.loads(os.environ[REPLAY_VARIABLE])
    told = _Told(Path(task.folder))
    try:
        _start(task, told)
    except Exception as error:  # noqa: BLE001  the program must not run on without a replay
        told.tell("impossible", f"the replay could not begin in process {os.getpid()}: {error}")
        sys.stderr.write(f"tracekit: the replay could not begin: {printable_lines(str(error))}\n")
        sys.stderr.flush()
        os._exit(125)


def _start(task: Task, told: _Told) -> None:
    # `tracekit replay` has read it as a whole, and would have told of damage.
    recording = read_run((Path(path) for path in task.paths), is_lazy=True)

    def tell(what: Divergence | str) -> None:
        told.tell("impossible", what) if isinstance(what, str) else told.tell("divergence", what.json(), str(what))
        told.left()

    stage = Stage(
        recording, ignore=task.ignore, speed=task.speed, block_network=task.block_network, tell=tell, folder=task.folder
    )
    stage.player.when_played = lambda number: told.tell("played", number)
    stage.player.when_projected = lambda: told.tell("mode", "projected", stage.player.last_ns)
    stage.player.when_refused(_give_up)
    stage.player.when_extra = lambda asked: told.tell("extra", asked)
    stage.clock.bind(stage.clock.expect())
    # Python processes that the program starts are replayed themselves, and read the recording as this one has.
    stage.clock.extra_s = time.process_time()
    sink = JournalSink({"tracekit": __version__}, hash_seed=recording.hash_seed)
    _put_back_environment(Path(task.folder))
    recorder = stage.enter(sink, task.process(), hooked=True)
    sys.excepthook = _without_reports(sys.excepthook)
    atexit.register(_finish, stage, recorder, told)
    told.hello()
    os.register_at_fork(after_in_child=told.hello)


def keep_environment(folder: Path) -> None:
    """Keep in `folder` what the processes of a replay put back of this one's environment: keys are no variable's value."""
    file = os.open(folder / _OWN, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as kept:
        json.dump(own_values(os.environ), kept)


def _put_back_environment(folder: Path) -> None:
    for name in CLOSED_VARIABLES:
        os.environ.pop(name, None)
    os.environ.update(json.loads((folder / _OWN).read_text(encoding="utf-8")))
    # A program may insist on one.
    os.environ.setdefault("ANTHROPIC_API_KEY", "replayed")


def _finish(stage: Stage, recorder: Any, told: _Told) -> None:
    player = stage.player
    player.play_out()
    for run in recorder.runs() if not player.impossible else ():
        recorder.sink.write(run, Replayed(player.last_ns, player.mode))
    told.tell("mode", player.mode, player.last_ns)
    told.tell("notes", notes_of(player, stage.clock))


def _give_up(times: int) -> None:
    if times > _MOST_REFUSALS:
        sys.stderr.write("tracekit: the program asks on and on after it has left the recording; it is ended\n")
        sys.stderr.flush()
        os._exit(1)


def _without_reports(before: Callable[..., Any]) -> Callable[..., Any]:
    """An exception hook that leaves it to `tracekit replay` to say where the program left the recording."""

    def hook(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if not issubclass(kind, (ReplayDivergence, ReplayImpossible)):
            before(kind, error, trace)

    return hook


# ── what a process tells ─────────────────────────────────────────────────────────────────────────────────────────────


class _Told:
    """A file of lines, each written at once, so that what was told survives the process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / f"told-{os.getpid()}.jsonl"

    def hello(self) -> None:
        """The replay has taken hold in this process."""
        (self._folder / f"hello-{os.getpid()}").touch()

    def left(self) -> None:
        """The program can give no other result any more."""
        (self._folder / LEFT).touch()

    def tell(self, what: str, *values: Any) -> None:
        """Add a line."""
        line = json.dumps([what, *values], ensure_ascii=True) + "\n"
        with suppress(OSError):
            file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(file, line.encode())
            finally:
                os.close(file)


def told_by(folder: Path) -> Iterator[Sequence[Any]]:
    """What the processes of a replay told in `folder`, one after another."""
    for path in sorted(folder.glob("told-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            # A process that was killed may have left half a line.
            with suppress(ValueError):
                yield json.loads(line)
