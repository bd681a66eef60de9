"""Spans that could not be exported, kept beside the journals so that `tracekit doctor`, another process, can tell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tracekit.notes import add_note, notes_in
from tracekit.otlp.ledger import Abandoned, take_abandoned
from tracekit.otlp.outbox import Loss
from tracekit.system_clock import wall_ns

__all__ = ["Lost", "lost_since", "note_abandoned", "note_loss", "note_resent"]

_FILE = "otlp-lost.jsonl"
_MOST_BYTES = 64_000

ENDED_EARLY = "the process ended before they were sent: by a signal, os._exit or terminate()"


class Lost(NamedTuple):
    """Spans that `processes` processes lost, and those that went without their content.

    The rest is of the last of these processes: when, where to, why, and of which runs.
    """

    spans: int
    cut: int
    processes: int
    at_ns: int
    endpoint: str
    reason: str
    runs: tuple[str, ...]


def note_loss(folder: Path, endpoint: str, loss: Loss, runs: Sequence[str] = ()) -> None:
    """Add a line for a process that lost spans of `runs`. Errors of the disk are ignored."""
    _note(folder, {"pid": os.getpid(), "endpoint": endpoint, **loss._asdict(), "runs": list(runs)})


def note_abandoned(folder: Path) -> list[Abandoned]:
    """Add a line for each process that ended without a word and had spans to send; returns their accounts."""
    found = list(take_abandoned(folder))
    for each in found:
        line = {"pid": each.pid, "endpoint": each.endpoint, "sent": 0, "lost": each.lost, "reason": ENDED_EARLY}
        _note(folder, {**line, "runs": list(each.runs)})
    return found


def note_resent(folder: Path, run: str) -> None:
    """Add a line that says that all spans of `run` were sent after all."""
    if (folder / _FILE).exists():
        _note(folder, {"resent": run})


def _note(folder: Path, line: dict[str, Any]) -> None:
    add_note(folder / _FILE, {"t": wall_ns(), **line}, _MOST_BYTES)


def lost_since(folder: Path, since_ns: int) -> Lost | None:
    """Return the spans lost since `since_ns` (nanoseconds since the epoch) and not sent later, or None."""
    notes = (_whole(note) for note in notes_in(folder / _FILE))
    read = [each for each in notes if each is not None and each["t"] >= since_ns]
    resent = {each["resent"]: each["t"] for each in read if "resent" in each}
    found = [each for each in read if "lost" in each and not _is_resent(each, resent)]
    if not found:
        return None
    last = max(found, key=lambda each: each["t"])
    return Lost(
        sum(each["lost"] for each in found),
        sum(each["cut"] for each in found),
        len(found),
        last["t"],
        last["endpoint"],
        last["reason"],
        tuple(last["runs"]),
    )


def _is_resent(line: dict[str, Any], resent: dict[str, int]) -> bool:
    runs = line["runs"]
    return bool(runs) and all(resent.get(run, 0) > line["t"] for run in runs)


def _whole(note: dict[str, Any]) -> dict[str, Any] | None:
    """The note, with defaults for what older versions did not write; None if it is not one of ours."""
    data = {"cut": 0, "runs": [], **note}
    wanted = {"t": int, "resent": str} if "resent" in data else _WANTED
    if not all(isinstance(data.get(name), kind) for name, kind in wanted.items()):
        return None
    return data if all(isinstance(run, str) for run in data["runs"]) else None


_WANTED = {"t": int, "lost": int, "cut": int, "endpoint": str, "reason": str, "runs": list}
