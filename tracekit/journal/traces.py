"""Finds runs by the trace in which their spans were exported, which an application's own provider chooses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["holds_trace", "is_trace_id"]

_TRACE_ID = re.compile("[0-9a-f]{32}")


def is_trace_id(text: str) -> bool:
    """Return whether `text` has the form of a trace id: 32 lower-case hex digits."""
    return _TRACE_ID.fullmatch(text) is not None


def holds_trace(paths: Iterable[Path], trace: str) -> bool:
    """Return whether a span in the segments at `paths` belongs to `trace`; each file is read once, line by line."""
    return any(_has_span_of(path, trace) for path in paths)


def _has_span_of(path: Path, trace: str) -> bool:
    needle = f'"trace":"{trace}"'.encode()
    try:
        with path.open("rb") as file:
            # The text may also stand in what a model or a tool said.
            return any(needle in line and _trace_of(line) == trace for line in file)
    except OSError:
        return False


def _trace_of(line: bytes) -> str | None:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return data.get("trace") if isinstance(data, dict) and data.get("e") == "begin" else None
