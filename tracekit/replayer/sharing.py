"""Find data from which several lanes take their tasks, such as a shared list or counter.

The methods of queues can be replaced. A plain list, set or iterator has no method that can be replaced, so its size is
checked whenever a lane starts, and whenever a lane makes the same request as others. Data that the code of two lanes
can reach, and that shrinks, hands out tasks; a number that both can reach, and that grows, may count them, and so may a
dictionary that shrinks.
"""

from __future__ import annotations

import asyncio
import functools
import io
import sys
import threading
import types
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import suppress
from itertools import count
from queue import SimpleQueue
from typing import Any

__all__ = ["Sharing"]

_OTHERS = frozenset(
    (
        "anthropic",
        "anyio",
        "h11",
        "httpcore",
        "httpcore2",
        "httpx",
        "httpx2",
        "opentelemetry",
        "pluggy",
        "pydantic",
        "pytest",
        "tracekit",
    )
)
"""Packages whose data hands out no tasks of the program. The standard library's data doesn't either, but for queues."""
_BOTTOM = frozenset(("_run", "_bootstrap_inner", "run_forever"))
"""Functions of the standard library that call the code of a lane."""
_DEPTH = 4
_MOST_PARTS = 40
_MOST_SEEN = 400
_MOST_KNOWN = 4000


class _Source:
    """An object that lanes can reach: its size when last seen, and the lanes that reach it."""

    __slots__ = ("grew", "keep", "lanes", "shrank", "size")

    def __init__(self, keep: Any, size: int) -> None:
        # An id means an object only as long as that lives.
        self.keep = keep
        self.size = size
        self.shrank = self.grew = False
        self.lanes: set[str] = set()

    def see(self, size: int) -> None:
        """Note the present size."""
        self.shrank |= size < self.size
        self.grew |= size > self.size
        self.size = size


class Sharing:
    """The data that the lanes of one process share."""

    def __init__(self) -> None:
        self._data: dict[int, _Source] = {}
        self._numbers: dict[tuple[int, str], _Source] = {}

    def look(self, lane: str | None = None) -> None:
        """Look at the data that the calling code can reach: as `lane`, or where it only starts another lane."""
        with suppress(RuntimeError):  # another thread changes what is looked at
            for owner, name, value in _reachable(_frames()):
                if type(value) is int:
                    self._see(self._numbers, (id(owner), name), owner, value, lane)
                elif isinstance(value, count):
                    self._see(self._numbers, (id(value), ""), value, _place_of(value), lane)
                elif type(value) is dict:
                    # An entry is taken out by its key as a rule, which makes no difference to other lanes.
                    self._see(self._numbers, (id(value), ""), value, -len(value), lane)
                elif (size := _size(value)) is not None:
                    self._see(self._data, id(value), value, size, lane)

    def takers(self, lane: str) -> set[str]:
        """Return the lanes that take from the same data as `lane`, itself included; none if no other lane does."""
        found: set[str] = set()
        for source in self._data.values():
            if lane in source.lanes and len(source.lanes) > 1 and (source.shrank or _is_iterator(source.keep)):
                found |= source.lanes
        return found

    def counts(self, lane: str) -> bool:
        """Return whether `lane` and another lane reach the same growing number or shrinking dictionary."""
        return any(source.grew and lane in source.lanes and len(source.lanes) > 1 for source in self._numbers.values())

    @staticmethod
    def _see(known: dict[Any, _Source], key: Any, keep: Any, size: int, lane: str | None) -> None:
        source = known.get(key)
        if source is None:
            if len(known) >= _MOST_KNOWN:
                del known[next(iter(known))]
            source = known[key] = _Source(keep, size)
        source.see(size)
        if lane is not None:
            source.lanes.add(lane)


def _place_of(counter: count[Any]) -> int:
    """Return the next number of an `itertools.count`, which only its text shows."""
    digits = repr(counter).partition("(")[2].rstrip(")").partition(",")[0]
    return int(digits) if digits.isdigit() else 0


