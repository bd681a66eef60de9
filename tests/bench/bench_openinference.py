"""Measures the CPU time of a call with tracekit against that with OpenInference; the goal is 0.9.

Both run in one environment.

Both have the same provider, and beside them the SDK's own tracing, which is on by default. `.ci/peers` builds the
environment. Run it from the repository's folder: `python -m tests.bench.bench_openinference`.
"""

import sys
from functools import partial

from tests.bench.bench_call import calls
from tests.bench.harness import Comparison, arguments, report, take_turns
from tests.peers.environments import PEERS


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__)
    peer = next(peer for peer in PEERS if peer.name == "openinference")
    if not peer.is_built:
        sys.exit("the environment for openinference is not built: run .ci/peers openinference")
    variants = {name: partial(calls, name, str(peer.python)) for name in ("openinference", "tracekit")}
    measured = take_turns(variants, options.rounds)
    information = frozenset(("create, a run each",))
    comparisons = [Comparison("tracekit", "openinference", 0.9, information)]
    report("CPU time of a call", "µs", measured, comparisons, as_json=options.json)


if __name__ == "__main__":
    main()
