"""Settings of the user's project: the table ``[tool.tracekit]`` of the nearest ``pyproject.toml``."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.errors import SettingsError

__all__ = ["Settings", "project_settings", "read_toml"]

_TABLES = ("check", "judge", "prices", "redact", "tools")

_MAY_HAVE_TABLE = re.compile(r"""^\s*\[*\s*["']?tool["']?\s*(?:\]|=|\.\s*["']?tracekit)""", re.MULTILINE)
"""Matches a file in which the table may stand. Most have none, and to parse them takes longer than the rest of `init()`."""


class Settings(NamedTuple):
    """The table, empty where there is none, and where it stands, for messages."""

    table: dict[str, Any]
    where: str


def project_settings(folder: Path | None = None) -> Settings:
    """The settings that hold in `folder`, by default the current one: the nearest pyproject.toml's, upwards.

    Raises:
        SettingsError: The file cannot be read, or the table has what nobody reads.
    """
    return _settings(folder or Path.cwd())


@lru_cache(maxsize=8)
def _settings(folder: Path) -> Settings:
    for parent in (folder, *folder.parents):
        project = parent / "pyproject.toml"
        if project.is_file():
            where = f"[tool.tracekit] in {project}"
            text = _text_of(project)
            content = _parsed(text, project) if _MAY_HAVE_TABLE.search(text) else {}
            return Settings(_known(content.get("tool", {}).get("tracekit", {}), where), where)
    return Settings({}, "no pyproject.toml")


def _known(table: Any, where: str) -> dict[str, Any]:
    """Return `table`, or raise an error if it has other names than `_TABLES`, which would have no effect."""
    if not isinstance(table, dict):
        raise SettingsError(f"{where} is {table!r}; it must be a table")
    unknown = sorted(set(table) - set(_TABLES))
    if unknown:
        raise SettingsError(f"{where} has {', '.join(unknown)}; it may have {', '.join(_TABLES)}")
    return table


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of the TOML file at `path`.

    Raises:
        SettingsError: It cannot be read.
    """
    return _parsed(_text_of(path), path)


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _parsed(text: str, path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  on the path of `init()` only where there is a table to read

    try:
        return tomllib.loads(text)
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
