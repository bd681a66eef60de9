"""The cost of the pytest plugin for projects that do not use it: one empty test with and without it.

The goal is 1.05.

CPU time of the whole process, whose modules are compiled.

Run it from the repository's folder: `python -m tests.bench.bench_plugin`.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.bench.harness import Comparison, Figures, arguments, child, report, take_turns

WAYS = {"without": ["-p", "no:tracekit"], "with": []}


def run(folder: Path, options: list[str]) -> Figures:
    """The CPU time of a pytest run in milliseconds, by a new interpreter."""
    program = (
        "import time, pytest, contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    code = pytest.main(['-q', '-p', 'no:asyncio', '-p', 'no:cacheprovider', '--rootdir', {str(folder)!r}, *{options!r}, {str(folder)!r}])\n"
        "assert code == 0\n"
        "print('{\"run\": %f}' % (time.process_time_ns() / 1e6))"
    )
    return child([sys.executable, "-c", program])


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__, rounds=15)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "test_nothing.py").write_text("def test_nothing():\n    pass\n")
        (folder / "pytest.ini").write_text("[pytest]\n")
        for way in WAYS.values():
            run(folder, way)
        measured = take_turns({name: partial(run, folder, way) for name, way in WAYS.items()}, options.rounds)
    report("CPU time of an empty run", "ms", measured, [Comparison("with", "without", 1.05)], as_json=options.json)


if __name__ == "__main__":
    main()
