"""Redact texts that come in pieces: credentials that only several events of a stream together spell out.

Each event is on the disk before the next one comes, so that a credential may stand there in pieces. Whoever reads the
record joins them, and what is joined is redacted again, here.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from tracekit.model.aws import are_frames, rewritten_frames
from tracekit.model.json_text import compact
from tracekit.privacy.credentials import body_without_credentials, redact_bytes
from tracekit.privacy.texts import json_body

if TYPE_CHECKING:
    from tracekit.privacy.pipeline import Privacy

__all__ = ["redacted_pieces", "spelled_out"]

_FIELDS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "partial_json"}
_DELTAS = re.compile(rb'"(?:text|thinking|partial_json)" ?: ?"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)

S = TypeVar("S", str, bytes)


def redacted_pieces(pieces: Sequence[bytes], privacy: Privacy) -> Sequence[bytes]:
    """Return the pieces of a response's body with placeholders for all that their joined texts show.

    The pieces of a stream are whole events. Where nothing is to be redacted, `pieces` themselves are returned.
    """
    whole = b"".join(pieces)
    if are_frames(whole):
        return _redacted_stream(pieces, privacy, rewritten_frames)
    if b"data:" in whole[:4096] and whole.startswith((b"event:", b"data:", b":", b"id:", b"retry:")):
        return _redacted_stream(pieces, privacy, _rewritten_events) if _may_spell(whole, privacy) else pieces
    if len(pieces) < 2:
        return pieces
    redacted = body_without_credentials(whole)
    if privacy.rules:
        redacted = body_without_credentials(json_body(redacted, privacy.rules.text))
    return pieces if redacted == whole else _spread(list(pieces), redacted)


def _may_spell(whole: bytes, privacy: Privacy) -> bool:
    if privacy.rules:
        return True
    spelled = spelled_out(whole)
    return redact_bytes(spelled) != spelled


def spelled_out(whole: bytes) -> bytes:
    """Return all texts by which the events of `whole` let blocks grow, in their order, as JSON escapes them."""
    return b"".join(_DELTAS.findall(whole))


class _Delta(NamedTuple):
    """A text that a block grows by, with the number of the delta among all of the stream."""

    number: int
    text: str


def _redacted_stream(
    pieces: Sequence[bytes], privacy: Privacy, rewrite: Callable[[bytes, Callable[[bytes], bytes]], bytes]
) -> Sequence[bytes]:
    """Read each block's deltas with one pass of `rewrite`, and replace those that changed with another."""
    blocks: dict[tuple[Any, str], list[_Delta]] = defaultdict(list)
    count = 0

    def read(event: bytes) -> bytes:
        nonlocal count
        found = _delta_of(event)
        if found is not None:
            blocks[found[0]].append(_Delta(count, found[1]))
        count += 1
        return event

    for piece in pieces:
        rewrite(piece, read)
    changed = _changed(blocks, privacy)
    if not changed:
        return pieces
    count = 0

    def replace(event: bytes) -> bytes:
        nonlocal count
        count += 1
        return _with_text(event, changed[count - 1]) if count - 1 in changed else event

    return [rewrite(piece, replace) for piece in pieces]


def _changed(blocks: dict[tuple[Any, str], list[_Delta]], privacy: Privacy) -> dict[int, str]:
    """Return the new texts of deltas by their numbers."""
    changed: dict[int, str] = {}
    for (_, field), deltas in blocks.items():
        texts = [delta.text for delta in deltas]
        joined = "".join(texts)
        redacted = _redacted_json(joined, privacy) if field == "partial_json" else privacy.text(joined)
        if redacted != joined:
            spread = _spread(texts, redacted)
            changed |= {delta.number: text for delta, text in zip(deltas, spread, strict=True) if delta.text != text}
    return changed


def _redacted_json(joined: str, privacy: Privacy) -> str:
    try:
        value = json.loads(joined)
        redacted = privacy.value(value)
        return joined if redacted == value else compact(redacted)
    except (ValueError, RecursionError):
        return privacy.text(joined)


def _spread(pieces: Sequence[S], redacted: S) -> list[S]:
    """Cut `redacted` into as many pieces as it was joined from, alike where the text is the same."""
    joined = pieces[0][:0].join(pieces)
    most = min(len(joined), len(redacted))
    begin = next((at for at in range(most) if joined[at] != redacted[at]), most)
    end = next((at for at in range(most - begin) if joined[-1 - at] != redacted[-1 - at]), most - begin)
    tail = len(joined) - end
    spread: list[S] = []
    at = 0
    is_put = False
    for number, piece in enumerate(pieces):
        to = at + len(piece)
        new = joined[at : max(at, min(to, begin))]
        if not is_put and (begin < to or number == len(pieces) - 1):
            is_put = True
            new += redacted[begin : len(redacted) - end]
        spread.append(new + joined[max(at, tail) : max(to, tail)] if to > tail else new)
        at = to
    return spread


# ── events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _rewritten_events(piece: bytes, rewrite: Callable[[bytes], bytes]) -> bytes:
    """Apply `rewrite` to the data of each event in `piece`."""
    if b"delta" not in piece:
        return piece
    lines = piece.split(b"\n")
    for number, line in enumerate(lines):
        if line.startswith(b"data:"):
            data = line[5:].strip()
            new = rewrite(data)
            if new != data:
                lines[number] = b"data: " + new + (b"\r" if line.endswith(b"\r") else b"")
    return b"\n".join(lines)


def _delta_of(event: bytes) -> tuple[tuple[Any, str], str] | None:
    """Return the block and the field that the event adds to, and the text; None for another event."""
    if b"content_block_delta" not in event:
        return None
    try:
        data = json.loads(event)
        field = _FIELDS[data["delta"]["type"]]
        return (str(data["index"]), field), str(data["delta"][field])
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _with_text(event: bytes, text: str) -> bytes:
    data = json.loads(event)
    data["delta"][_FIELDS[data["delta"]["type"]]] = text
    return compact(data).encode("utf-8", "backslashreplace")
