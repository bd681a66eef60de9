"""Processes that take part in one run, a step at a time."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.waiting import LONG_S
from tracekit.model.run import ProcessRoot, RunInfo, Session

PROGRAM = Path(__file__).parents[1] / "programs" / "joining.py"
SHARED = RunInfo("ab" * 16, "shared", 1, ProcessRoot("f" * 16, 1, ("program",)))


class Joining:
    """A process that takes part in the run, a step at a time."""

    def __init__(self, name: str) -> None:
        command = [sys.executable, str(PROGRAM), Session(SHARED, "/nowhere").dumps(), name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def step(self, line: str = "step") -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("end\n")
        self.process.stdin.close()
        assert self.process.wait(LONG_S) == 0

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(LONG_S)


@pytest.fixture
def join(home: Path) -> Iterator[Callable[[str], Joining]]:
    joined: list[Joining] = []

    def make(name: str) -> Joining:
        joined.append(Joining(name))
        return joined[-1]

    yield make
    for each in joined:
        each.process.kill()
        each.process.wait(LONG_S)
        for pipe in (each.process.stdin, each.process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()
