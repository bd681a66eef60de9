"""The size of a journal: new content once, and a constant for each turn."""

import json
import random
from typing import Any

from tests.support.journals import begin, compact, events_in, lines_of, request
from tracekit.demo.claude import message, stream, text, tool_use
from tracekit.model.events import Answered, Chunk, Event, SpanBegin, SpanEnd

TURNS = 150
PER_TURN = 1_500
"""Bytes for a turn's own lines: the spans of the turn, the call, the attempt and the tool, with ids, times, headers."""
PER_CHUNK = 50
"""Bytes for a chunk's id and time, however short it is."""

WORDS = [f"word{n}" for n in range(2_000)]


def prose(rng: random.Random, size: int) -> str:
    words: list[str] = []
    while size > 0:
        words.append(rng.choice(WORDS))
        size -= len(words[-1]) + 1
    return " ".join(words)


def session(*, moving_cache: bool = False) -> tuple[list[list[Event]], list[int]]:
    """The events of each turn of an agent, and the bytes of content that are new in it."""
    rng = random.Random(5)
    tools = [{"name": f"t{n}", "description": prose(rng, 700), "input_schema": {"type": "object"}} for n in range(20)]
    system = prose(rng, 6_000)
    history: list[dict[str, Any]] = [{"role": "user", "content": prose(rng, 500)}]
    turns: list[list[Event]] = []
    new: list[int] = []
    for turn in range(TURNS):
        blocks = [text(prose(rng, 300)), tool_use("t1", {"path": prose(rng, 40)}, id=f"toolu_{turn:020}")]
        answer = stream(message(*blocks))
        data = [chunk for _, chunk in answer.chunks or ()]
        messages = [dict(each) for each in history]
        if moving_cache:
            messages[-1]["cache_control"] = {"type": "ephemeral"}
        body = compact(
            {"model": "claude-sonnet-5", "system": system, "tools": tools, "messages": messages, "stream": True}
        )
        result = {"type": "tool_result", "tool_use_id": f"toolu_{turn:020}", "content": prose(rng, 2_200)}
        added = [{"role": "assistant", "content": blocks}, {"role": "user", "content": [result]}]
        ids = [f"{turn * 4 + n:016x}" for n in range(4)]
        turns.append(
            [
                SpanBegin(ids[0], "f" * 16, "turn", "turn", turn, "m"),
                SpanBegin(ids[1], ids[0], "llm", "chat claude-sonnet-5", turn, "m"),
                SpanBegin(ids[2], ids[1], "attempt", "POST", turn, "m", "", {}, request(body)),
                Answered(ids[2], turn, 200, dict(answer.headers)),
                *(Chunk(ids[2], turn, piece) for piece in data),
                SpanEnd(ids[2], turn, "ok"),
                SpanEnd(ids[1], turn, "ok", None, {"gen_ai.usage.input_tokens": 5}),
                SpanBegin(ids[3], ids[0], "tool", "execute_tool t1", turn, "m"),
                SpanEnd(ids[3], turn, "ok"),
                SpanEnd(ids[0], turn, "ok"),
            ]
        )
        new.append(sum(map(len, data)) + sum(len(compact(each)) for each in (history if turn == 0 else history[-2:])))
        history += added
    new[0] += len(compact(system)) + len(compact(tools))
    return turns, new


def constant(turns: list[list[Event]]) -> int:
    """The bytes that do not depend on what is said."""
    return PER_TURN * TURNS + PER_CHUNK * sum(isinstance(event, Chunk) for events in turns for event in events)


def test_journal_grows_with_what_is_new() -> None:
    turns, new = session()
    last = next(event for event in reversed(turns[-1]) if isinstance(event, SpanBegin) and event.request)
    assert last.request is not None
    assert last.request.body is not None
    assert len(last.request.body) > 400_000
    lines = lines_of([event for events in turns for event in events])
    size = sum(len(line) + 1 for line in lines)
    assert size <= sum(new) + constant(turns)
    assert events_in(lines) == [event for events in turns for event in events]


def test_growth_is_linear() -> None:
    turns, _ = session()
    lines = lines_of([begin(2**60), *(event for events in turns for event in events)])
    at = [n for n, line in enumerate(lines) if json.loads(line).get("kind") == "turn"]
    first = sum(map(len, lines[at[10] : at[40]]))
    last = sum(map(len, lines[at[119] : at[149]]))
    assert last < 1.1 * first


def test_moving_cache_breakpoint_stores_the_newest_message_twice_at_most() -> None:
    turns, new = session(moving_cache=True)
    lines = lines_of([event for events in turns for event in events])
    size = sum(len(line) + 1 for line in lines)
    assert size <= 1.3 * sum(new) + constant(turns)
    assert events_in(lines) == [event for events in turns for event in events]


def main() -> None:
    """Print the sizes that the tests bound."""
    for moving in (False, True):
        turns, new = session(moving_cache=moving)
        lines = lines_of([event for events in turns for event in events])
        size, chunks = sum(len(line) + 1 for line in lines), sum(b'"e":"chunk"' in line for line in lines)
        attempts = [line for line in lines if b'"request":' in line]
        own = sum(len(line) + 1 for line in lines if b'"e":"chunk"' not in line and b'"request":' not in line)
        print(f"moving={moving} journal={size} new={sum(new)} ratio={size / sum(new):.3f} chunks={chunks}")
        print(f"  requests={sum(map(len, attempts))} other lines a turn={own / TURNS:.0f} lines={len(lines)}")


if __name__ == "__main__":
    main()
