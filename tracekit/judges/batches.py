"""The Batch API: half the price, and a result that may take an hour.

Which questions a batch holds is noted in the home folder, so that a check that has stopped waiting does not pay twice:
the next one fetches the results.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tracekit.notes import add_note, notes_in
from tracekit.system_clock import wall_ns

__all__ = ["Batches"]

_FILE = "judge-batches.jsonl"
_DAY_NS = 86_400_000_000_000
"""After a day every batch has ended, by the API's rule."""
_LONGEST_PAUSE_S = 30.0
_FAILURES = {"canceled": "the batch was cancelled", "expired": "the batch expired before it came to this question"}


class Batches:
    """Sends requests in batches and waits for their results, for `patience_s` seconds at most."""

    def __init__(self, folder: Path, patience_s: float, tell: Callable[[str], None]) -> None:
        self._path = folder / _FILE
        self._patience_s = patience_s
        self._tell = tell
        self._open: dict[str, str] = {}

    def is_open(self, digest: str) -> bool:
        """Return whether the question with this `digest` is in a batch that has not ended yet."""
        return digest in self._open

    def results(self, api: Any, judge: tuple[str, str], requests: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
        """Return, for each of `requests`, the message that responded to it, or a text that says why there is none.

        Args:
            api: The SDK's `messages.batches`.
            judge: The name and version of the judge.
            requests: Parameters of requests, by the digests of their questions.

        Raises:
            Exception: Whatever the SDK raises.
        """
        self._open = {digest: id for digest, id in self._noted(judge).items() if digest in requests}
        new = {digest: request for digest, request in requests.items() if digest not in self._open}
        if new:
            made = api.create(requests=[{"custom_id": digest, "params": params} for digest, params in new.items()])
            self._note({"batch": made.id, "judge": list(judge), "questions": list(new)})
            self._open.update(dict.fromkeys(new, made.id))
        found: dict[str, Any] = {}
        for id in self._ended(api, list(dict.fromkeys(self._open.values()))):
            for result in api.results(id):
                found[result.custom_id] = _message_or_reason(result.result)
            self._note({"ended": id})
            self._open = {digest: batch for digest, batch in self._open.items() if batch != id}
        return {digest: found.get(digest) or self._reason(digest) for digest in requests}

    def _ended(self, api: Any, ids: list[str]) -> Iterator[str]:
        """Yield each batch of `ids` when it has ended, until the time limit."""
        until = time.monotonic() + self._patience_s
        pause_s = 1.0
        is_announced = False
        while ids:
            ended = [id for id in ids if api.retrieve(id).processing_status == "ended"]
            yield from ended
            ids = [id for id in ids if id not in ended]
            left_s = until - time.monotonic()
            if not ids or left_s <= 0:
                return
            if not is_announced:
                is_announced = True
                self._tell(f"waits for batch {', '.join(ids)}, for {self._patience_s:g} s at most")
            time.sleep(min(pause_s, left_s))
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _reason(self, digest: str) -> str:
        if digest in self._open:
            return f"batch {self._open[digest]} has not ended; `tracekit check --judge --judge-batch` fetches it later"
        return "the batch has no result for this question"

    def _noted(self, judge: tuple[str, str]) -> dict[str, str]:
        """Return the batches of this judge's questions of the last day whose results were not fetched."""
        since_ns = wall_ns() - _DAY_NS
        noted: dict[str, str] = {}
        ended: set[str] = set()
        for note in notes_in(self._path):
            if isinstance(note.get("ended"), str):
                ended.add(note["ended"])
            is_whole = isinstance(note.get("batch"), str) and isinstance(note.get("questions"), list)
            if (
                is_whole
                and note.get("judge") == list(judge)
                and isinstance(note.get("t"), int)
                and note["t"] > since_ns
            ):
                noted.update(dict.fromkeys(map(str, note["questions"]), note["batch"]))
        return {digest: id for digest, id in noted.items() if id not in ended}

    def _note(self, note: dict[str, Any]) -> None:
        add_note(self._path, {"t": wall_ns(), **note})


def _message_or_reason(result: Any) -> Any:
    if result.type == "succeeded":
        return result.message
    if result.type == "errored":
        error = getattr(result.error, "error", result.error)
        return f"the API responded with {getattr(error, 'type', 'an error')}: {getattr(error, 'message', '')}"[:300]
    return _FAILURES.get(str(result.type), f"the batch gave {result.type}")
