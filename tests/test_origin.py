"""The origin of an exception: the program, or a fault of the code that was called."""

from __future__ import annotations

import ctypes
import functools
import json
import os
import queue
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from tracekit.origin import finish, interrupts, pass_on, programs_exception


class Stop(Exception):  # noqa: N818  what a user's handler may raise
    """An exception of the program's."""


class Handler:
    """Signal handlers that are no plain functions."""

    def __call__(self, _number: int, _frame: object) -> None:
        raise Stop

    def method(self, _number: int, _frame: object) -> None:
        json.loads("a handler calls others")


def with_any_arguments(*_: object) -> None:
    raise Stop("now")


def with_a_builtin_class(_number: int, _frame: object) -> None:
    raise TimeoutError("late")


def without_its_frame(_number: int, frame: FrameType | None) -> None:
    del frame
    raise ValueError("now")


HANDLERS = (
    with_any_arguments,
    with_a_builtin_class,
    without_its_frame,
    Handler(),
    Handler().method,
    functools.partial(with_any_arguments),
)


def work_on() -> None:
    """Run typical code of tracekit, in Python and C, for some milliseconds."""
    for _ in range(200):
        json.loads(json.dumps({"texts": ["x"] * 40, "numbers": sorted(map(str, range(20)))}))
        down(3)


def cut_short(after_s: float) -> None:
    signal.setitimer(signal.ITIMER_REAL, 1e-5 + after_s)
    try:
        work_on()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def down(depth: int) -> int:
    return depth and down(depth - 1)


def caught(action: Callable[[], object]) -> Exception | None:
    try:
        action()
    except Exception as error:  # noqa: BLE001  whatever is raised
        return error
    return None


@contextmanager
def alarms_raise_stop() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, with_any_arguments)
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda handler: getattr(handler, "__name__", type(handler).__name__))
def test_what_a_signal_handler_raises_is_the_programs(handler: Any) -> None:
    before = signal.signal(signal.SIGALRM, handler)
    chance = random.Random(1)
    raised = 0
    try:
        for _ in range(60):
            error = caught(lambda: cut_short(chance.random() * 0.002))
            if error is not None:
                raised += 1
                assert programs_exception(error, sys._getframe()) is error
                assert interrupts(error)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert raised > 20


@pytest.mark.parametrize("kind", [Stop, TimeoutError, ValueError])
def test_what_another_thread_sets_is_the_programs(kind: type[Exception]) -> None:
    told: list[bool] = []

    def main() -> None:
        begun.set()
        try:
            while not over.is_set():
                work_on()
        except Exception as error:  # noqa: BLE001  whatever was set
            told.append(programs_exception(error, sys._getframe()) is error)

    for _ in range(30):
        begun, over = threading.Event(), threading.Event()
        thread = threading.Thread(target=main)
        thread.start()
        begun.wait()
        time.sleep(0.001)
        assert thread.ident is not None
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(kind))
        thread.join(0.5)
        over.set()
        thread.join()
    assert len(told) > 20
    assert all(told)


class Odd:
    """A value whose own code fails."""

    def __str__(self) -> str:
        raise Stop("odd")


FAULTS: list[Callable[[], object]] = [
    lambda: json.loads("{"),
    lambda: json.dumps(object()),
    lambda: os.environ["NO_SUCH_VARIABLE"],
    lambda: str(Odd()),
    lambda: os.open("/no/such/file", os.O_RDONLY),
    lambda: 1 / 0,
    lambda: "a".encode("no such encoding"),
    lambda: queue.SimpleQueue().get_nowait(),
    lambda: next(iter([])),
    lambda: bytearray(-1),
    lambda: Handler()(0, None),
]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_what_was_called_is_none_of_the_programs(fault: Callable[[], object]) -> None:
    def stop() -> None:
        raise Stop("what the program handles when it calls")

    try:
        stop()
    except Stop:
        error = caught(fault)
        assert error is not None
        assert programs_exception(error, sys._getframe()) is None
        assert not interrupts(error)
        pass_on(error)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_interrupts_and_exits_are_the_programs(kind: type[BaseException]) -> None:
    error = kind()
    with pytest.raises(kind):
        pass_on(error)


def test_the_programs_exception_behind_anothers_is_found() -> None:
    """A library that is cut short may raise an exception of its own."""

    def library() -> None:
        try:
            signal.raise_signal(signal.SIGALRM)
        except Stop as error:
            raise OSError("the file cannot be written") from error

    def ours() -> None:
        try:
            library()
        except OSError as error:
            pass_on(error)

    with alarms_raise_stop(), pytest.raises(Stop):
        ours()


def test_an_action_that_is_cut_short_is_finished_before_the_exception_goes_on() -> None:
    steps: list[str] = []

    def action() -> None:
        for name in ("one", "two", "three"):
            if name not in steps:
                steps.append(name)
                signal.raise_signal(signal.SIGALRM)

    def ours() -> None:
        try:
            action()
        except Stop as cut:
            finish(action, cut)

    with alarms_raise_stop(), pytest.raises(Stop):
        ours()
    assert steps == ["one", "two", "three"]
