"""A node's attributes, sorted, by the vocabulary that they belong to."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from tracekit_viewer.door import Node, Run
from tracekit_viewer.render.block import STEP, Block
from tracekit_viewer.render.bodies import KeyValues

__all__ = ["attributes_blocks"]

_FOLDED = 40
_LONGEST = 4000
"""Characters of one value: arguments and results stand in the conversation as a whole."""


def attributes_blocks(run: Run, node: Node) -> list[Block]:
    """Return the facts of `node`: the span, then the attributes of each vocabulary."""
    blocks = [_block("span", _span_facts(run, node))]
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(node.attributes):
        value = _value(node.attributes[name])
        groups.setdefault(name.partition(".")[0] if "." in name else "other", []).append((name, value))
    blocks += [_block(group, facts) for group, facts in groups.items()]
    exchange = run.recording.exchanges.get(node.id)
    if exchange is not None:
        blocks.append(_block("request headers", sorted(exchange.request.headers.items())))
        blocks.append(_block("answer headers", sorted(exchange.headers.items())))
    return [block for block in blocks if block is not None]


def _block(name: str, facts: list[tuple[str, str]]) -> Block | None:
    if not facts:
        return None
    copied = "\n".join(f"{key}: {value}" for key, value in facts)
    folded = STEP if len(facts) <= _FOLDED and len(copied) < _LONGEST else _FOLDED
    return Block(
        f"group {name}", ((name, "strong"),), body=KeyValues(tuple(facts)), folded=folded, copied=lambda: copied
    )


def _span_facts(run: Run, node: Node) -> list[tuple[str, str]]:
    span = run.recording.spans.get(node.id)
    facts = [
        ("kind", node.kind + (" (inferred)" if node.inferred else "")),
        ("name", node.name),
        ("id", node.id),
        ("parent", (span.parent or "") if span is not None else ""),
        ("trace", (span.trace or run.id) if span is not None else ""),
        ("lane", node.lane),
        ("begin", _time(node.start_ns)),
        ("end", _time(node.end_ns)),
        ("status", node.status),
        ("error", f"{node.failure.type}: {node.failure.message}".rstrip(": ") if node.failure is not None else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _time(ns: int | None) -> str:
    if ns is None:
        return ""
    return f"{datetime.fromtimestamp(ns // 1_000_000_000).astimezone():%Y-%m-%d %H:%M:%S}.{ns % 1_000_000_000:09d}"


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… {len(text):,} characters"
