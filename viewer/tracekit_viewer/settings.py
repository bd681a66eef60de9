"""The user's choices that outlive the viewer: theme and layout, in a small file of the tracekit home."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from tracekit_viewer.door import TracekitError, home

__all__ = ["SETTINGS_FILE", "ViewerSettings"]

SETTINGS_FILE = "viewer.json"


class ViewerSettings:
    """The settings of a user. A file that cannot be read or written is ignored."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        with suppress(OSError, ValueError, RecursionError, TracekitError):
            values = json.loads(self._path().read_text(encoding="utf-8"))
            self._values = values if isinstance(values, dict) else {}

    def text(self, name: str) -> str | None:
        """Return the text called `name`; None where it is not set."""
        value = self._values.get(name)
        return value if isinstance(value, str) else None

    def flag(self, name: str) -> bool | None:
        """Return the truth value called `name`; None where it is not set."""
        value = self._values.get(name)
        return value if isinstance(value, bool) else None

    def number(self, name: str) -> int | None:
        """Return the number called `name`; None where it is not set."""
        value = self._values.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def keep(self, name: str, value: str | float | bool | None) -> None:
        """Set `name` to `value`, and write the file; None forgets it."""
        if self._values.get(name) == value:
            return
        self._values[name] = value
        if value is None:
            del self._values[name]
        with suppress(OSError, TracekitError):
            path = self._path()
            if path.parent.is_dir():
                fresh = path.with_name(f"{path.name}.{os.getpid()}")
                fresh.write_text(json.dumps(self._values, indent=2, sort_keys=True) + "\n", encoding="utf-8")
                fresh.replace(path)

    @staticmethod
    def _path() -> Path:
        return home() / SETTINGS_FILE
