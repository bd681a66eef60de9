"""Lanes: who asks. The path of tasks, jobs and threads from the main thread to the caller.

A lane counts its children in the order in which they were started, so the same program gives the same path in each
run, whatever the order of arrival. Started inside the SDK (connection set-up, timeouts), or to serve a pool, counts
for nothing: the program's own structure has no part in it.
"""

from __future__ import annotations

import contextvars
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any, Generic, Literal, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from tracekit.instrument.callers import program_frame
from tracekit.instrument.greenlets import current_greenlet, spawner_of
from tracekit.instrument.guard import guarded

__all__ = [
    "Lane",
    "LaneKind",
    "Standing",
    "TaskVariable",
    "acting_for",
    "adopt_task",
    "context_of_task",
    "current_lane",
    "enter",
    "leave",
    "main_lane",
    "new_child",
    "reset_after_fork",
    "running_asyncio",
    "running_task",
    "sharing_lane",
    "standing_for",
]

T = TypeVar("T")

LaneKind = Literal["main", "task", "thread", "job", "nursery", "process"]

Standing: TypeAlias = "tuple[dict[LaneKind, Iterator[int]], int]"
"""How many children of each kind a lane has started, and the frame within which its stack is its own."""

_LETTER: dict[LaneKind, str] = {"task": "t", "thread": "h", "job": "j", "nursery": "n", "process": "p"}


class Lane:
    """One lane. `first_ns` is its first step, 0 until that is known.

    `taken` says that its task is known. A task's lane is made before the task is. `shares_context` says that the task
    runs in a context that it was given, in which other tasks may run as well; `values` are its own of each `TaskVariable`.
    `function` names the program's function that it runs, or by which a library started it. Of its stack, what is at and
    below the frame whose `id` is `within` is not its own.

    `unit` is the unit of work that the lane belongs to. `arrives` says that what brought the lane about came from
    outside, as a connection does. Lanes that it starts have both from it. `accepted` is where the program's own code
    stood when the lane last accepted a connection: see `tracekit.instrument.units`.
    """

    __slots__ = (
        "__weakref__",
        "_children",
        "accepted",
        "arrives",
        "first_ns",
        "function",
        "id",
        "kind",
        "parent",
        "shares_context",
        "taken",
        "unit",
        "values",
        "within",
    )

    def __init__(self, kind: LaneKind, parent: Lane | None, id: str) -> None:
        self.kind = kind
        self.parent = parent
        self.id = id
        self.first_ns = 0
        self.function = ""
        self.within = 0
        self.taken = False
        self.shares_context = False
        self.values: dict[object, Any] = {}
        self._children: dict[LaneKind, Iterator[int]] = {}
        self.unit: Any = parent.unit if parent is not None else None
        self.arrives: bool = parent.arrives if parent is not None else False
        self.accepted: tuple[int, int] | None = None

    def child(self, kind: LaneKind) -> Lane:
        """A new lane under this one, numbered by how many of its kind were started before it."""
        number = next(self._children.setdefault(kind, count()))
        return Lane(kind, self, f"{self.id}.{_LETTER[kind]}{number}")

    def share_context(self) -> None:
        """The task of this lane runs in a context in which other tasks may run as well."""
        self.shares_context = _sharing.is_used = True

    def is_within(self, other: Lane) -> bool:
        """Return whether this lane is `other`, or was started by it or below it."""
        lane: Lane | None = self
        while lane is not None and lane is not other:
            lane = lane.parent
        return lane is not None

    def forget_arrivals(self) -> None:
        """Forget the arrivals of this lane."""
        self.unit = self.accepted = None
        self.arrives = False

    def begin_anew(self, before: Standing | None = None) -> Standing:
        """Number the children from 0 and pass over the functions in which a run begins, or go on from `before`.

        Returns:
            How it stood until now.
        """
        stood = self._children, self.within
        self._children, self.within = before if before is not None else ({}, program_frame())
        return stood


class _Sharing:
    """Tells whether any task of this process shares its context, which hardly any program does."""

    is_used = False


class _ThreadState(threading.local):
    """The lane of the code that runs on this thread outside any task."""

    lane: Lane | None = None


_sharing = _Sharing()
_main = Lane("main", None, "m")
_thread = _ThreadState()
_tasks: WeakKeyDictionary[Any, Lane] = WeakKeyDictionary()
_inherited: contextvars.ContextVar[Lane | None] = contextvars.ContextVar("tracekit_lane", default=None)


def current_lane() -> Lane:
    """The lane of the code that calls."""
    task = running_task()
    if task is not None:
        lane = _tasks.get(task)
        if lane is None:
            lane = _tasks[task] = _lane_of_new_task(task)
        return lane
    if _thread.lane is not None:
        return _thread.lane
    # A callback of an event loop, or a job of a pool that carries context variables: its lane is the asker's.
    inherited = _inherited.get()
    if inherited is not None:
        return inherited
    if threading.current_thread() is threading.main_thread():
        return _main
    _thread.lane = _main.child("thread")
    return _thread.lane


@guarded
def sharing_lane() -> Lane | None:
    """The lane of the code that calls, if other tasks may run in its context as well."""
    if not _sharing.is_used:
        return None
    found = lane = current_lane()
    while not lane.shares_context:
        if lane.parent is None:
            return None
        lane = lane.parent
    return found


