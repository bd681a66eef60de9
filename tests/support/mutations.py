"""Real recordings with a few random changes in their lines, by a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["mutated"]

VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    10**30,
    -(10**30),
    2**62,
    -(2**62),
    2**63,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\ud800",
    "\x1b[2J\n",
    "9" * 30,
    "http://[",
    "2026-13-45",
    [],
    [None],
    [[]],
    {},
    {"a": {"b": []}},
    {"$blob": "0" * 64},
    {"type": "text"},
]
_DEEP = 3000


def mutated(source: Path, seed: int) -> bytes:
    """The recording at `source` with one to four changes, the same for the same seed."""
    rng = random.Random(seed)
    lines = [json.loads(line) for line in source.read_bytes().splitlines()]
    for _ in range(rng.randint(1, 4)):
        rng.choice((_value, _value, _value, _value, _delete, _swap, _body, _order, _deepen))(rng, lines)
    return b"".join(_text(rng, line) for line in lines)


def _text(rng: random.Random, line: Any) -> bytes:
    try:
        text = json.dumps(line, separators=(",", ":"), ensure_ascii=rng.random() < 0.5)
    except RecursionError:
        text = "[" * _DEEP
    text = text.replace('"__deep__"', "[" * _DEEP + "]" * _DEEP)
    return text.encode("utf-8", "surrogatepass") + b"\n"


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Each container below `value`, with each of its keys."""
    stack = [value]
    while stack:
        each = stack.pop()
        items = each.items() if isinstance(each, dict) else enumerate(each) if isinstance(each, list) else ()
        for key, item in list(items):
            yield each, key
            stack.append(item)


def _place(rng: random.Random, lines: list[Any]) -> tuple[Any, Any]:
    # The header and what is near the top of a line count as much as what lies deep in a body.
    line = lines[0] if rng.random() < 0.15 else rng.choice(lines)
    places = list(_places(line))
    if not places:
        return lines, 0
    return rng.choice(places[:12]) if rng.random() < 0.5 else rng.choice(places)


def _value(rng: random.Random, lines: list[Any]) -> None:
    container, key = _place(rng, lines)
    container[key] = rng.choice(VALUES)


def _delete(rng: random.Random, lines: list[Any]) -> None:
    container, key = _place(rng, lines)
    del container[key]
    if not lines:
        lines.append({})


def _swap(rng: random.Random, lines: list[Any]) -> None:
    a, b = _place(rng, lines), _place(rng, lines)
    copy = json.loads(json.dumps(b[0][b[1]])) if b[0] is not lines else None
    a[0][a[1]] = copy


def _order(rng: random.Random, lines: list[Any]) -> None:
    at, to = rng.randrange(len(lines)), rng.randrange(len(lines))
    line = lines[at]
    if rng.random() < 0.5:
        lines.insert(to, line)
    else:
        lines[at], lines[to] = lines[to], line


def _deepen(rng: random.Random, lines: list[Any]) -> None:
    container, key = _place(rng, lines)
    container[key] = "__deep__"


def _body(rng: random.Random, lines: list[Any]) -> None:
    """Change a value within a body, so that its digest still holds."""
    within = [line["response"] for line in lines if isinstance(line, dict) and isinstance(line.get("response"), dict)]
    within += [line for line in lines if isinstance(line, dict) and isinstance(line.get("sse"), list)]
    if not within:
        return
    chosen = rng.choice(within)
    places = [each for name in ("json", "sse") if name in chosen for each in _places(chosen[name])]
    if places:
        container, key = rng.choice(places)
        container[key] = rng.choice(VALUES)
