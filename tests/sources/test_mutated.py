"""Transcripts in which values are of other types than any version writes: nothing fails, and the rest is read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.sources.transcripts import SESSION, USAGE, Transcript, said, uses
from tracekit.sources.claude_code.find import ClaudeCode

_ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    1 << 70,
    1e300,
    "",
    "x",
    "9999-12-31T00:00:00Z",
    [],
    [[]],
    {},
    {"type": "text", "text": 5},
)
_MUTATIONS = 150


def _sample(path: Path) -> list[dict[str, Any]]:
    """Write a session that has a line of each kind, and return its lines."""
    main = Transcript(path)
    main.prompt(0, "Go")
    main.request(0.1, "r1")
    main.reply(1, "msg_1", uses("Agent", "toolu_1", prompt="Look"), stop="tool_use", requestRef="r1")
    for number in range(2):
        message = {"content": [said("x" * 80)], "id": f"m{number}", "model": "m", "role": "assistant", "usage": USAGE}
        inner = {"type": "assistant", "uuid": f"p{number}", "timestamp": "2026-11-27T10:00:02Z", "message": message}
        data = {"type": "agent_progress", "agentId": "aaaa", "message": inner}
        main.add(2, {"type": "progress", "data": data, "parentToolUseID": "toolu_1"})
    detail = {"agentId": "aaaa", "totalDurationMs": 900, "usage": USAGE, "isAsync": False}
    main.result(3, "toolu_1", [said("Seen")], detail=detail, permissionDecision={"decision": "accept"})
    main.add(4, {"type": "system", "subtype": "api_error", "error": {"status": 529}, "retryInMs": 500})
    main.reply(5, "msg_2", said("Done."))
    main.prompt(6, "<task-notification>", origin={"kind": "task-notification"})
    main.add(7, {"type": "cost-state", "totalCostUSD": 1.0, "modelUsage": {"m": {"inputTokens": 1}}})
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container in `value` with each of its keys or indexes."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield value, key
        yield from _places(item)


def test_values_of_other_types_do_no_harm(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "projects" / f"{SESSION}.jsonl"
    lines = json.dumps(_sample(path))
    chance = random.Random(17)
    for _ in range(_MUTATIONS):
        mutated = json.loads(lines)
        container, key = chance.choice([place for line in mutated for place in _places(line)])
        container[key] = chance.choice(_ODD)
        path.write_text("".join(f"{json.dumps(line)}\n" for line in mutated), encoding="utf-8")
        for session in ClaudeCode().sessions([path.parent], 0, {}):
            translation = session.translate()
            for span in translation.spans if translation is not None else ():
                assert span.end_ns is None or 0 <= span.start_ns <= span.end_ns < 1 << 62, (key, container)
                assert isinstance({**span.content(), **span.end_content()}, dict)
                if span.response is not None:
                    span.response()
                if span.prompt is not None:
                    span.prompt.add()
            session.close()
