"""The HTTP requests of a call, one by one: how each went, and what the SDK waited before it."""

from __future__ import annotations

from collections.abc import Iterator

from tracekit_viewer.door import Exchange, Node, Run, answer_of, count, duration, semconv, size
from tracekit_viewer.render.block import STEP, Block, Line, Part, Style
from tracekit_viewer.render.bodies import KeyValues, Table
from tracekit_viewer.render.family import calls_below
from tracekit_viewer.render.message import body_of
from tracekit_viewer.render.notes import failure_blocks, note

__all__ = ["attempts_blocks", "attempts_of"]

_MOST_ERROR = 20_000


def attempts_of(node: Node) -> list[Node]:
    """The attempts in `node`, in order."""
    if node.kind == "attempt":
        return [node]
    return [child for call in _calls(node) for child in call.children if child.kind == "attempt"]


def _calls(node: Node) -> Iterator[Node]:
    """The calls in `node`; a turn's own, without those of the agents it asked for."""
    return calls_below(node, other_agents=node.kind != "turn")


def attempts_blocks(run: Run, node: Node) -> list[Block]:
    """Return the attempts of a call or turn with their facts; for an agent or run, the failed attempts."""
    found = attempts_of(node)
    if not found:
        return [note("none", "No request was made here.")]
    numbers = {attempt.id: number for number, attempt in _numbered(node)}
    shown, blocks = found, []
    if node.kind not in ("llm", "attempt", "turn"):
        shown = [attempt for attempt in found if attempt.status != "ok" or numbers[attempt.id] > 1]
        words = f"{count(len(found))} requests; {count(len(shown))} failed, were repeated or never ended"
        blocks.append(note("summary", words if shown else f"{count(len(found))} requests; all went well at once"))
    if len(shown) > 1:
        blocks.append(Block("table", body=_table(run, shown, numbers), folded=30))
    for attempt in shown[:200]:
        blocks += _blocks(run, attempt, numbers[attempt.id])
    return blocks


def _numbered(node: Node) -> Iterator[tuple[int, Node]]:
    """Each attempt's number within its call."""
    if node.kind == "attempt":
        resent = node.attributes.get(semconv.HTTP_RESEND_COUNT)
        yield (resent + 1 if isinstance(resent, int) else 1), node
        return
    for call in _calls(node):
        yield from enumerate((child for child in call.children if child.kind == "attempt"), 1)


def _table(run: Run, attempts: list[Node], numbers: dict[str, int]) -> Table:
    rows: list[tuple[Part, ...]] = []
    for attempt in attempts:
        exchange = run.recording.exchanges.get(attempt.id)
        words, style = _status(attempt)
        rows.append(
            (
                (str(numbers[attempt.id]), "dim"),
                (_wait(attempt) or "·", "text"),
                (duration(attempt.duration_ns(run.last_ns)), "text"),
                (_first_chunk(attempt, exchange) or "·", "text"),
                (words, style),
            )
        )
    return Table(("#", "waited", "took", "first chunk", "status"), tuple(rows), frozenset((0, 1, 2, 3)))


def _blocks(run: Run, attempt: Node, number: int) -> Iterator[Block]:
    exchange = run.recording.exchanges.get(attempt.id)
    words, style = _status(attempt)
    head: Line = ((f"attempt {number}  ", "strong"), (words, style))
    facts = [
        ("waited before", _wait(attempt)),
        ("the server asked for", _text(attempt, semconv.RETRY_AFTER)),
        ("took", duration(attempt.duration_ns(run.last_ns))),
        ("first chunk after", _first_chunk(attempt, exchange)),
        ("chunks", _chunks(exchange)),
        ("request id", _text(attempt, semconv.REQUEST_ID)),
        ("to", f"{exchange.request.method} {exchange.request.host}{exchange.request.path}" if exchange else ""),
        ("came to its end", _text(attempt, semconv.OUTCOME)),
    ]
    body = KeyValues(tuple((name, value) for name, value in facts if value))
    bar: Style = "dim" if attempt.status == "ok" else style
    error_body = _error_body(exchange)
    error = (
        answer_of(exchange.body, exchange.headers.get("content-type", "")).error
        if exchange and not error_body
        else None
    )
    why = failure_blocks(attempt, error) if not error_body else []
    yield Block(f"{attempt.id}", head, body=body, bar=bar, folded=STEP, apart=not (error_body or why))
    for index, block in enumerate(why):
        yield Block(
            f"{attempt.id} why {index}",
            block.head,
            body=block.body,
            bar="error",
            copied=block.copied,
            apart=not error_body,
        )
    if error_body:
        yield Block(
            f"{attempt.id} body",
            (("its body", "dim"),),
            body=body_of(error_body),
            bar="error",
            copied=lambda: error_body,
        )


def _error_body(exchange: Exchange | None) -> str:
    """Return the text of an error response."""
    if exchange is None or exchange.status < 400:
        return ""
    return exchange.body[:_MOST_ERROR].decode("utf-8", "replace")


def _status(attempt: Node) -> tuple[str, Style]:
    status = attempt.attributes.get(semconv.HTTP_STATUS)
    if attempt.status == "open":
        return f"{status} streaming" if status else "open", "user"
    if attempt.status == "interrupted":
        return f"{status or ''} interrupted".strip(), "warning"
    if attempt.status == "error":
        return f"{status or ''} {_why(attempt, status)}".strip(), "error"
    return f"{status or ''} ok".strip(), "good"


def _why(attempt: Node, status: object) -> str:
    """The error's type: the conventions give the status for it, where the server answered."""
    failure = attempt.failure
    if failure is None:
        return "error"
    return failure.message if failure.type == str(status) and failure.message else failure.type


def _wait(attempt: Node) -> str:
    wait = attempt.attributes.get(semconv.WAIT_MS)
    return duration(round(wait * 1e6)) if isinstance(wait, (int, float)) and wait else ""


def _first_chunk(attempt: Node, exchange: Exchange | None) -> str:
    if exchange is None or not exchange.pieces:
        return ""
    return duration(exchange.pieces[0].at_ns - attempt.start_ns)


def _chunks(exchange: Exchange | None) -> str:
    if exchange is None or not exchange.pieces:
        return ""
    return f"{count(len(exchange.pieces))}, together {size(sum(len(piece.data) for piece in exchange.pieces))}"


def _text(attempt: Node, name: str) -> str:
    value = attempt.attributes.get(name)
    return "" if value is None else str(value)
