"""The time of critical path, slack and drag on runs of 1,000 to 100,000 spans, and its growth.

Run it from the repository's folder: `python -m tests.bench.bench_critical`. The shapes: children one after another, a
child in a child a thousand levels deep, children that all begin before any has ended, and agents with turns. CPU time
of this process over n log n, against that of 1,000 spans.
"""

import gc
import math
import sys
import time

from tests.support.trees import big_run, node
from tracekit.analysis.batches import parents_of
from tracekit.analysis.timing.critical import critical_path, margins
from tracekit.analysis.timing.schedule import Schedule
from tracekit.model.tree import Node

_SIZES = (1_000, 10_000, 100_000)
_MOST_GROWTH = 3.0


def main() -> None:
    """Measure each shape at each size."""
    missed = False
    for name, build in (("in a row", _row), ("deep", _deep), ("all at once", _beside), ("agents", _agents)):
        base = 0.0
        for size in _SIZES:
            root = build(size)
            spans = sum(1 for _ in root.walk())
            took_s, steps = _measured(root)
            per = took_s / (spans * math.log2(spans))
            base = base or per
            missed |= per > _MOST_GROWTH * base
            print(
                f"{name:<12} {spans:>7} spans  {took_s:7.3f} s  x {per / base:5.2f} of n log n  {steps} steps",
                flush=True,
            )
    print(f"goal: at most x {_MOST_GROWTH} of n log n: {'MISSED' if missed else 'met'}")
    sys.exit(missed)


def _measured(root: Node) -> tuple[float, int]:
    parents = parents_of(root.walk())
    gc.collect()
    begin = time.process_time()
    schedule = Schedule(parents, root.end_ns or 0)
    steps = critical_path(root, schedule)
    margins(root, schedule)
    return time.process_time() - begin, len(steps)


def _row(size: int) -> Node:
    return node("run", "r", 0, size, *(node("span", "s", n, n + 1 + n % 3 / 2, id=f"s{n}") for n in range(size - 1)))


def _deep(size: int, levels: int = 1000) -> Node:
    chains = []
    for chain in range(max(1, size // levels)):
        begin, inner = chain * 3 * levels, node("span", "s", chain * 3 * levels + levels, id=f"{chain}")
        for level in range(1, levels):
            start, end = begin + levels - level, begin + levels + level
            inner = node("span", "s", start, end, inner, id=f"{chain}-{level}")
        chains.append(inner)
    return node("run", "r", 0, len(chains) * 3 * levels, *chains)


def _beside(size: int) -> Node:
    ends = (2 * size + n * 7919 % size for n in range(size - 1))
    return node("run", "r", 0, 3 * size, *(node("span", "s", n, end, id=f"s{n}") for n, end in enumerate(ends)))


def _agents(size: int) -> Node:
    return big_run(size).root


if __name__ == "__main__":
    main()
