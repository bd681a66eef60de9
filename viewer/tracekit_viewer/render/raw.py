"""Requests and answers as they were recorded: the bytes, and when each piece came."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from tracekit_viewer.door import Exchange, Node, Piece, Run, counted, duration, size
from tracekit_viewer.render.attempts import attempts_of
from tracekit_viewer.render.block import Block, Line, Shown
from tracekit_viewer.render.bodies import KeyValues, Text
from tracekit_viewer.render.notes import kept_note, note
from tracekit_viewer.render.text import cells, wrap

__all__ = ["raw_blocks"]

_MOST = 40
"""Attempts of a large node; the others have rows of their own in the tree."""


def raw_blocks(run: Run, node: Node) -> list[Block]:
    """The exchanges of `node`, as recorded."""
    exchanges = run.recording.exchanges
    found = [exchanges[attempt.id] for attempt in islice(attempts_of(node), _MOST) if attempt.id in exchanges]
    if not found:
        return [note("none", "No request or answer of this is recorded.")]
    return [*kept_note(run), *(block for exchange in found for block in _blocks(run, exchange))]


def _blocks(run: Run, exchange: Exchange) -> Iterator[Block]:
    request = exchange.request
    query = f"?{request.query}" if request.query else ""
    target = f"{request.host}{request.path}{query}"
    body = request.body
    key = exchange.attempt
    head: Line = ((f"{request.method} ", "strong"), (target, "text"))
    yield Block(f"{key} request", head, body=KeyValues(tuple(sorted(request.headers.items()))), bar="user", folded=4)
    if body is None:
        yield note(f"{key} unseen", "Its body was not kept.")
    else:
        text = body.decode("utf-8", "replace")
        yield Block(
            f"{key} asked", (("request body", "dim"),), size(len(body)), Text(text), "user", copied=lambda: text
        )
    if not exchange.status:
        yield note(f"{key} unanswered", "No answer came.", "warning")
        return
    began = run.recording.spans[key].start_ns if key in run.recording.spans else 0
    answered = f"after {duration(exchange.answered_ns - began)}" if exchange.answered_ns and began else ""
    status: Line = (("HTTP ", "strong"), (str(exchange.status), "good" if exchange.status < 400 else "error"))
    headers = KeyValues(tuple(sorted(exchange.headers.items())))
    yield Block(f"{key} answer", status, answered, headers, "assistant", folded=4)
    pieces = Pieces(exchange.pieces, began)
    summary = f"{counted(len(exchange.pieces), 'piece')}, {size(sum(len(piece.data) for piece in exchange.pieces))}"
    yield Block(
        f"{key} body", (("answer body", "dim"),), summary, pieces, "assistant", folded=24,
        copied=lambda: exchange.body.decode("utf-8", "replace"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pieces:
    """The pieces of an answer's body, each with its time since `began_ns` in front."""

    pieces: Sequence[Piece]
    began_ns: int

    def shown(self, width: int, most: int) -> Shown:
        """Return the first `most` rows."""
        lines = list(islice(self._lines(width), most + 1))
        if len(lines) <= most:
            return Shown(lines)
        return Shown(lines[:most], f"more of {counted(len(self.pieces), 'piece')}")

    def _lines(self, width: int) -> Iterator[Line]:
        for piece in self.pieces:
            at = f"+{(piece.at_ns - self.began_ns) / 1e9:.3f} s"
            lead = f"{at:>10}  "
            text = piece.data.decode("utf-8", "replace").strip("\n")
            start = 0
            while start <= len(text):
                end = text.find("\n", start)
                end = len(text) if end < 0 else end
                for row in wrap(text, max(8, width - cells(lead)), start, end):
                    yield (lead, "dim"), (row, "text")
                    lead = " " * len(lead)
                start = end + 1
