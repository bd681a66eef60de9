"""Measures by comparison: variants alternate, each in its own process, and the ratio within a round counts.

A machine that others use is slow for all variants of a round alike, so the median of the rounds' ratios says more than
the ratio of two medians, and either says more than a time.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Comparison", "Figures", "arguments", "child", "report", "take_turns"]

Figures = Mapping[str, float]
"""What one process measured: a number for each row of the table, in the same unit."""


@dataclass(frozen=True)
class Comparison:
    """Two variants to compare, row by row.

    Attributes:
        measured: The variant in question.
        base: What it is measured against.
        goal: What the ratio is to stay under; None where the figure is only for information.
        exempt: The rows that the goal is not for.
    """

    measured: str
    base: str
    goal: float | None = None
    exempt: frozenset[str] = field(default_factory=frozenset)


def arguments(description: str | None, *, rounds: int = 20) -> argparse.Namespace:
    """The options of every benchmark: `rounds` and `json`."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="how often each variant takes its turn (%(default)s)"
    )
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    return parser.parse_args()


def child(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Figures:
    """Run `command` and return the figures that it prints, as JSON, on its last line."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "ANTHROPIC_", "TRACEKIT_"))
    }
    done = subprocess.run(
        list(command), check=False, stdout=subprocess.PIPE, text=True, env={**kept, **(environment or {})}
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with {done.returncode}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def take_turns(variants: Mapping[str, Callable[[], Figures]], rounds: int) -> dict[str, list[Figures]]:
    """Let each variant measure once a round, every other round in reverse, so that none always comes after another."""
    measured: dict[str, list[Figures]] = {name: [] for name in variants}
    for number in range(rounds):
        for name in list(variants)[:: -1 if number % 2 else 1]:
            measured[name].append(variants[name]())
        print(f"\rround {number + 1} of {rounds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return measured


def report(
    title: str,
    unit: str,
    measured: Mapping[str, Sequence[Figures]],
    comparisons: Sequence[Comparison],
    *,
    as_json: bool,
) -> None:
    """Print a table for each comparison, or everything as one JSON object."""
    load = [round(each, 2) for each in os.getloadavg()]
    rounds = len(next(iter(measured.values())))
    if as_json:
        compared = [
            {"measured": each.measured, "base": each.base, "goal": each.goal, "rows": _rows(measured, each)}
            for each in comparisons
        ]
        told = {"title": title, "unit": unit, "rounds": rounds, "load": load, "comparisons": compared}
        print(json.dumps(told, indent=1))
        return
    print(f"{title}: {unit}, median (min-max) of {rounds} rounds; load {load[0]} {load[1]} {load[2]}")
    for each in comparisons:
        print(f"\n{each.measured} against {each.base}")
        for name, row in _rows(measured, each).items():
            goal = "" if row["goal"] is None else f"  goal {row['goal']}: {'met' if row['met'] else 'MISSED'}"
            print(
                f"  {name:<28} {_told(row['measured'], 0):>22} {_told(row['base'], 0):>22}  x {_told(row['ratio'], 2)}{goal}"
            )


def _rows(measured: Mapping[str, Sequence[Figures]], comparison: Comparison) -> dict[str, dict[str, Any]]:
    first, second = measured[comparison.measured], measured[comparison.base]
    rows: dict[str, dict[str, Any]] = {}
    for name in first[0]:
        if name not in second[0]:
            continue
        ours, theirs = [each[name] for each in first], [each[name] for each in second]
        ratio = _spread([a / b for a, b in zip(ours, theirs, strict=True)])
        goal = None if name in comparison.exempt else comparison.goal
        met = None if goal is None else ratio["median"] <= goal
        rows[name] = {"measured": _spread(ours), "base": _spread(theirs), "ratio": ratio, "goal": goal, "met": met}
    return rows


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _told(spread: Mapping[str, float], digits: int) -> str:
    return f"{spread['median']:.{digits}f} ({spread['min']:.{digits}f}-{spread['max']:.{digits}f})"
