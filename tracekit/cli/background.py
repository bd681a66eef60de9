"""Record a program in the background while its user looks on; its output waits until the screen is free again."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import BinaryIO, Self

import click

from tracekit.cli.child import patiently, start_child
from tracekit.cli.recording import ProcessRecording

__all__ = ["BackgroundProcess"]

_LONGEST_START_S = 30.0
_PAUSE_S = 0.05


class BackgroundProcess:
    """Runs `command` in the background, from entering on; leaving waits for its end.

    Args:
        recording: What records it; it is told of the program's end as soon as that comes.
        command: The program and its arguments.
        environment: The program's environment.
    """

    def __init__(self, recording: ProcessRecording, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.return_code = 0
        self._recording = recording
        self._start: Callable[[BinaryIO], subprocess.Popen[bytes]] = lambda output: start_child(
            command, recording.variables, environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )

    def __enter__(self) -> Self:
        self._said = tempfile.TemporaryFile()
        self._process = self._start(self._said)
        self._end = threading.Thread(target=self._finish, name="tracekit-beside")
        self._end.start()
        return self

    def _finish(self) -> None:
        self.return_code = self._process.wait()
        self._recording.finish(self.return_code)

    def wait_for_record(self) -> bool:
        """Wait until the program has recorded something; false if it ends, or a long time goes by, without."""
        until = time.monotonic() + _LONGEST_START_S
        while time.monotonic() < until:
            if self._recording.run.id in self._recording.recorded_runs():
                return True
            if not self._end.is_alive():
                return False
            time.sleep(_PAUSE_S)
        return False

    def __exit__(
        self, type: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if type is not None:
            self._process.terminate()
        elif self._end.is_alive():
            click.echo("tracekit: the program is not done yet; a few seconds …", err=True)
        with patiently(self._process):
            self._end.join()
        with self._said as output:
            output.seek(0)
            sys.stdout.flush()
            shutil.copyfileobj(output, sys.stdout.buffer)
            sys.stdout.buffer.flush()
