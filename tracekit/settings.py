"""Settings of the user's project: the table ``[tool.tracekit]`` of the nearest ``pyproject.toml``."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.errors import SettingsError

__all__ = ["Settings", "project_settings", "read_toml"]


class Settings(NamedTuple):
    """The table, empty where there is none, and where it stands, for messages."""

    table: dict[str, Any]
    where: str


def project_settings(folder: Path | None = None) -> Settings:
    """The settings that hold in `folder`, by default the current one: the nearest pyproject.toml's, upwards.

    Raises:
        SettingsError: That file cannot be read.
    """
    return _settings(folder or Path.cwd())


@lru_cache(maxsize=8)
def _settings(folder: Path) -> Settings:
    for parent in (folder, *folder.parents):
        project = parent / "pyproject.toml"
        if project.is_file():
            table = read_toml(project).get("tool", {}).get("tracekit", {})
            return Settings(table if isinstance(table, dict) else {}, f"[tool.tracekit] in {project}")
    return Settings({}, "no pyproject.toml")


def read_toml(path: Path) -> dict[str, Any]:
    """What the TOML file at `path` holds.

    Raises:
        SettingsError: It cannot be read.
    """
    import tomllib  # noqa: PLC0415  on the path of `init()` only where there is a file to read

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
