"""The cost of a bad endpoint: `tracekit demo` with an endpoint that is gone or silent, against no export.

`demo` is the whole command: the goal is 1.05. `exit` is the time from the last line of a program of ten spans
to its end, in which an endpoint may be waited for: 2 s at most.

Run it from the repository's folder: `python -m tests.bench.bench_export`.
"""

import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from tests.bench.harness import Comparison, Figures, arguments, report, take_turns
from tests.support.cli import environment
from tests.support.collector import collector, silent
from tests.support.ports import free_port

PROGRAM = """
import time, tracekit
tracekit.init()
with tracekit.run("short"):
    for number in range(9):
        with tracekit.agent(f"agent {number}"):
            pass
print(time.monotonic())
"""


def measure(variables: dict[str, str]) -> Figures:
    """Return the seconds that the demo takes with `variables`, and those of a short program's exit."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder), **variables)
        begun = time.monotonic()
        subprocess.run([sys.executable, "-m", "tracekit", "demo"], env=env, check=True, capture_output=True)
        took = time.monotonic() - begun
        short = subprocess.run([sys.executable, "-c", PROGRAM], env=env, check=True, capture_output=True, text=True)
        return {"demo": took * 1e3, "exit": (time.monotonic() - float(short.stdout)) * 1e3}


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__, rounds=3)
    with collector() as found, silent() as never:
        down = f"http://127.0.0.1:{free_port()}"
        endpoints = {"up": found.http, "down": down, "silent": never.url}
        variants = {"none": partial(measure, {})}
        for name, url in endpoints.items():
            variants[name] = partial(measure, {"OTEL_EXPORTER_OTLP_ENDPOINT": url})
        grpc = {"OTEL_EXPORTER_OTLP_ENDPOINT": never.url, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
        variants["silent, gRPC"] = partial(measure, grpc)
        measured = take_turns(variants, options.rounds)
    comparisons = [Comparison(name, "none", 1.05, frozenset({"exit"})) for name in variants if name != "none"]
    report("An endpoint's cost", "ms", measured, comparisons, as_json=options.json)


if __name__ == "__main__":
    main()
