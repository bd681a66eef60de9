"""Give every process that a replayed program starts a closed environment, however the program starts it.

Python processes that load our hook are replayed like their parent, under `tracekit replay`, or refuse the API's hosts.
All others have an address of the API, and proxies, that lead nowhere.

Only the standard library is needed here, since closed child processes load this module as they start.
"""

from __future__ import annotations

import _posixsubprocess
import functools
import os
import sys
from collections.abc import Callable
from typing import Any

from tracekit.instrument.replaced import Replaced
from tracekit.replayer import closed

__all__ = ["close_children", "release_children"]

_POPENS_ENV = 10
"""The place of `env` among the positional arguments of `Popen`."""

_FORKS_ENV = 5

_replaced = Replaced()


def close_children() -> None:
    """Give a closed environment to every process that this one starts from now on."""
    if "subprocess" in sys.modules:
        _replaced.replace(sys.modules["subprocess"].Popen, "__init__", _closed_popen)
    # What `subprocess` finds here when it is imported later, and what `multiprocessing` and joblib call.
    _replaced.replace(_posixsubprocess, "fork_exec", _closed_fork_exec)
    for name in ("execve", "posix_spawn", "posix_spawnp"):
        _replaced.replace(os, name, _closed_start)


def release_children() -> None:
    """Stop changing the environment of this process's children."""
    _replaced.restore()


def _closed_popen(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def start(process: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > _POPENS_ENV:
            args = (*args[:_POPENS_ENV], closed.for_child(args[_POPENS_ENV]), *args[_POPENS_ENV + 1 :])
        else:
            kwargs["env"] = closed.for_child(kwargs.get("env"))
        original(process, *args, **kwargs)

    return start


def _closed_fork_exec(original: Callable[..., int]) -> Callable[..., int]:
    """Wrap `fork_exec`, whose environment is a list of ``NAME=value``, or None for this process's own."""

    @functools.wraps(original)
    def fork_exec(*args: Any) -> int:
        given = args[_FORKS_ENV]
        # A module that was imported in a replay keeps this function.
        if given is None or not _replaced:
            return original(*args)
        pairs = (os.fsdecode(each).partition("=") for each in given)
        environment = closed.for_child({name: value for name, _, value in pairs})
        listed = [os.fsencode(f"{name}={os.fsdecode(value)}") for name, value in environment.items()]
        return original(*args[:_FORKS_ENV], listed, *args[_FORKS_ENV + 1 :])

    return fork_exec


def _closed_start(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap `os.execve`, `posix_spawn` or `posix_spawnp`: their third argument, `env`, is the environment."""

    @functools.wraps(original)
    def start(path: Any, argv: Any, env: Any, **kwargs: Any) -> Any:
        return original(path, argv, closed.for_child(env), **kwargs)

    return start
