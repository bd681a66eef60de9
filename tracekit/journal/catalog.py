"""Finds runs on the disk: all of them, newest first, or the one that a user means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tracekit.errors import AmbiguousRunError, HomeError, RunNotFoundError
from tracekit.journal.decode import Header
from tracekit.journal.home import HOME_VARIABLE, home, runs_folder
from tracekit.journal.reader import header_of, load_header
from tracekit.model.text import printable

__all__ = ["NEWEST", "Entry", "all_runs", "find_run", "is_recorded", "segments_of"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A run on the disk: its identity and its segments; whether it is a replay."""

    id: str
    name: str
    recorded_at_ns: int
    paths: tuple[Path, ...]
    is_replay: bool = False


def all_runs(limit: int | None = None, *, wanted: Callable[[Entry], bool] = lambda _: True) -> list[Entry]:
    """Every run under the folder for journals, newest recorded first; the first `limit` of them if that is given.

    `wanted` says which of them count.

    Files are opened a day at a time, so that a limit makes this cheap however many runs there are.

    Raises:
        HomeError: The folder is a file.
    """
    days = _files_by_day()
    runs = _by_run(path for paths in days.values() for path in paths)
    entries: dict[str, Entry | None] = {}
    for day in sorted(days, reverse=True):
        for path in days[day]:
            id = _run_id(path)
            if id not in entries:
                entry = _entry(runs[id])
                entries[id] = entry if entry is not None and wanted(entry) else None
        # A segment never lies under a day before its run, so a run that has only older ones is older than this day.
        if limit is not None and sum(_day_of(entry) >= day for entry in entries.values() if entry) >= limit:
            break
    found = [entry for entry in entries.values() if entry is not None]
    return sorted(found, key=lambda entry: (entry.recorded_at_ns, entry.id), reverse=True)[:limit]


def segments_of(id: str, since: str = "") -> list[Path]:
    """The segments of the run `id`, found by their names, from the day `since` on.

    Raises:
        HomeError: The folder for journals is a file.
    """
    return [path for paths in _files_by_day(since).values() for path in paths if _run_id(path) == id]


def find_run(text: str) -> Entry:
    """The run that `text` means: ``last``, a file, an id, a prefix of one, or a name (its newest run).

    ``last`` and names mean no replay: ``last-replay`` is the newest of those.

    Raises:
        RunNotFoundError: It means none.
        AmbiguousRunError: It is a prefix of several ids.
        JournalError: It is an id, and its journal is damaged or of a newer version.
        HomeError: The folder for journals is a file.
    """
    path = Path(text)
    if path.suffix == ".jsonl" or os.sep in text:
        return _file_entry(path)
    if text in NEWEST and (newest := all_runs(1, wanted=NEWEST[text])):
        return newest[0]
    runs = all_runs()
    matching = [run for run in runs if run.id == text] or [run for run in runs if text and run.id.startswith(text)]
    named = [run for run in runs if run.name == text and not run.is_replay and text not in NEWEST]
    if len(matching) == 1 and not named:
        return matching[0]
    if named:
        return named[0]
    if matching:
        ids = ", ".join(run.id[: len(text) + 6] for run in matching[:5])
        more = ", …" if len(matching) > 5 else ""
        raise AmbiguousRunError(f"{text!r} is the beginning of {len(matching)} run ids: {ids}{more}; give more digits")
    if path.is_file():
        return _file_entry(path)
    _tell_why_unreadable(text)
    raise RunNotFoundError(_not_found(text, runs))


def _tell_why_unreadable(text: str) -> None:
    """Raise what keeps the segments of the run `text` from being read, if there are any."""
    for paths in _files_by_day().values():
        for path in paths:
            if text and path.name.startswith(text):
                load_header(path)


def is_recorded(entry: Entry) -> bool:
    """Whether `entry` is a run that asked the API itself, and no replay."""
    return not entry.is_replay


NEWEST: dict[str, Callable[[Entry], bool]] = {
    "last": is_recorded,
    "last-replay": lambda entry: entry.is_replay,
    # Nothing makes forks yet; the word is kept for them.
    "last-fork": lambda _: False,
}
"""The words that mean the newest run of a kind, and which runs are of that kind."""


def _not_found(text: str, runs: list[Entry]) -> str:
    if not runs:
        return (
            f"there is no run {text!r}: nothing is recorded yet in {home()}; "
            "`tracekit demo` or `tracekit run PROGRAM` records one"
        )
    if text in ("last-replay", "last-fork"):
        return f"there is no {text.removeprefix('last-')} in {home()}; `tracekit replay RUN -- PROGRAM` makes a replay"
    if any(run.name == text for run in runs) or text == "last":
        return f"there is no run {text!r} but replays in {home()}, and a name means none of them; `last-replay` does"
    names = ", ".join(dict.fromkeys(printable(run.name, most=60) for run in runs[:20]))
    return (
        f"there is no run {text!r}: it is no id, prefix or name of the {len(runs)} recorded in {home()}; "
        f"the newest are named {names}; `tracekit ls` lists them"
    )


def _file_entry(path: Path) -> Entry:
    if not path.is_file():
        raise RunNotFoundError(f"there is no file {str(path)!r}; a run is a file, an id, a prefix, a name or `last`")
    header = header_of(path)
    if header is None:
        return Entry("", path.stem, 0, (path,))
    return Entry(header["run"], header["name"], header["recorded_at_ns"], (path,), bool(header.get("replay_of")))


def _entry(paths: Iterable[Path]) -> Entry | None:
    readable: list[Path] = []
    first: Header | None = None
    is_replay = False
    for path in paths:
        header = header_of(path)
        if header is not None:
            readable.append(path)
            is_replay |= bool(header.get("replay_of"))
            if first is None or header["recorded_at_ns"] < first["recorded_at_ns"]:
                first = header
    if first is None:
        return None
    return Entry(first["run"], first["name"], first["recorded_at_ns"], tuple(readable), is_replay)


def _day_of(entry: Entry) -> str:
    return datetime.fromtimestamp(entry.recorded_at_ns / 1e9, UTC).strftime("%Y-%m-%d")


def _run_id(path: Path) -> str:
    return path.name.partition(".")[0]


def _by_run(paths: Iterable[Path]) -> dict[str, list[Path]]:
    runs: dict[str, list[Path]] = {}
    for path in paths:
        runs.setdefault(_run_id(path), []).append(path)
    return runs


def _files_by_day(since: str = "") -> dict[str, list[Path]]:
    """The segments, as their names tell, by the day on which each was begun, from the day `since` on."""
    folder = runs_folder()
    try:
        with os.scandir(folder) as found:
            names = [day.name for day in found if day.name >= since]
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise HomeError(
            f"{HOME_VARIABLE}={home()} is, or lies below, a file; journals need a folder: set {HOME_VARIABLE} to one"
        ) from error
    except OSError as error:
        raise HomeError(f"the folder for journals cannot be read: {folder}: {error.strerror}") from error
    return {name: _files_in(folder / name) for name in names}


def _files_in(day: Path) -> list[Path]:
    try:
        with os.scandir(day) as found:
            return [day / file.name for file in found if file.name.endswith(".jsonl")]
    except (FileNotFoundError, NotADirectoryError):
        # It was pruned meanwhile, or is a file of somebody else's.
        return []
