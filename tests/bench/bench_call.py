"""The CPU time of a call with tracekit, against the SDK's own tracing with the same provider.

The goal is at most 1.3 for a plain call and for a stream. For information: calls over a socket, as they are in life;
calls outside any run, each of which is a run, with a journal, of its own; and tracekit without any provider against the
SDK without any tracing.

Run it from the repository's folder: `python -m tests.bench.bench_call`.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.bench.calls import ANSWER, STREAM
from tests.bench.harness import Comparison, Figures, arguments, child, report, take_turns
from tracekit.demo.claude import ScriptedClaude

CALLS = Path(__file__).with_name("calls.py")

INFORMATION = frozenset(("create, over HTTP", "stream, over HTTP", "create, 40 kB asked", "create, a run each"))
"""What the goal is not for."""


def calls(variant: str, python: str = sys.executable) -> Figures:
    """Let one process make its calls, recording, if it does, into a folder that is then removed."""
    # /tmp may be in memory; what stays over a restart is on a disk.
    with (
        ScriptedClaude(lambda asked: STREAM if asked.streams else ANSWER) as claude,
        tempfile.TemporaryDirectory(prefix="tracekit-bench-", dir="/var/tmp") as folder,
    ):
        return child([python, str(CALLS), variant, claude.url], {"TRACEKIT_HOME": folder})


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__)
    variants = {name: partial(calls, name) for name in ("sdk", "tracekit", "bare", "tracekit alone")}
    measured = take_turns(variants, options.rounds)
    comparisons = [
        Comparison("tracekit", "sdk", 1.3, INFORMATION),
        Comparison("tracekit alone", "bare"),
        Comparison("sdk", "bare"),
    ]
    report("CPU time of a call", "µs", measured, comparisons, as_json=options.json)


if __name__ == "__main__":
    main()
