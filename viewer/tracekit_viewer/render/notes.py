"""Notes on content that is there or missing."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from tracekit_viewer.door import Node, Run
from tracekit_viewer.render.block import STEP, Block, Line, Style
from tracekit_viewer.render.bodies import Text

__all__ = ["failure_blocks", "kept_note", "note"]

_KEPT = {
    "metadata": "Texts were recorded as hashes only (TRACEKIT_CONTENT=metadata).",
    "off": "No texts were recorded (TRACEKIT_CONTENT=off).",
}


def note(key: str, text: str, style: Style = "dim", *, bare: bool = False) -> Block:
    """A sentence; `bare` without a line at its left."""
    if bare:
        return Block(key, ((text, style),))
    return Block(key, body=Text(text, style), bar=style, folded=STEP)


def kept_note(run: Run) -> list[Block]:
    """Return notes about content that was not kept."""
    modes = {segment.content for segment in run.recording.segments}
    return [note(f"kept {mode}", _KEPT[mode], "warning") for mode in sorted(modes & _KEPT.keys())]


def failure_blocks(node: Node, error: Mapping[str, Any] | None = None) -> list[Block]:
    """Return the reason why `node` failed; `error` is the response's own."""
    told = []
    # The type of an HTTP failure is its status, and its message the type of the error in the answer.
    if node.failure is not None and not (error is not None and node.failure.message == error.get("type")):
        told.append((node.failure.type, node.failure.message))
    if error is not None:
        told.append((str(error.get("type", "error")), str(error.get("message", ""))))
    blocks = []
    for number, (type, message) in enumerate(dict.fromkeys(told)):
        body = Text(message, "error") if message else None
        head: Line = (("✗ ", "error"), (type, "error"))
        blocks.append(Block(f"failure {number}", head, body=body, bar="error", copied=partial(str, message)))
    return blocks
