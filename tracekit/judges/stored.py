"""The opinions of judges, stored in the home folder so that a second check costs nothing and agrees.

A line holds the digest of the redacted question, the judge's name and version, and the ruling. The first line holds.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tracekit.model.question import Question, Ruling
from tracekit.notes import add_note, notes_in
from tracekit.rules.judge import Opinion
from tracekit.system_clock import wall_ns

__all__ = ["StoredOpinions", "count_stored"]

_FILE = "judged.jsonl"


class StoredOpinions:
    """The opinions of the judge `name` at `version`, kept in `folder`. `redact` is applied to the judge's own words."""

    def __init__(self, folder: Path, name: str, version: str, redact: Callable[[str], str]) -> None:
        self._path = folder / _FILE
        self._judge = name, version
        self._redact = redact
        self._opinions: dict[str, Opinion] = {}
        for note in notes_in(self._path):
            if (note.get("judge"), note.get("version")) == self._judge and _is_whole(note):
                self._opinions.setdefault(note["question"], _opinion(note))

    def get(self, question: Question) -> Opinion | None:
        """Return the stored opinion on the redacted `question`; None where there is none."""
        return self._opinions.get(question.digest)

    def add(self, question: Question, opinion: Opinion) -> Opinion:
        """Store `opinion` if it is final; return it as it is stored."""
        ruling = opinion.ruling
        name, version = self._judge
        note: dict[str, Any] = {
            "t": wall_ns(),
            "question": question.digest,
            "judge": name,
            "version": version,
            "usd": opinion.usd,
            "note": self._redact(opinion.note),
            "ruling": None
            if ruling is None
            else {
                "is_dependent": ruling.is_dependent,
                "reason": self._redact(ruling.reason),
                "quote": self._redact(ruling.quote),
            },
        }
        kept = Opinion(_ruling(note), note["note"], opinion.usd, opinion.is_final)
        if opinion.is_final:
            self._opinions.setdefault(question.digest, kept)
            add_note(self._path, note)
        return kept


def count_stored(folder: Path) -> int:
    """Count the opinions that are stored in `folder`, of all judges."""
    return sum(_is_whole(note) for note in notes_in(folder / _FILE))


def _is_whole(note: dict[str, Any]) -> bool:
    ruling = note.get("ruling")
    if not isinstance(note.get("question"), str) or not isinstance(note.get("note"), str):
        return False
    if ruling is None:
        return True
    return (
        isinstance(ruling, dict)
        and isinstance(ruling.get("is_dependent"), bool)
        and all(isinstance(ruling.get(name), str) for name in ("reason", "quote"))
    )


def _opinion(note: dict[str, Any]) -> Opinion:
    return Opinion(_ruling(note), note["note"], 0.0)


def _ruling(note: dict[str, Any]) -> Ruling | None:
    ruling = note["ruling"]
    return None if ruling is None else Ruling(ruling["is_dependent"], ruling["reason"], ruling["quote"], note["judge"])