def _size(value: Any) -> int | None:
    """Return the number of items in `value`, 0 for an iterator, or None if its items are no tasks."""
    if type(value) in (list, deque, set):
        # Jobs that are waited for, and threads, leave a collection when they are over.
        sample = next(iter(value), None)
        return None if isinstance(sample, (asyncio.Future, Future, threading.Thread)) else len(value)
    if isinstance(value, SimpleQueue):
        return value.qsize()
    return 0 if _is_iterator(value) else None


def _is_iterator(value: Any) -> bool:
    """Return whether `value` hands out items one by one to any caller. Files are read as a whole."""
    if isinstance(value, (io.IOBase, count, type)):
        return False
    return isinstance(value, types.GeneratorType) or (
        type(value).__module__ in ("builtins", "itertools") and hasattr(type(value), "__next__")
    )


# ── the program's code, and the data that it reaches ─────────────────────────────────────────────────────────────────


def _frames() -> Iterator[types.FrameType]:
    """Return the frames of the program's own code in the calling lane, the innermost first."""
    frame: types.FrameType | None = sys._getframe(1)  # noqa: SLF001  the only way to a stack
    while frame is not None:
        if _is_own(frame.f_globals.get("__name__")):
            yield frame
        elif frame.f_code.co_name in _BOTTOM:
            return
        frame = frame.f_back


def _is_own(module: Any) -> bool:
    """Return whether `module` names a module of the program."""
    return isinstance(module, str) and _is_own_package(module.partition(".")[0])


@functools.cache
def _is_own_package(package: str) -> bool:
    return package not in _OTHERS and package not in sys.stdlib_module_names


def _reachable(frames: Iterable[types.FrameType]) -> Iterator[tuple[Any, str, Any]]:
    """Iterate over the values that the code in `frames` can reach, each with its owner and its name there."""
    waiting: deque[tuple[Any, str, Any, int]] = deque()
    for frame in frames:
        waiting += ((*each, 0) for each in _of_frame(frame))
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_SEEN:
        owner, name, value, depth = waiting.popleft()
        yield owner, name, value
        if depth < _DEPTH and id(value) not in seen and not isinstance(value, (int, str, bytes, float)):
            seen.add(id(value))
            waiting += ((value, inner, each, depth + 1) for inner, each in _parts(value))


def _of_frame(frame: types.FrameType) -> Iterator[tuple[Any, str, Any]]:
    code = frame.f_code
    shared = {*code.co_freevars, *code.co_cellvars}
    for name, value in list(frame.f_locals.items()):
        if name in shared:
            # All calls of a nested function have the variables around it in common.
            yield code, name, value
        elif type(value) is not int:
            yield frame, name, value
    yield from ((frame.f_globals, *each) for each in _named(code, frame.f_globals))


def _named(code: types.CodeType, names: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, names[name]) for name in code.co_names if name in names)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the values that code reaches through `value`, with their names."""
    if isinstance(value, types.MethodType):
        yield from (("__self__", value.__self__), ("__func__", value.__func__))
    elif isinstance(value, types.FunctionType):
        if _is_own(value.__module__):
            yield from _of_function(value)
    elif isinstance(value, functools.partial):
        yield from _numbered((value.func, *value.args, *value.keywords.values()))
    elif type(value) is dict:
        yield from ((name, each) for name, each in list(value.items())[:_MOST_PARTS] if isinstance(name, str))
    elif type(value) in (list, tuple, deque, set):
        yield from _numbered(list(value)[:_MOST_PARTS])
    elif _is_own(type(value).__module__):
        yield from _of_instance(value)


def _numbered(values: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((str(place), each) for place, each in enumerate(values))


def _of_function(function: types.FunctionType) -> Iterator[tuple[str, Any]]:
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=False):
        with suppress(ValueError):  # it has no value yet
            yield name, cell.cell_contents
    yield from _named(function.__code__, function.__globals__)
    yield from _numbered(function.__defaults__ or ())


def _of_instance(value: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over the attributes of an object of the program, without calling any of its code."""
    with suppress(AttributeError, TypeError):
        yield from list(object.__getattribute__(value, "__dict__").items())
    for kind in type(value).__mro__:
        for name, member in list(vars(kind).items()):
            if isinstance(member, types.MemberDescriptorType):
                with suppress(AttributeError):
                    yield name, member.__get__(value)
            elif isinstance(member, types.FunctionType):
                yield name, member
