"""The parts of a node's bar: waiting and streaming of a call, its attempts, pauses between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from tracekit_viewer.door import Node, Run, semconv
from tracekit_viewer.render.bars import FULL, HEAVY, LIGHT, WAIT, Bar
from tracekit_viewer.render.forest import CHAIN, Forest

__all__ = ["bars_of", "cap_of", "faded", "first_token_ns", "path_bars"]

_DELTA = b"content_block_delta"
_FIRST_PIECES = 64


def bars_of(forest: Forest, index: int, now_ns: int, *, folded: bool = False) -> list[Bar]:
    """The bars of the node at `index`, in the colour of its agent; what is open goes on until `now_ns`.

    A folded chain has the bars of its call over those of its first node.
    """
    node, agent = forest.nodes[index], forest.agent_of(forest.row(index, folded=folded)[-1])
    style = f"hue{forest.hues[agent]}" if agent >= 0 else "quiet"
    if node.status == "error":
        style = "error"
    elif node.kind in ("run", "turn", "span") and not (folded and forest.shapes[index] == CHAIN):
        style = "quiet"
    if folded and forest.shapes[index] == CHAIN:
        call = forest.nodes[forest.chain(index)[-1]]
        return [_plain(node, LIGHT, style, now_ns), *_attempts(forest.run, call, style, now_ns)]
    if node.kind == "llm":
        return [_plain(node, LIGHT, style, now_ns), *_attempts(forest.run, node, style, now_ns)]
    if node.kind == "attempt":
        return [*_pause(node), *_attempt(forest.run, node, style, now_ns)]
    if node.kind == "tool" and not node.children and not node.attributes.get(semconv.INFERRED_BOUNDS):
        return [_plain(node, HEAVY, style, now_ns)]
    return [_plain(node, WAIT if node.attributes.get(semconv.INFERRED_BOUNDS) else LIGHT, style, now_ns)]


def faded(bars: Iterable[Bar]) -> list[Bar]:
    """Return `bars` as they are drawn beside the critical path."""
    return [replace(bar, style="faint") for bar in bars]


def path_bars(
    forest: Forest, index: int, path: Mapping[str, Sequence[tuple[int, int]]], cell_ns: int, *, folded: bool
) -> list[Bar]:
    """The part of the critical `path` that the node at `index` decided; where it is folded, with all below it.

    What is shorter than half of the time of a cell, `cell_ns`, and the node's own code, would only be noise.
    """
    shown = forest.row(index, folded=folded)
    nodes = [forest.nodes[place] for place in range(index, forest.ends[index] if folded else shown[-1] + 1)]
    bars = []
    for node in nodes:
        # The attempts of most calls have no row of their own.
        ids = [node.id, *(child.id for child in node.children if child.kind == "attempt")]
        least_ns = cell_ns // 2 if node.children and node.kind != "llm" else 0
        bars += [Bar(*each, FULL, "path") for id in ids for each in path.get(id, ()) if each[1] - each[0] >= least_ns]
    return bars


def first_token_ns(run: Run, attempt: Node) -> int | None:
    """Return the arrival time of the first content of a streamed response, or None."""
    exchange = run.recording.exchanges.get(attempt.id)
    if exchange is None or len(exchange.pieces) < 2:
        return None
    return next((piece.at_ns for piece in exchange.pieces[:_FIRST_PIECES] if _DELTA in piece.data), None)


def _attempts(run: Run, llm: Node, style: str, now_ns: int) -> Iterator[Bar]:
    attempts = [child for child in llm.children if child.kind == "attempt"]
    if not attempts:
        yield _plain(llm, HEAVY, style, now_ns)
    # However short an attempt was, it is seen over the pause beside it.
    for attempt in attempts:
        yield from _pause(attempt)
    for attempt in attempts:
        yield from _attempt(run, attempt, "error" if attempt.status == "error" else style, now_ns)


def _attempt(run: Run, attempt: Node, style: str, now_ns: int) -> Iterator[Bar]:
    """Light until the first token, heavy from there; heavy as a whole where that isn't known."""
    first = first_token_ns(run, attempt)
    if first is None or first < attempt.start_ns:
        yield _plain(attempt, HEAVY, style, now_ns)
        return
    yield _plain(attempt, LIGHT, style, now_ns)
    end = now_ns if attempt.end_ns is None else attempt.end_ns
    yield Bar(first, max(first, end), HEAVY, style, cap_of(attempt))


def _pause(attempt: Node) -> Iterator[Bar]:
    wait = attempt.attributes.get(semconv.WAIT_MS)
    if isinstance(wait, (int, float)) and wait > 0:
        yield Bar(attempt.start_ns - round(wait * 1e6), attempt.start_ns, WAIT, "quiet")


def _plain(node: Node, weight: int, style: str, now_ns: int) -> Bar:
    end = now_ns if node.end_ns is None else node.end_ns
    return Bar(node.start_ns, max(node.start_ns, end), weight, style, cap_of(node))


def cap_of(node: Node) -> str:
    """Return the last character of the bar of a `node` without an end."""
    return {"open": "▸", "interrupted": "×"}.get(node.status, "")
