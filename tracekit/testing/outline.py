"""A run's tree without ids and times: what a test can expect to be the same every time.

What was asked for together stands in the order in which it was asked for, not in that in which it happened to begin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from tracekit import semconv
from tracekit.formatting import format_count
from tracekit.model.conversation import blocks_of
from tracekit.model.messages import answer_of
from tracekit.model.text import printable
from tracekit.model.tree import Node, Run

__all__ = ["in_order", "name_of", "names", "outline"]

_UNITS = ("agent", "tool")
_LONGEST_VALUE = 60


def outline(run: Run, beneath: Callable[[Node], Iterable[str]] = lambda _: ()) -> str:
    """The whole tree as text, a line a node: names, models, tokens, stop reasons, tools' arguments and results.

    `beneath` gives further lines for a node.
    """
    return "\n".join(_lines(run, _node_line, beneath))


def names(run: Run) -> str:
    """The agents and tools alone, a name a line, indented by who asked for whom.

    An agent stands for the tool by which it was asked for.
    """
    children = in_order(run)
    lines: list[str] = []
    stack: list[tuple[Node, int]] = [(run.root, 0)]
    while stack:
        node, depth = stack.pop()
        served = node.kind == "tool" and any(child.kind == "agent" for child in node.children)
        if node.kind in _UNITS and not served:
            lines.append(f"{'  ' * depth}{name_of(node)}")
            depth += 1
        stack.extend((child, depth) for child in reversed(children(node)))
    return "\n".join(lines)


def name_of(node: Node) -> str:
    """Return the name of an agent or a tool, or the kind of any other node."""
    if node.kind == "agent":
        return node.agent or node.name
    return str(node.attributes.get(semconv.TOOL_NAME, node.name)) if node.kind == "tool" else node.name


def _lines(run: Run, line: Callable[[Node, int], str], beneath: Callable[[Node], Iterable[str]]) -> Iterator[str]:
    children = in_order(run)
    stack = [(run.root, 0, 1)]
    while stack:
        node, depth, number = stack.pop()
        yield "  " * depth + line(node, number)
        yield from ("  " * (depth + 1) + each for each in beneath(node))
        below, turns = [], 0
        for child in children(node):
            turns += child.kind == "turn"
            if child.kind != "attempt":
                below.append((child, depth + 1, turns))
        stack.extend(reversed(below))


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def in_order(run: Run) -> Callable[[Node], list[Node]]:
    """Return the children of a node; steps that one response requested are in the order of the request."""
    asked = _asked(run)

    def children(node: Node) -> list[Node]:
        found = list(node.children)
        places = [place for place, child in enumerate(found) if child.kind in _UNITS]
        units = [found[place] for place in places]
        for place, unit in zip(places, _as_asked(units, asked), strict=True):
            found[place] = unit
        return found

    return children


def _as_asked(units: Sequence[Node], asked: Mapping[str, int]) -> Iterator[Node]:
    """`units`, which stand by their begins, with those that were at work at once in the order asked."""
    together: list[Node] = []
    until = 0
    for unit in [*units, None]:
        if unit is None or (together and unit.start_ns >= until and not _of_one_answer(together[0], unit, asked)):
            yield from sorted(together, key=lambda each: _turn_in(each, asked))
            together, until = [], 0
        if unit is not None:
            together.append(unit)
            until = max(until, unit.start_ns if unit.end_ns is None else unit.end_ns)


def _of_one_answer(one: Node, other: Node, asked: Mapping[str, int]) -> bool:
    return all(node.attributes.get(semconv.TOOL_CALL_ID) in asked for node in (one, other))


def _turn_in(unit: Node, asked: Mapping[str, int]) -> tuple[int, list[int], int]:
    """Return the sort key: the requesting response, else the lane, numbered in the order of their starts."""
    number = asked.get(str(unit.attributes.get(semconv.TOOL_CALL_ID)), -1)
    return number, [int(part) for part in re.findall(r"\d+", unit.lane)], unit.start_ns


def _asked(run: Run) -> dict[str, int]:
    """The place of each `tool_use` block among all, by its id."""
    calls = sorted((node for node in run.root.walk() if node.kind == "llm"), key=lambda node: node.start_ns)
    asked: dict[str, int] = {}
    for call in calls:
        for child in call.children:
            exchange = run.recording.exchanges.get(child.id)
            if exchange is None:
                continue
            message = answer_of(exchange.body, exchange.headers.get("content-type", "")).message or {}
            for block in blocks_of(message.get("content")):
                if isinstance(block, Mapping) and block.get("type") == "tool_use":
                    asked.setdefault(str(block.get("id")), len(asked))
    return asked


# ── lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _node_line(node: Node, number: int) -> str:
    said = {
        "agent": f"agent {name_of(node)}",
        "turn": f"turn {number}",
        "tool": f"tool {name_of(node)}{_arguments(node)}",
        "llm": f"call {node.model or ''}".rstrip(),
    }.get(node.kind, f"{node.kind} {node.name}")
    facts = [said, *_facts(node)]
    return "  ".join(printable(fact) for fact in facts if fact)


def _facts(node: Node) -> Iterator[str]:
    if node.kind == "llm":
        yield f"{node.tokens.input} + {node.tokens.output} tokens"
        yield str(node.attributes.get(semconv.STOP_REASON) or "")
        yield str(node.attributes.get(semconv.OUTCOME) or "")
        yield format_count(node.retries, "retry", "retries") if node.retries else ""
    if node.kind == "tool" and semconv.TOOL_CALL_RESULT in node.attributes:
        yield f"= {_short(node.attributes[semconv.TOOL_CALL_RESULT])}"
    if node.status != "ok":
        yield f"{node.status}{f' {node.failure.type}' if node.failure is not None else ''}"


def _arguments(node: Node) -> str:
    arguments = node.attributes.get(semconv.TOOL_CALL_ARGUMENTS)
    if arguments is None:
        return ""
    if not isinstance(arguments, Mapping):
        return f"({_short(arguments)})"
    return f"({', '.join(f'{printable(str(name))}={_short(value)}' for name, value in arguments.items())})"


def _short(value: Any) -> str:
    return printable(json.dumps(value, ensure_ascii=False, default=str), most=_LONGEST_VALUE)
