"""Explain why a request may differ from the recorded one, and advise what to do."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from tracekit.journal.process import hash_seed
from tracekit.replayer.differences import Difference
from tracekit.replayer.volatile import KINDS, proposals

__all__ = ["hints_about", "passed_over"]


_HEAD = ("method", "path", "query", "anthropic-beta")
"""Places outside the body, to which no pattern applies."""


def passed_over(different: Sequence[Difference]) -> dict[str, str]:
    """Return the `ignore` entries that cover all differences, each with the kind of value that it covers.

    Only ids, dates and times are covered. Return nothing where anything else differs, since the program may have
    changed.
    """
    found: dict[str, str] = {}
    for difference in different:
        entries = proposals(difference)
        if difference.place in _HEAD or not entries or any(each.what not in KINDS for each in entries):
            return {}
        found.update((each.entry, each.what) for each in entries)
    return found


def hints_about(different: Sequence[Difference], recorded_seed: int | None) -> list[str]:
    """Return sentences that explain the differences. `recorded_seed` is the recording's hash seed."""
    ignored = passed_over(different)
    if ignored:
        *others, last = dict.fromkeys(ignored.values())
        what = " and ".join(filter(None, [", ".join(others), last]))
        passed = " ".join(f"--ignore {shlex.quote(entry)}" for entry in ignored)
        return [
            f"the only difference is {what}, which may change in every run: ignore it with {passed}",
            "or record the program again, and compare both recordings: tracekit replay RUN --calibrate OTHER",
        ]
    if _is_in_another_order(different):
        now = hash_seed()
        seeds = (
            f"; PYTHONHASHSEED was {recorded_seed} in the recording, and is {'not set' if now is None else now} here"
            if recorded_seed is not None and now != recorded_seed
            else ""
        )
        return [f"the same words in another order, as of a set or of what is done first: sort them{seeds}"]
    return []


def _is_in_another_order(different: Sequence[Difference]) -> bool:
    was, now = (sorted(word for each in pair for word in _words(each)) for pair in _sides(different))
    return len(was) > 1 and was == now


def _sides(different: Sequence[Difference]) -> tuple[list[Any], list[Any]]:
    return [each.recorded for each in different], [each.asked for each in different]


def _words(value: Any) -> list[str]:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text.split()
