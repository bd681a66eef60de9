"""Finds runs on the disk: all of them, newest first, or the one that a user means."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tracekit.errors import AmbiguousRunError, JournalError, RunNotFoundError
from tracekit.journal.decode import Header
from tracekit.journal.files import days
from tracekit.journal.home import home
from tracekit.journal.reader import header_of, load_header
from tracekit.journal.traces import holds_trace, is_trace_id
from tracekit.model.text import printable

__all__ = ["NEWEST", "Entry", "all_runs", "find_run", "is_recorded", "segments_of", "service_of"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A run on the disk: its identity and its segments; whether it is a replay."""

    id: str
    name: str
    recorded_at_ns: int
    paths: tuple[Path, ...]
    is_replay: bool = False


def all_runs(
    limit: int | None = None, warnings: list[str] | None = None, *, wanted: Callable[[Entry], bool] = lambda _: True
) -> list[Entry]:
    """Every run under the folder for journals, newest recorded first; the first `limit` of them if that is given.

    `wanted` says which of them count.

    Files are opened a day at a time, so that a limit makes this cheap however many runs there are. What is wrong with a
    run that has no segment with a sound header is appended to `warnings`.

    Raises:
        HomeError: The folder is a file.
    """
    by_day = _files_by_day()
    runs = _by_run(path for paths in by_day.values() for path in paths)
    entries: dict[str, Entry | None] = {}
    for day in sorted(by_day, reverse=True):
        for path in by_day[day]:
            id = _run_id(path)
            if id not in entries:
                entry = _entry(runs[id], [] if warnings is None else warnings)
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


def service_of(entry: Entry) -> str:
    """Return the name of the service whose spans those of the run are: its program's, else the run's own name."""
    for path in entry.paths:
        header = header_of(path)
        if header is not None and isinstance(header.get("service"), str) and header["service"]:
            return str(header["service"])
    return entry.name


def find_run(text: str) -> Entry:
    """Find a run by ``last``, a file, an id or its beginning, a name, or a trace id.

    ``last`` and names mean no replay: ``last-replay`` is the newest of those.

    Raises:
        RunNotFoundError: It means none.
        AmbiguousRunError: It is a prefix of several ids, or a trace in which several runs take part.
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
    if is_trace_id(text.lower()) and (found := _run_of_trace(text.lower(), runs)) is not None:
        return found
    _tell_why_unreadable(text)
    raise RunNotFoundError(_not_found(text, runs))


def _run_of_trace(trace: str, runs: list[Entry]) -> Entry | None:
    """The run whose spans were exported in `trace`, None for none."""
    found = [run for run in runs if holds_trace(run.paths, trace)]
    if len(found) > 1:
        ids = ", ".join(run.id[:8] for run in found[:10])
        raise AmbiguousRunError(f"{trace!r} is a trace of {len(found)} runs: {ids}; give one of these ids")
    return found[0] if found else None


def _tell_why_unreadable(text: str) -> None:
    """Raise what keeps the segments of the run `text` from being read, if there are any."""
    for paths in _files_by_day().values():
        for path in paths:
            if text and path.name.startswith(text):
                load_header(path)


def is_recorded(entry: Entry) -> bool:
    """Return whether `entry` is a run that called the API itself, and not a replay."""
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
        return f"there is no run {text!r} except replays in {home()}, and a name does not select a replay; use `last-replay`"
    names = ", ".join(dict.fromkeys(printable(run.name, most=60) for run in runs[:20]))
    return (
        f"there is no run {text!r}: none has this id, prefix, name or trace among the {len(runs)} recorded in {home()}; "
        f"the newest are named {names}; `tracekit ls` lists them"
    )


def _file_entry(path: Path) -> Entry:
    if not path.is_file():
        raise RunNotFoundError(f"there is no file {str(path)!r}; a run is a file, an id, a prefix, a name or `last`")
    header = header_of(path)
    if header is None:
        return Entry("", path.stem, 0, (path,))
    return Entry(header["run"], header["name"], header["recorded_at_ns"], (path,), bool(header.get("replay_of")))


def _entry(paths: Iterable[Path], warnings: list[str]) -> Entry | None:
    """Return the run with the segments at `paths`, including unreadable segments, so that a reader reports them."""
    present: list[Path] = []
    problem = ""
    first: Header | None = None
    is_replay = False
    for path in paths:
        try:
            header = load_header(path)
        except JournalError as error:
            if path.exists():
                present.append(path)
                problem = str(error)
            continue
        present.append(path)
        is_replay |= bool(header.get("replay_of"))
        if first is None or header["recorded_at_ns"] < first["recorded_at_ns"]:
            first = header
    if first is None:
        if problem:
            warnings.append(f"a run is left out: {problem}")
        return None
    return Entry(first["run"], first["name"], first["recorded_at_ns"], tuple(present), is_replay)


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
    return {day.name: [Path(file.path) for file in day.files] for day in days(since)}