class TaskVariable(Generic[T]):
    """A context variable that is None at first, and that tasks which share a context have each for themselves."""

    def __init__(self, name: str) -> None:
        self._variable: contextvars.ContextVar[T | None] = contextvars.ContextVar(name, default=None)

    def get(self) -> T | None:
        """The value where the caller runs."""
        lane = sharing_lane()
        return self._variable.get() if lane is None else lane.values.get(self)

    def set(self, value: T | None) -> None:
        """Set the value where the caller runs."""
        lane = sharing_lane()
        if lane is None:
            self._variable.set(value)
        else:
            lane.values[self] = value


def main_lane() -> Lane:
    """The lane of the process's main thread."""
    return _main


def new_child(kind: LaneKind) -> Lane:
    """A new lane under the caller's."""
    return current_lane().child(kind)


def enter(lane: Lane, now_ns: int) -> Lane | None:
    """Begin the first step of `lane` on this thread, or in this greenlet; returns what `leave` takes."""
    before = _stand_in(lane)
    lane.first_ns = now_ns
    return before


def leave(before: Lane | None) -> None:
    """The lane that was entered on this thread is over."""
    _stand_in(before)


def _stand_in(lane: Lane | None) -> Lane | None:
    """Set the lane of code outside any task on this thread, or of this greenlet, and return the lane before."""
    greenlet = current_greenlet()
    if greenlet is None:
        before, _thread.lane = _thread.lane, lane
        return before
    before = _tasks.get(greenlet)
    if lane is None:
        _tasks.pop(greenlet, None)
    else:
        _tasks[greenlet] = lane
    return before


@contextmanager
def acting_for(lane: Lane) -> Iterator[None]:
    """Let what this thread starts meanwhile, outside any task, be started by `lane`, which waits for it."""
    before, _thread.lane = _thread.lane, lane
    try:
        yield
    finally:
        _thread.lane = before


@contextmanager
def standing_for(id: str) -> Iterator[Lane]:
    """Let the caller's task, or its thread outside any task, be the lane `id` meanwhile, and count from 0.

    So what a program does is numbered the same wherever it is called: in a process of its own, or in a test.
    """
    lane = _made(id)
    lane.within = program_frame()
    task = running_task()
    if task is None:
        before, _thread.lane = _thread.lane, lane
        try:
            yield lane
        finally:
            _thread.lane = before
        return
    known, _tasks[task] = _tasks.get(task), lane
    try:
        yield lane
    finally:
        if known is None:
            _tasks.pop(task, None)
        else:
            _tasks[task] = known


def _made(id: str) -> Lane:
    """A lane of the name `id`, with those above it."""
    above, _, last = id.rpartition(".")
    if not above:
        return Lane("main", None, id)
    kind = next(kind for kind, letter in _LETTER.items() if letter == last[:1])
    return Lane(kind, _made(above), id)


def context_of_task(lane: Lane) -> contextvars.Context:
    """Return the context for the task of `lane`: a copy of the caller's context that holds the lane."""
    context = contextvars.copy_context()
    context.run(_inherited.set, lane)
    return context


def adopt_task(task: Any, lane: Lane) -> None:
    """Assign `task` to `lane`."""
    lane.taken = True
    _tasks[task] = lane


def reset_after_fork() -> None:
    """Start anew in a forked child, whose main thread is a lane of its own."""
    _thread.lane = None
    _main.forget_arrivals()
    _main.begin_anew(({}, 0))


def running_asyncio() -> Any:
    """Return the module asyncio if one of its loops runs on this thread, without importing it (which takes 20 ms)."""
    events = sys.modules.get("asyncio.events")
    running_loop = getattr(events, "_get_running_loop", None)  # the documented, cheap form for libraries
    return sys.modules["asyncio"] if running_loop is not None and running_loop() is not None else None


def running_task() -> Any:
    """Return the asyncio or Trio task, or the greenlet, that runs on this thread, or None."""
    asyncio = running_asyncio()
    if asyncio is not None:
        return asyncio.current_task()
    lowlevel: Any = getattr(sys.modules.get("trio"), "lowlevel", None)  # another thread may still import it
    is_in_task = getattr(lowlevel, "in_trio_task", None)
    if is_in_task is not None and is_in_task():
        return lowlevel.current_task()
    return current_greenlet()


def _lane_of_new_task(task: Any) -> Lane:
    """The lane that was made for `task`; a new one if the task was started unseen, as before the hooks."""
    inherited = _inherited.get()
    if inherited is not None and inherited.kind in ("task", "nursery") and not inherited.taken:
        inherited.taken = True
        return inherited
    nursery = getattr(task, "parent_nursery", None)
    if nursery is not None:
        parent_task = nursery.parent_task
        parent = _tasks.get(parent_task)
        if parent is None:
            parent = _tasks[parent_task] = _lane_of_new_task(parent_task)
        return parent.child("nursery")
    spawner = spawner_of(task)
    spawners = _tasks.get(spawner) if spawner is not None else None
    return (inherited or spawners or _thread.lane or _main).child("task")
