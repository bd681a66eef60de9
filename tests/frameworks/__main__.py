"""Runs programs of the agent frameworks under tracekit, unmodified, and compares what is seen with what is expected.

    .ci/frameworks                                    # builds the environments, once
    python -m tests.frameworks [PROGRAM…] [--markdown] [--results FILE]

Each program runs with its framework's own instrumentation off and on: once plain, once recorded, and three times
replayed. The exit code is 1 if anything differs from what the program's file says (`programs/NAME.toml`).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from tests.frameworks.environments import Framework, find
from tests.frameworks.results import Result, load, table
from tests.frameworks.scripted import ScriptedModel
from tests.support.cli import environment, nodes
from tracekit import semconv
from tracekit.cli.main import cli

PROGRAMS = Path(__file__).parent / "programs"
_LONGEST_S = 600


class _Shell:
    """Runs Python in a framework's environment, in a home of its own, talking to one server."""

    def __init__(self, built: Framework, home: Path, url: str, spans: str) -> None:
        self._python = str(built.python)
        self._home = home
        kept = environment(home / "tracekit", url, HOME=str(home), FRAMEWORK_SPANS=spans, PYTHONWARNINGS="ignore")
        del kept["TRACEKIT_RAISE"]
        self._environment = {**{name: kept[name] for name in kept if not name.startswith("CLAUDE")}, **_QUIET}

    def python(self, *arguments: str | Path) -> tuple[subprocess.CompletedProcess[str], float]:
        """Run Python with `arguments`; returns what it did, and its CPU seconds, with those of the children it waited for.

        The time on the clock would tell of whatever else the machine does.
        """
        before = _cpu_s()
        command = [self._python, *map(str, arguments)]
        process = subprocess.Popen(
            command,
            env=self._environment,
            cwd=self._home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        try:
            said = process.communicate(timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # the program is a grandchild
            said = process.communicate()[0], f"not done after {_LONGEST_S} s"
        done = subprocess.CompletedProcess(command, process.returncode, *said)
        return done, _cpu_s() - before

    def look(self, *arguments: str) -> Any:
        """Return what a command of tracekit that only looks at records prints as JSON, or None if it prints nothing.

        It runs in this process: the frameworks' environments have this checkout of tracekit, and are slow to start.
        """
        done = CliRunner().invoke(cli, [*arguments, "--format", "json"], env=self._environment)
        return json.loads(done.stdout) if done.stdout else None


def _cpu_s() -> float:
    """The CPU seconds of all children of this process that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


_QUIET = {
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
"""Settings that keep frameworks from fetching and sending things of their own."""


def run(program: Path, spans: str, replays: int, *, plain: bool = True) -> Result:
    """Run a program plain, recorded and `replays` times replayed, with its framework's spans `off` or `on`."""
    about = tomllib.loads(program.with_suffix(".toml").read_text(encoding="utf-8"))
    expected = {"runs": 1, "findings": [], "ignore": [], "replays": True, **about["expected"], **about.get(spans, {})}
    built = find(about["environment"])
    result = Result(program.stem, spans, built.version)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        if plain:
            with ScriptedModel(about["script"]) as model:
                done, result.plain_s = _Shell(built, Path(home), model.url, spans).python(program)
                result.expect("plain", 0, done.returncode, _last(done))
        with ScriptedModel(about["script"]) as model:
            shell = _Shell(built, Path(home), model.url, spans)
            if run_id := _record(program, shell, model, expected, result):
                _examine(shell, run_id, model, expected, result)
                if expected["replays"]:
                    _replay(program, shell, run_id, model, [*expected["ignore"]], result, replays)
    return result


def _record(program: Path, shell: _Shell, model: ScriptedModel, expected: Mapping[str, Any], result: Result) -> str:
    """Record the program; returns the id of its first run, or an empty text."""
    done, result.recorded_s = shell.python("-m", "tracekit", "run", program)
    result.expect("exit", 0, done.returncode, _last(done))
    if "calls" in expected:
        result.expect("served", expected["calls"], model.served.calls)
    runs = shell.look("ls") or []
    result.expect("runs", expected["runs"], len(runs), _last(done))
    if "says" in expected and expected["says"] not in done.stderr:
        result.faults["says"] = f"expected {expected['says']!r} in: {_last(done)}"
    return str(runs[-1]["id"]) if runs else ""


def _examine(shell: _Shell, run_id: str, model: ScriptedModel, expected: Mapping[str, Any], result: Result) -> None:
    """Compare the run with what was served and what is expected."""
    shown = shell.look("show", run_id)
    served, tokens = model.served, shown["run"]["tokens"]
    result.expect("calls", served.calls, shown["run"]["calls"])
    result.expect("tokens", f"{served.input} → {served.output}", f"{tokens['input']} → {tokens['output']}")
    agents = sorted(node["agent"] for node in nodes(shown["root"], "agent"))
    wanted = expected["agents"]
    result.expect("agents", wanted, len(agents) if isinstance(wanted, int) else agents, ", ".join(agents))
    result.seen["agents"] = agents
    tools = sorted(node["attributes"].get(semconv.TOOL_NAME, "?") for node in nodes(shown["root"], "tool"))
    result.expect("tools", expected["tools"], tools)
    checked = shell.look("check", run_id)
    result.expect(
        "findings",
        expected["findings"],
        sorted(found["code"] for found in checked["findings"] if found["confidence"] != "possible"),
    )


def _replay(
    program: Path, shell: _Shell, run_id: str, model: ScriptedModel, ignore: list[str], result: Result, replays: int
) -> None:
    """Replay the recorded run, which must not reach the server."""
    asked = len(model.asked)
    options = [part for place in ignore for part in ("--ignore", place)]
    modes = []
    for _ in range(replays):
        done, _ = shell.python("-m", "tracekit", "replay", *options, run_id, program)
        shown = shell.look("show", "last-replay")
        modes.append(str(shown["run"]["replay"]) if done.returncode == 0 and shown else _last(done))
    result.expect("replays", ["followed"] * replays, modes)
    if len(model.asked) > asked:
        result.faults["replays"] = f"{len(model.asked) - asked} requests reached the server"


def _last(done: subprocess.CompletedProcess[str]) -> str:
    """Return the end of what a command said."""
    return " ".join((done.stderr or done.stdout).split())[-400:]


def main() -> int:
    """Run the programs and say what differs; returns 1 if anything does."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    known = sorted(path.stem for path in PROGRAMS.glob("*.toml"))
    parser.add_argument("programs", nargs="*", metavar="PROGRAM", help=f"of {', '.join(known)}")
    parser.add_argument("--spans", choices=("off", "on"), action="append", help="the framework's own instrumentation")
    parser.add_argument("--quick", action="store_true", help="record only: no run without tracekit, no replay")
    parser.add_argument("--replays", type=int, default=3, metavar="N", help="how often to replay each run (default: 3)")
    parser.add_argument("--markdown", action="store_true", help="print a table")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="add the results to FILE, and show all that it has"
    )
    asked = parser.parse_args()
    results = []
    for name in asked.programs or known:
        for spans in asked.spans or ("off", "on"):
            result = run(PROGRAMS / f"{name}.py", spans, 0 if asked.quick else asked.replays, plain=not asked.quick)
            results.append(result)
            if asked.results is not None:
                result.keep(asked.results)
            print(f"{name} {spans}{'' if result.faults else ': as expected'}", file=sys.stderr, flush=True)
            for column, fault in result.faults.items():
                print(f"  {column}: {fault}", file=sys.stderr, flush=True)
    if asked.markdown:
        print("\n".join(table(results if asked.results is None else load(asked.results))))
    return int(any(result.faults for result in results))


if __name__ == "__main__":
    sys.exit(main())
