"""Tells the program's exceptions from tracekit's own, by where they come from and not by their type.

A signal handler runs between any two steps of the main thread, and `PyThreadState_SetAsyncExc` raises in any thread. So
both can raise inside tracekit's code, where no `except` clause of tracekit's may keep the exception: it is the program's.
A traceback shows the difference. A handler has a frame of its own, which nothing in the frame above it has called; an
exception that another thread has set has no frame and no arguments, and no code has raised it.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType, TracebackType
from typing import NoReturn

__all__ = ["finish", "interrupts", "pass_on", "programs_exception"]

_BETWEEN_STEPS = ("RESUME", "JUMP_BACKWARD", "JUMP_ABSOLUTE", "CHECK_EVAL_BREAKER", "CHECK_PERIODIC")
"""How the names of instructions begin at which the interpreter looks for signals, and which by themselves call nothing."""

_STAND_IN_BYTES = 8

_RAISING = ("RAISE_VARARGS", "RERAISE")

_OWN_PACKAGES = ("tracekit", "orjson")
"""Packages whose classes tracekit's own code may raise, where that calls C code."""

_BARE = (MemoryError, StopIteration, StopAsyncIteration)
"""Exceptions that the interpreter itself raises without arguments."""

_LONGEST_CHAIN = 20
"""How many exceptions behind one are looked at; a program can link them in a circle."""

_MOST_CUTS = 8
"""How often an action that is cut short is called again. A program whose signals never pause must not hang here."""


def pass_on(error: BaseException) -> None:
    """Return if `error`, which the caller has caught, is a fault of the code that the caller called.

    Call it first in each ``except`` clause that could catch the program's exceptions by their type.

    Raises:
        BaseException: The program's exception, if `error` is one or was raised while one was handled.
    """
    found = programs_exception(error, sys._getframe(1))  # noqa: SLF001  the documented way to the caller's frame
    if found is not None:
        raise found


def programs_exception(error: BaseException, catcher: FrameType) -> BaseException | None:
    """Return the program's exception behind `error`, which the frame `catcher` has caught; None if there is none.

    A library, or a `finally` block, may have turned the program's exception into another.
    """
    found: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if found is None:
            break
        trace = found.__traceback__
        # What the program itself was handling when it called is of no concern here.
        if (found is error or (trace is not None and _is_below(trace.tb_frame, catcher))) and _is_programs(found):
            return found
        found = found.__cause__ or found.__context__
    return None


def finish(action: Callable[[], object], cut: BaseException) -> NoReturn:
    """Call `action`, which `cut` has cut short, until it is done; called again, it does what is left to do.

    Raises:
        BaseException: `cut`, or the newest of the program's exceptions that cut in after it.
    """
    if programs_exception(cut, sys._getframe(1)) is None:  # noqa: SLF001  see `pass_on`
        raise cut
    for _ in range(_MOST_CUTS):
        try:
            action()
        except BaseException as error:  # noqa: BLE001  raised below
            if programs_exception(error, sys._getframe()) is None:  # noqa: SLF001  see `pass_on`
                break
            cut = error
        else:
            break
    raise cut


def _is_below(frame: FrameType, catcher: FrameType) -> bool:
    above: FrameType | None = frame
    while above is not None and above is not catcher:
        above = above.f_back
    return above is not None


def interrupts(error: BaseException) -> bool:
    """Return whether a signal handler, or another thread, has raised `error` between two steps of the code it went through.

    For code of the program's, in which C code may raise the program's own classes, as a future does.
    """
    above: list[FrameType] = []
    trace: TracebackType | None = error.__traceback__
    last: TracebackType | None = None
    while trace is not None:
        frame = trace.tb_frame
        if last is not None and (_is_hook(frame, above) or _stands_between_steps(last)):
            return True
        above.append(frame)
        last, trace = trace, trace.tb_next
    return last is not None and _stands_between_steps(last)


def _is_programs(error: BaseException) -> bool:
    # What is no `Exception` is an interrupt, an exit or a cancellation.
    return not isinstance(error, Exception) or interrupts(error) or _was_set_from_outside(error)


def _is_hook(frame: FrameType, above: list[FrameType]) -> bool:
    """Return whether `frame` is that of a signal handler or a trace function: the interpreter passes them a frame above."""
    if frame.f_code in set(_codes_of_handlers()):
        return True
    code, values = frame.f_code, frame.f_locals
    given: list[object] = [values.get(name) for name in code.co_varnames[: code.co_argcount]]
    if code.co_flags & 0x04:  # it takes *args
        given.extend(values.get(code.co_varnames[code.co_argcount + code.co_kwonlyargcount]) or ())
    return any(value is each for value in given if isinstance(value, FrameType) for each in above)


def _codes_of_handlers() -> Iterator[CodeType]:
    """The code of each signal handler that is installed now: it may have dropped its arguments before it raised."""
    for number in signal.valid_signals():
        handler: object = signal.getsignal(number)
        if handler is None or isinstance(handler, int):
            continue
        handler = getattr(handler, "func", handler)  # of a `functools.partial`
        code = getattr(handler, "__code__", None) or getattr(getattr(handler, "__call__", None), "__code__", None)  # noqa: B004  the method is wanted
        if code is not None:
            yield code


def _stands_between_steps(trace: TracebackType) -> bool:
    """Return whether the frame of `trace` was between two steps, so that it has called nothing by itself."""
    return _instruction(trace).startswith(_BETWEEN_STEPS)


def _was_set_from_outside(error: Exception) -> bool:
    """Return whether no code has raised `error`: another thread has set it, or a greenlet has thrown it."""
    innermost = error.__traceback__
    if innermost is None:
        return False
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    instruction = _instruction(innermost)
    if instruction.startswith(_RAISING):
        return False
    if _is_of_the_programs_modules(type(error), innermost):
        # C code, which has raised this unless it came from outside, does not know the program's classes.
        return True
    return bool(instruction) and not error.args and not isinstance(error, _BARE) and type(error).__name__ != "Empty"


def _is_of_the_programs_modules(kind: type[Exception], innermost: TracebackType) -> bool:
    """Return whether `kind` is a class that neither Python, nor tracekit, nor the code that raised it brings."""
    module = sys.modules.get(kind.__module__)
    package = kind.__module__.partition(".")[0]
    raised_in = str(innermost.tb_frame.f_globals.get("__name__", "")).partition(".")[0]
    if (
        package in (*_OWN_PACKAGES, raised_in)
        or package in sys.stdlib_module_names
        or package in sys.builtin_module_names
    ):
        return False
    file = getattr(module, "__file__", None)
    return file is None or str(file).endswith((".py", ".pyc"))


def _instruction(trace: TracebackType) -> str:
    """Return the name of the instruction at which the frame of `trace` was; empty for code that Cython has compiled."""
    from opcode import opname  # noqa: PLC0415  only where something was raised

    code, at = trace.tb_frame.f_code.co_code, trace.tb_lasti
    # The interpreter gives a frame without code, as Cython's are, these instructions, which nobody runs.
    is_stand_in = len(code) <= _STAND_IN_BYTES and "LOAD_ASSERTION_ERROR" in {opname[each] for each in code[::2]}
    return "" if is_stand_in or not 0 <= at < len(code) else opname[code[at]]
