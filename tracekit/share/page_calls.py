"""The conversations of the HTML page: the messages that each call adds, and the pace at which its response came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracekit.analysis.new_messages import messages_of
from tracekit.model.messages import BodyReader, ResponseContent
from tracekit.model.recording import Exchange
from tracekit.model.text import printable
from tracekit.model.tree import Node, Run
from tracekit.share.safe import safe_text

__all__ = ["calls_data", "results_in"]

_MOST_MOMENTS = 120
"""Moments of a stream that playback shows."""

_GROWING = ("text", "thinking", "tool_use")


def calls_data(run: Run, places: Mapping[str, int]) -> dict[int, dict[str, Any]]:
    """Return the content blocks that each call of `run` adds, by the place of the call."""
    found: dict[int, dict[str, Any]] = {}
    for row in messages_of(run):
        block: dict[str, Any] = {
            "role": printable(row.role),
            "kind": printable(row.block),
            "text": safe_text(row.text or ""),
        }
        if row.tool is not None:
            block["tool"] = printable(row.tool)
        if row.tool_call_id is not None:
            block["id"] = printable(row.tool_call_id)
        call = found.setdefault(places[row.call], {"sent": [], "received": []})
        call["received" if row.is_answer else "sent"].append(block)
    for node in run.root.walk():
        pace = _pace(node, run) if node.kind == "llm" and places[node.id] in found else []
        if pace:
            found[places[node.id]]["pace"] = pace
    return found


def results_in(calls: Mapping[int, Mapping[str, Any]]) -> dict[str, str]:
    """Return the texts of tool results in conversations, by the id of the tool call."""
    blocks = (block for call in calls.values() for block in call["sent"])
    return {block["id"]: block["text"] for block in blocks if block["kind"] == "tool_result" and "id" in block}


def _pace(call: Node, run: Run) -> list[list[int]]:
    """Return moments of a stream: a time, the number of blocks, the characters of the last block.

    Times count from the begin of the run. The number of characters is -1 for a block that is whole.
    """
    exchange = run.exchange_of(call)
    if exchange is None or len(exchange.pieces) < 2:
        return []
    return _moments(exchange, run.root.start_ns)


def _moments(exchange: Exchange, zero_ns: int) -> list[list[int]]:
    reader = BodyReader(exchange.headers.get("content-type", ""))
    pieces = exchange.pieces
    step = max(1, len(pieces) // _MOST_MOMENTS)
    moments: list[list[int]] = []
    for number, piece in enumerate(pieces):
        reader.feed(piece.data)
        if number % step == 0 or number == len(pieces) - 1:
            blocks, characters = _arrived(reader.answer)
            if blocks:
                moments.append([piece.at_ns - zero_ns, blocks, characters])
    return moments


def _arrived(answer: ResponseContent) -> tuple[int, int]:
    """Return the number of blocks of `answer` so far, and of characters in the last; -1 if that is whole."""
    content = (answer.message or {}).get("content") or ()
    if not content:
        return 0, 0
    last = content[-1]
    if answer.complete or last.get("type") not in _GROWING:
        return len(content), -1
    text = str(last.get(str(last["type"])) or "") if last["type"] != "tool_use" else ""
    return len(content), len(text) + len(answer.partial_input(len(content) - 1))
