"""Methods of others that ours stand before, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

__all__ = ["Replaced"]


class Replaced:
    """The methods of classes, and functions of modules, that were replaced. It is true while there are any."""

    def __init__(self) -> None:
        self._originals: list[tuple[type | ModuleType, str, Any | None]] = []

    def __bool__(self) -> bool:
        return bool(self._originals)

    def replace(self, owner: type | ModuleType, name: str, make: Callable[[Any], Any]) -> None:
        """Put what `make` makes of the method `name` of `owner` in its place."""
        # A library such as gevent may have put a subclass in place of the class, which inherits the method.
        is_own = name in owner.__dict__
        original = owner.__dict__[name] if is_own else getattr(owner, name)
        self._originals.append((owner, name, original if is_own else None))
        setattr(owner, name, make(original))

    def restore(self) -> None:
        """Put every method back, the last one first."""
        while self._originals:
            owner, name, original = self._originals.pop()
            if original is not None:
                setattr(owner, name, original)
            else:
                delattr(owner, name)
