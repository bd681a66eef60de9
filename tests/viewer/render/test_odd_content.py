"""Bodies that keep to no API: whatever JSON a request or an answer holds, every tab draws it."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest
from rich.cells import cell_len
from tracekit_viewer.render.block import rows_of
from tracekit_viewer.render.call_messages import Reader
from tracekit_viewer.render.detail import TABS, blocks_of_tab, title_of
from tracekit_viewer.render.family import Family

from tests.support.build import MS, Builder, said, use, user
from tests.support.hostile import CLASSES
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.model.recording import Piece
from tracekit.model.tree import Run

_KEYS = (
    "type", "role", "content", "text", "thinking", "id", "name", "input", "tool_use_id", "is_error", "source", "data",
    "media_type", "title", "citations", "messages", "system", "tools", "model", "max_tokens", "stream", "error",
    "message", "stop_reason", "stop_details", "usage", "delta", "index", "content_block", "cache_creation",
)  # fmt: skip
_WORDS = (
    "text", "thinking", "tool_use", "server_tool_use", "tool_result", "web_search_tool_result", "image", "document",
    "redacted_thinking", "user", "assistant", "base64", "url", "toolu_1", "message", "error", "refusal", "", "[]", '{"a": 1}',
)  # fmt: skip
_EVENTS = (
    "message_start",
    "content_block_start",
    "content_block_delta",
    "content_block_stop",
    "message_delta",
    "error",
)


class Fuzz:
    """JSON of the API's own words, in any order."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def value(self, depth: int = 0) -> Any:
        kind = self._random.randrange(9 if depth < 5 else 5)
        if kind < 3:
            return self._random.choice(_WORDS)
        if kind < 5:
            odd = (None, True, -1, 0, 1.5, 10**30, self._random.choice(list(CLASSES.values())))
            return self._random.choice(odd)
        if kind == 5:
            return [self.value(depth + 1) for _ in range(self._random.randrange(4))]
        keys = self._random.sample(_KEYS, self._random.randrange(1, 7))
        return {key: self.value(depth + 1) for key in keys}

    def near(self, value: Any, depth: int = 0) -> Any:
        """`value` with something else in a place or two."""
        if self._random.random() < 0.08:
            return self.value(depth)
        if isinstance(value, dict):
            return {key: self.near(item, depth + 1) for key, item in value.items()}
        return [self.near(item, depth + 1) for item in value] if isinstance(value, list) else value


def odd_run(seed: int) -> Run:
    """A run of two calls that asked and answered almost anything."""
    fuzz = Fuzz(seed)
    b = Builder()
    b.agent("lead", 0, 300)
    blocks = [said("I read."), use("toolu_1", "read", path="a"), {"type": "thinking", "thinking": "hm"}]
    asked = [
        user("go"),
        {"role": "assistant", "content": blocks},
        user([{"type": "tool_result", "tool_use_id": "toolu_1"}]),
    ]
    b.call("c1", 0, 100, [user("go")], blocks, parent="lead")
    b.call("c2", 110, 200, asked, [said("done")], parent="lead")
    b.tool("t", "read", 101, 105, "lead", arguments=fuzz.value(), call_id="toolu_1")
    b.spans["t"].attributes[semconv.TOOL_CALL_RESULT] = fuzz.value()  # type: ignore[index]  # the builder made it a dict
    for id in ("c1-a", "c2-a"):
        exchange = b.exchanges[id]
        request = fuzz.near(json.loads(exchange.request.body or b""))
        answer = fuzz.near(json.loads(exchange.body))
        headers = {"content-type": "application/json"}
        body = json.dumps(answer).encode()
        if seed % 2:
            headers = {"content-type": "text/event-stream"}
            events = [(name, fuzz.value()) for name in (*_EVENTS, *_EVENTS)]
            started = [("message_start", {"message": answer}), *events]
            body = b"".join(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode() for name, data in started)
        b.exchanges[id] = replace(
            exchange,
            request=replace(exchange.request, body=json.dumps(request).encode()),
            headers=headers,
            pieces=(Piece(50 * MS, body),),
        )
    return structure(b.recording())


@pytest.mark.parametrize("seeds", [range(50), pytest.param(range(50, 200), marks=pytest.mark.slow)], ids=str)
def test_every_tab_draws_whatever_was_said(seeds: range) -> None:
    for seed in seeds:
        run = odd_run(seed)
        family, reader = Family(run), Reader()
        for node in run.root.walk():
            title_of(run, node, family)
            for tab in TABS:
                for whole in (False, True):
                    for block in blocks_of_tab(tab, run, node, family, reader, whole=whole):
                        if block.copied is not None:
                            assert isinstance(block.copied(), str)
                        rows = rows_of(block, 40, seed % 2)
                        assert all(cell_len("".join(text for text, _ in row.line)) <= 40 for row in rows), block
