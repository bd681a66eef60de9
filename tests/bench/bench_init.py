"""The CPU time of `import tracekit; tracekit.init()`, against `import opentelemetry.sdk.trace`; the goal is 1.0.

CPU time of the statement alone, in fresh interpreters whose modules are compiled.

Run it from the repository's folder: `python -m tests.bench.bench_init`.
"""

import sys
from functools import partial

from tests.bench.harness import Comparison, Figures, arguments, child, report, take_turns

STATEMENTS = {
    "opentelemetry.sdk": "import opentelemetry.sdk.trace",
    "opentelemetry": "import opentelemetry.trace",
    "tracekit": "import tracekit; tracekit.init()",
}


def start(statement: str) -> Figures:
    """The CPU time of `statement` in milliseconds, by a new interpreter."""
    program = (
        "import time; begin = time.process_time_ns()\n"
        f"{statement}\n"
        "took = time.process_time_ns() - begin\n"
        "print('{\"start\": %f}' % (took / 1e6))"
    )
    return child([sys.executable, "-c", program])


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__, rounds=30)
    for statement in STATEMENTS.values():
        start(statement)
    measured = take_turns({name: partial(start, statement) for name, statement in STATEMENTS.items()}, options.rounds)
    comparisons = [Comparison("tracekit", "opentelemetry.sdk", 1.0), Comparison("tracekit", "opentelemetry")]
    report("CPU time to start", "ms", measured, comparisons, as_json=options.json)


if __name__ == "__main__":
    main()
