"""One span as text: its place, times, totals and attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from tracekit import semconv
from tracekit.cli.render.console import console, print_indented
from tracekit.formatting import format_count, format_duration, format_money, format_number, format_output
from tracekit.model.text import printable, printable_lines
from tracekit.model.tree import Node, RunTree

__all__ = ["print_span"]

_TEXTS = (semconv.TOOL_CALL_ARGUMENTS, semconv.TOOL_CALL_RESULT)
"""Attributes that are printed in full, each under a heading of its own."""


def print_span(run: RunTree, node: Node, parents: Mapping[str, Node]) -> None:
    """Print the facts and attributes of `node`, a span of `run`."""
    out = console()
    facts = [*_facts(run, node, parents), *_attributes(node)]
    width = max(cell_len(name) for name, _ in facts)
    out.print(Text(f"{node.kind} {printable(node.name, most=200)}", style="bold"), overflow="fold")
    for name, value in facts:
        print_indented(out, Text(value), width + 2, Text(name, style="dim"))
    for name in _TEXTS:
        if name in node.attributes:
            out.print(Text(f"\n{name}", style="dim"))
            print_indented(out, Text(_full(node.attributes[name])), 4)


def _facts(run: RunTree, node: Node, parents: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    yield "id", node.id
    above, place = [], parents.get(node.id)
    while place is not None:
        above.append(printable(place.agent or place.name, most=60))
        place = parents.get(place.id)
    if above:
        yield "within", " > ".join(reversed(above))
    yield "status", node.status + (" (inferred)" if node.inferred else "")
    if node.failure is not None:
        yield "error", printable_lines(f"{node.failure.type}: {node.failure.message}".removesuffix(": "))
    begin = format_duration(max(0, node.start_ns - run.root.start_ns))
    yield "time", f"{format_duration(node.duration_ns(run.last_ns))}, from +{begin}"
    if node.model:
        yield "model", printable(node.model, most=100)
    tokens = node.tokens
    if tokens.input or tokens.output or tokens.is_partial:
        output = format_output(tokens.output, is_partial=tokens.is_partial)
        yield "tokens", f"{format_number(tokens.input)} → {output}"
        if cost := format_money(node.cost_usd, complete=node.cost_complete):
            yield "cost", cost
    if node.retries:
        yield "retries", str(node.retries)
    if node.children:
        yield "children", format_count(len(node.children), "span")


def _attributes(node: Node) -> Iterator[tuple[str, str]]:
    for name, value in sorted(node.attributes.items()):
        if name not in _TEXTS:
            yield printable(name, most=80), printable(value if isinstance(value, str) else _json(value), most=400)


def _full(value: Any) -> str:
    return printable_lines(value if isinstance(value, str) else _json(value, indent=2))


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
