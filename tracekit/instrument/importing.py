"""Calls a function when a module is imported, or now if it is.

Its own few lines, since the known library for it (wrapt) takes as long to import as the whole of `tracekit.init()` may.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # It loads a good deal that only resources need.
    from importlib.abc import Loader

__all__ = ["loaded", "when_imported"]

_waiting: dict[str, Callable[[ModuleType], object]] = {}


def when_imported(name: str, action: Callable[[ModuleType], object]) -> None:
    """Call `action` with the module `name` once that has been executed; at once if it has been already."""
    module = sys.modules.get(name)
    if module is not None and not _is_initializing(module):
        action(module)
        return
    _waiting[name] = action
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def loaded(name: str) -> ModuleType | None:
    """Return the module `name` if it is imported; None while another thread still imports it."""
    module = sys.modules.get(name)
    return None if module is None or _is_initializing(module) else module


def _is_initializing(module: ModuleType) -> bool:
    return bool(getattr(getattr(module, "__spec__", None), "_initializing", False))


class _Finder:
    """Finds nothing by itself: it asks the other finders and wraps the loader of a module that is waited for."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in _waiting:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None and hasattr(spec.loader, "exec_module"):
                    _act_after(spec.loader, fullname)
                return spec
        return None


def _act_after(loader: Loader, name: str) -> None:
    """Make this one `loader` act after it has executed the module.

    The loader stays the object that it is, so that resources, source and zip archives work as without us.
    """
    execute = loader.exec_module

    def exec_module(module: ModuleType) -> None:
        execute(module)
        action = _waiting.pop(name, None)
        if action is not None:
            action(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]
