"""A folder that the agents of a team share, and the tools by which they work in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tracekit import semconv
from tracekit.runtime.record import note
from tracekit.runtime.tools import Tool, as_tool

__all__ = ["TOOL_NAMES", "Workspace"]

TOOL_NAMES = ("list_files", "read_file", "write_file")

_MOST_FILES = 1000
_LARGEST_READ = 1_000_000


class Workspace:
    """The folder at `path`. Nothing outside it can be reached through its tools, by `..`, links or absolute paths."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # Agents are told the path as it was given, so that a relative one makes the same requests anywhere.
        self.path = os.fspath(path)
        self._root = Path(path).resolve()

    @property
    def instructions(self) -> str:
        """Return the text about the workspace for an agent's system prompt."""
        return (
            f"You share a workspace with other agents: the folder {self.path}. {', '.join(TOOL_NAMES)} work in it; "
            "give them paths relative to it."
        )

    def make(self) -> None:
        """Create the folder if it does not exist."""
        self._root.mkdir(parents=True, exist_ok=True)

    def tools(self) -> list[Tool]:
        """The tools, for one agent."""
        return [as_tool(self.list_files), as_tool(self.read_file), as_tool(self.write_file)]

    def list_files(self, folder: str = ".") -> str:
        """List the files of the workspace, or of one folder in it and those below it, a path a line.

        Args:
            folder: The folder, relative to the workspace.
        """
        place = self._place(folder)
        if not place.is_dir():
            raise NotADirectoryError(f"{folder!r} is not a folder of the workspace")
        note({semconv.WORKSPACE_READS: [f"{self._named(place)}/"]})
        found = list(self._files(place))
        lines = found[:_MOST_FILES]
        if len(found) > len(lines):
            lines.append("… and more; list one of the folders")
        return "\n".join(lines) or "(no files)"

    def read_file(self, path: str) -> str:
        """Read a text file of the workspace.

        Args:
            path: The file, relative to the workspace.
        """
        place = self._place(path)
        if not place.is_file():
            raise FileNotFoundError(f"{path!r} is not a file of the workspace")
        note({semconv.WORKSPACE_READS: [self._named(place)]})
        size = place.stat().st_size
        if size > _LARGEST_READ:
            raise ValueError(f"{path!r} has {size} bytes; read_file reads up to {_LARGEST_READ}")
        return place.read_bytes().decode()

    def write_file(self, path: str, content: str) -> str:
        """Write a text file of the workspace, with the folders that it needs; what it held is replaced.

        Args:
            path: The file, relative to the workspace.
            content: The whole new content.
        """
        place = self._place(path)
        if place.exists() and not place.is_file():
            raise FileExistsError(f"{path!r} exists and is not a file")
        note({semconv.WORKSPACE_WRITES: [self._named(place)]})
        data = content.encode()
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return f"{self._named(place)}: {len(data)} bytes written"

    def _place(self, path: str) -> Path:
        """Return the file to which `path` leads, with links followed.

        Raises:
            PermissionError: It leads out of the workspace.
        """
        place = (self._root / path).resolve()
        if not place.is_relative_to(self._root):
            raise PermissionError(f"{path!r} is outside the workspace")
        return place

    def _named(self, place: Path) -> str:
        return place.relative_to(self._root).as_posix()

    def _files(self, folder: Path) -> Iterator[str]:
        """One file more than are listed, in order; links to folders are not followed."""
        count = 0
        for place, folders, files in os.walk(folder):
            folders.sort()
            for name in sorted(files):
                if count > _MOST_FILES:
                    return
                count += 1
                yield self._named(Path(place, name))
