"""Gives each task of a `multiprocessing.pool.ThreadPool` a lane of its own: its threads take whatever task is next."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tracekit.instrument.carry import Carried, new_lane
from tracekit.instrument.lanes import Lane, current_lane

__all__ = ["give_jobs"]


def give_jobs(original: Callable[..., Any]) -> Callable[..., Any]:
    """A pool's method that takes a function, which lets each task run as a job of the caller."""
    is_single = original.__name__ == "apply_async"
    is_starred = original.__name__.startswith("starmap")
    is_lazy = original.__name__.startswith("imap")

    @functools.wraps(original)
    def give(pool: Any, /, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if type(pool).__name__ != "ThreadPool":
            return original(pool, func, *args, **kwargs)
        if is_single:
            lane = new_lane("job", func)
            return original(
                pool, func if lane is None else functools.partial(Carried(lane).call, func), *args, **kwargs
            )
        iterable, args = (args[0], args[1:]) if args else (kwargs.pop("iterable"), ())
        tasks: Iterable[Any] = _tasks(func, iterable, current_lane())
        return original(
            pool, functools.partial(_run, func, is_starred), tasks if is_lazy else list(tasks), *args, **kwargs
        )

    return give


def _tasks(func: Callable[..., Any], iterable: Iterable[Any], parent: Lane) -> Iterator[tuple[Carried | None, Any]]:
    """The items of `iterable`, each with the lane of its task. A thread of the pool may ask for them."""
    for item in iterable:
        lane = new_lane("job", func, parent)
        yield None if lane is None else Carried(lane), item


def _run(func: Callable[..., Any], is_starred: bool, *task: Any) -> Any:
    """Run `func` with an item of `_tasks`, which the pool itself has unpacked if it `is_starred`."""
    carried, item = task if is_starred else task[0]
    arguments = tuple(item) if is_starred else (item,)
    return func(*arguments) if carried is None else carried.call(func, *arguments)
