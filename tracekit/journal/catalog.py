"""Finds runs on the disk: all of them, newest first, or the one that a user means."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tracekit.errors import AmbiguousRunError, HomeError, RunNotFoundError
from tracekit.journal.home import HOME_VARIABLE, home, runs_folder
from tracekit.journal.reader import header_of

__all__ = ["Entry", "all_runs", "find_run"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A run on the disk: its identity and its segments."""

    id: str
    name: str
    recorded_at_ns: int
    paths: tuple[Path, ...]


def all_runs() -> list[Entry]:
    """Every run under the folder for journals, newest recorded first.

    Raises:
        HomeError: The folder is a file.
    """
    groups: dict[str, list[Path]] = {}
    for path in _segments():
        groups.setdefault(path.name.partition(".")[0], []).append(path)
    entries = [entry for paths in groups.values() if (entry := _entry(paths)) is not None]
    return sorted(entries, key=lambda entry: (entry.recorded_at_ns, entry.id), reverse=True)


def find_run(text: str) -> Entry:
    """The run that `text` means: ``last``, a file, an id, a prefix of one, or a name (its newest run).

    Raises:
        RunNotFoundError: It means none.
        AmbiguousRunError: It is a prefix of several ids.
        HomeError: The folder for journals is a file.
    """
    path = Path(text)
    if path.suffix == ".jsonl" or os.sep in text:
        return _file_entry(path)
    runs = all_runs()
    if text == "last" and runs:
        return runs[0]
    matching = [run for run in runs if run.id == text] or [run for run in runs if text and run.id.startswith(text)]
    named = [run for run in runs if run.name == text]
    if len(matching) == 1 and not named:
        return matching[0]
    if named:
        return named[0]
    if matching:
        ids = ", ".join(run.id[: len(text) + 6] for run in matching[:5])
        raise AmbiguousRunError(
            f"{text!r} is the beginning of {len(matching)} run ids: {ids}{', …' if len(matching) > 5 else ''}; give more digits"
        )
    if path.is_file():
        return _file_entry(path)
    raise RunNotFoundError(_not_found(text, runs))


def _not_found(text: str, runs: list[Entry]) -> str:
    if not runs:
        return f"there is no run {text!r}: nothing is recorded yet in {home()}; `tracekit demo` or `tracekit run PROGRAM` records one"
    names = ", ".join(dict.fromkeys(run.name for run in runs[:20]))
    return f"there is no run {text!r}: it is no id, prefix or name of the {len(runs)} recorded in {home()}; the newest are named {names}; `tracekit ls` lists them"


def _file_entry(path: Path) -> Entry:
    if not path.is_file():
        raise RunNotFoundError(f"there is no file {str(path)!r}; a run is a file, an id, a prefix, a name or `last`")
    header = header_of(path)
    if header is None:
        return Entry("", path.stem, 0, (path,))
    return Entry(header["run"], header["name"], header["recorded_at_ns"], (path,))


def _entry(paths: Iterable[Path]) -> Entry | None:
    headers = [(path, header) for path in paths if (header := header_of(path)) is not None]
    if not headers:
        return None
    first = min((header for _, header in headers), key=lambda header: header["recorded_at_ns"])
    return Entry(first["run"], first["name"], first["recorded_at_ns"], tuple(path for path, _ in headers))


def _segments() -> Iterable[Path]:
    folder = runs_folder()
    if home().is_file():
        raise HomeError(f"{HOME_VARIABLE}={home()} is a file; journals need a folder: set {HOME_VARIABLE} to one")
    return folder.glob("*/*.jsonl")
