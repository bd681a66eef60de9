"""The recording or the replay around one test of the pytest plugin."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from typing_extensions import override

from tracekit.errors import ReplayDivergence, ReplayImpossible, TracekitError
from tracekit.model.text import printable_lines
from tracekit.model.tree import Run
from tracekit.replayer import Replay, replay
from tracekit.testing.recording import TestRecording

__all__ = ["Active", "ActiveRecording", "Replaying", "finish"]


class Active(ABC):
    """A recording or a replay that is going on. `replay` is the replay, if it is one."""

    replay: Replay | None = None

    def __init__(self) -> None:
        self._finished = False

    @abstractmethod
    def run(self) -> Run:
        """Return the run of the test."""

    @abstractmethod
    def _finish(self, error: BaseException | None) -> None:
        """End it. `error` is how the test failed."""

    def finish(self, error: BaseException | None = None) -> None:
        """End the recording or replay once. `error` is the test's failure, if it spoils a recording."""
        if not self._finished:
            self._finished = True
            self._finish(error)

    def abandon(self) -> None:
        """End it where the test was never called: there is nothing to keep, and nothing to tell."""
        with suppress(ReplayDivergence, ReplayImpossible):
            self.finish(RuntimeError("the test was not called"))


class ActiveRecording(Active):
    """Records the test `name` into the file `path`, which is kept if the test passes."""

    def __init__(self, path: Path, name: str, argv: tuple[str, ...]) -> None:
        super().__init__()
        self._path = path
        self._recording = TestRecording(name, argv)

    @override
    def run(self) -> Run:
        return self._recording.run

    @override
    def _finish(self, error: BaseException | None) -> None:
        self._recording.stop(error)
        if error is None:
            self._recording.export(self._path)


class Replaying(Active):
    """Replays the recording at `path`.

    Raises:
        pytest.fail.Exception: It cannot be replayed.
    """

    def __init__(self, path: Path, ignore: Sequence[str], speed: float | None) -> None:
        __tracebackhide__ = True
        super().__init__()
        logging.getLogger("asyncio").addFilter(_is_news)
        said = ""
        try:
            self.replay = replay(path, ignore=ignore, speed=speed).__enter__()
        except TracekitError as error:
            said = f"{path} cannot be replayed: {error}"
        if said:
            pytest.fail(said, pytrace=False)

    @override
    def run(self) -> Run:
        self.finish()
        assert self.replay is not None
        assert self.replay.run is not None
        return self.replay.run

    @override
    def _finish(self, error: BaseException | None) -> None:
        assert self.replay is not None
        self.replay.__exit__(type(error) if error else None, error, error.__traceback__ if error else None)


def _is_news(record: logging.LogRecord) -> bool:
    """Return whether a log record is about anything but a divergence, which ends every later task.

    asyncio would tell of each with its traceback, at some time when the garbage is collected.
    """
    return not (record.exc_info and isinstance(record.exc_info[1], ReplayDivergence))


def finish(active: Active, error: BaseException | None, accepting: str) -> None:
    """End what is going on around a test that ended, with `error` if it failed.

    `accepting` says how to accept that the test asks something else now.

    Raises:
        pytest.fail.Exception: What the test has not raised by itself, told by its report alone.
    """
    __tracebackhide__ = True
    if isinstance(error, ReplayDivergence):
        _end_at_the_test(error)
        error.add_note(accepting)
    divergence: object = None
    try:
        active.finish(error)
        if error is None and active.replay is not None:
            divergence = active.replay.divergence
    except (ReplayDivergence, ReplayImpossible) as raised:
        divergence = raised
    except TracekitError as raised:
        divergence = raised if error is None else None
    if divergence is not None and divergence is not error:
        said = f"{divergence}\n{accepting}" if active.replay is not None and active.replay.divergence else divergence
        pytest.fail(printable_lines(str(said)), pytrace=False)


def _end_at_the_test(error: BaseException) -> None:
    """Cut the traceback where the program called the SDK, without the frames of the SDK and of tracekit."""
    traceback, last = error.__traceback__, None
    while traceback is not None:
        package = str(traceback.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
        if package not in ("anthropic", "tracekit"):
            last = traceback
        traceback = traceback.tb_next
    if last is not None:
        last.tb_next = None
