"""`tracekit replay`: run a program again, answered from a recording."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import click
from typing_extensions import override

from tracekit import __version__, semconv
from tracekit.cli.calibration import run_calibration
from tracekit.cli.child import exit_code, full_command, hash_variable, patiently, start_child
from tracekit.cli.options import echo_json, format_option, tell
from tracekit.collect.look import find
from tracekit.configure import SESSION_VARIABLE
from tracekit.errors import JournalError, ReplayError
from tracekit.formatting import format_count
from tracekit.journal.home import HOME_VARIABLE, home, make_home, runs_folder
from tracekit.journal.process import file_host
from tracekit.journal.reader import read_run
from tracekit.journal.writer import JournalSink
from tracekit.model.events import Failure, Replayed, ReplayMode, SpanBegin, SpanEnd
from tracekit.model.recording import Recording
from tracekit.model.run import RunInfo
from tracekit.replayer.blocked import blocked_in
from tracekit.replayer.child import LEFT, REPLAY_VARIABLE, ReplayTask, keep_environment, read_reports
from tracekit.replayer.divergence import Divergence, unplayed
from tracekit.replayer.environment import closed_environment
from tracekit.replayer.keys import Keys
from tracekit.replayer.script import Script
from tracekit.replayer.session import replayed_root, root_end_ns

__all__ = ["command"]

_UNTESTABLE = 125
_LOOK_S = 0.5
_GRACE_S = 10.0
"""Seconds that a program may take to end once it has left its recording. It waits only for itself then."""
_SLACK_NS = 2_000_000_000


class _Outcome(NamedTuple):
    """The outcome of a replay, from the reports of its processes."""

    mode: ReplayMode
    report: str = ""
    divergence: Any = None
    impossible: str = ""
    notes: tuple[str, ...] = ()
    last_ns: int = 0
    calls: int = 0
    others: int = 0
    """Requests that were no call of the model, such as those that count tokens."""


class _Command(click.Command):
    """A command with options before RUN and after it; further arguments belong to the program."""

    @override
    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        start = self._after_options(args, 0)
        end = self._after_options(args, start + 1)
        return super().parse_args(ctx, [*args[start + 1 : end], *args[: start + 1], *args[end:]])

    def _after_options(self, args: list[str], at: int) -> int:
        """Return the first place from `at` on at which no option of ours stands."""
        flags = {
            name: option.is_flag for option in self.params if isinstance(option, click.Option) for name in option.opts
        }
        while at < len(args) and (name := args[at].partition("=")[0]) in flags:
            at += 1 if flags[name] or "=" in args[at] else 2
        return at


@click.command(
    "replay", cls=_Command, context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False}
)
@click.argument("run")
@click.argument("program", metavar="COMMAND…", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--ignore", multiple=True, metavar="PLACE", help="Ignore this JSON path or /pattern/ when requests are compared."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="The pace: 1 replays in real time. By default, no time passes.",
)
@click.option("--block-network", is_flag=True, help="Refuse all connections, not only those to the API's hosts.")
@click.option(
    "--calibrate", "other", metavar="OTHER", help="Compare with another recording, and propose what to ignore."
)
@click.option("--yes", is_flag=True, help="With --calibrate: write the proposal into the file.")
@format_option
def command(
    run: str,
    program: tuple[str, ...],
    ignore: tuple[str, ...],
    speed: float | None,
    block_network: bool,
    other: str | None,
    yes: bool,
    form: str,
) -> None:
    """Run a program again with the responses of a recording: offline, and in a moment.

    RUN is a recorded run or a file; COMMAND is as for `tracekit run`. Exits with the program's code; 1 if it left the
    recording, 125 if that could not be tested.
    """
    _check(ignore)
    if other is not None:
        if program:
            raise click.UsageError(
                "--calibrate compares two recordings and runs no program: remove the program from the command"
            )
        run_calibration(run, other, ignore, form, yes=yes)
        return
    if program[:1] == ("--",):
        program = program[1:]
    if not program:
        raise click.UsageError(
            "give the program to replay after the run, as in: tracekit replay last -- python agent.py"
        )
    if os.environ.get(REPLAY_VARIABLE):
        raise click.UsageError("a replay is already running here, and a replay cannot start another replay")
    full = full_command(program)
    try:
        entry = find(run)
        recording = read_run(entry.paths)
        script = Script(recording, Keys([*ignore, *recording.ignore], recording.redaction))
    except (JournalError, ReplayError) as error:
        tell([str(error)])
        sys.exit(_UNTESTABLE)
    task = _task(recording, entry.paths, ignore, speed, block_network)
    try:
        return_code = _run(full, task, recording.hash_seed, form)
        said_hello = any(Path(task.folder).glob("hello-*"))
        outcome = _outcome(script, task)
        code = _code(outcome, said_hello, exit_code(return_code))
        runs = _finish(recording, task, outcome, return_code, is_tested=code != _UNTESTABLE)
    finally:
        shutil.rmtree(task.folder, ignore_errors=True)
    _tell(outcome, runs, code, form, said_hello=said_hello)
    if outcome.divergence is not None and code != _UNTESTABLE and form == "text":
        click.echo(f"tracekit: if this change is intended, record again: {_accepting(run, program)}", err=True)
    sys.exit(code)


def _check(ignore: Sequence[str]) -> None:
    try:
        Keys(ignore)
    except ReplayError as error:
        raise click.UsageError(str(error)) from None


def _run(command: Sequence[str], task: ReplayTask, seed: int | None, form: str) -> int:
    """Run the program, whose hashes have `seed`, to its end, and return its return code.

    Where data is asked for, it does not write among it.
    """
    variables = {REPLAY_VARIABLE: task.dumps(), SESSION_VARIABLE: "", HOME_VARIABLE: str(home()), **hash_variable(seed)}
    pipes = {"stdout": 2} if form == "json" else {}
    process = start_child(command, variables, closed_environment(os.environ), **pipes)
    with patiently(process):
        return _wait(process, Path(task.folder) / LEFT)


def _wait(process: subprocess.Popen[bytes], left: Path) -> int:
    """Wait for the program; once it has `left` the recording only for a while, since a pool may hang then."""
    until_s = float("inf")
    while True:
        try:
            return process.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            if until_s == float("inf") and left.exists():
                until_s = time.monotonic() + _GRACE_S
        if time.monotonic() > until_s:
            click.echo(
                f"tracekit: the program ran on for {_GRACE_S:.0f} s after it had left its recording, so it was stopped",
                err=True,
            )
            process.terminate()
            try:
                return process.wait(_GRACE_S / 5)
            except subprocess.TimeoutExpired:
                process.kill()
                return process.wait()


def _task(
    recording: Recording, paths: Sequence[Path], ignore: tuple[str, ...], speed: float | None, block_network: bool
) -> ReplayTask:
    make_home()
    root = replayed_root(recording)
    folder = tempfile.mkdtemp(prefix="tracekit-")
    keep_environment(Path(folder))
    return ReplayTask(
        tuple(str(path.absolute()) for path in paths),
        folder,
        asdict(root) if root is not None else None,
        ignore,
        speed,
        block_network,
    )


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def _outcome(script: Script, task: ReplayTask) -> _Outcome:
    played: set[int] = set()
    modes: list[ReplayMode] = ["followed"]
    divergence, report, impossible, notes, last_ns = None, "", "", [], script.start_ns
    extra = ""
    for what, *values in read_reports(Path(task.folder)):
        if what == "played":
            played.add(values[0])
        elif what == "mode":
            modes.append(values[0])
            last_ns = max(last_ns, values[1])
        elif what == "notes":
            notes += values[0]
        elif what == "extra":
            extra = extra or values[0]
        elif what == "impossible":
            impossible = impossible or values[0]
        elif what == "divergence" and divergence is None:
            divergence, report = values
    if divergence is None and not impossible and played and len(played) < len(script.calls):
        left = [call for call in script.calls if call.number not in played]
        found = unplayed(script, left, ()).after_extra(extra)
        divergence, report = found.json(), str(found)
    blocked = next(blocked_in(Path(task.folder)), "")
    if divergence is None and not impossible and blocked:
        found = Divergence("child", "", asked=blocked)
        divergence, report = found.json(), str(found)
    if divergence is not None:
        modes.append("diverged")
    mode = max(modes, key=get_args(ReplayMode).index)
    calls = sum(call.span.kind == "llm" for call in script.calls if call.number in played)
    others = len(played) - calls
    return _Outcome(mode, report, divergence, impossible, tuple(dict.fromkeys(notes)), last_ns, calls, others)


def _code(outcome: _Outcome, said_hello: bool, program: int) -> int:
    if not said_hello or outcome.impossible:
        return _UNTESTABLE
    if outcome.divergence is not None:
        return _UNTESTABLE if outcome.divergence["is_strange"] else 1
    if not outcome.calls + outcome.others:
        return _UNTESTABLE
    return 1 if program == _UNTESTABLE else program


def _finish(
    recording: Recording, task: ReplayTask, outcome: _Outcome, return_code: int, *, is_tested: bool
) -> list[str]:
    """Write the events of the program as a whole, and return the runs that it recorded."""
    sink = JournalSink({"tracekit": __version__}, hash_seed=recording.hash_seed)
    process = task.process()
    recorded = _journals(task)
    if process is not None and process.id in recorded:
        _write_root(sink, process, recording, outcome, return_code)
    for id, paths in recorded.items():
        info = process if process is not None and id == process.id else _info_of(paths, recording)
        if is_tested:
            sink.write(info, Replayed(outcome.last_ns, outcome.mode))
        sink.release(info)
    sink.exit(outcome.last_ns)
    return sorted(recorded)


def _journals(task: ReplayTask) -> dict[str, list[Path]]:
    """The journals that the program's processes have written, by their runs."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in Path(task.folder).glob("hello-*"):
        pid = path.name.removeprefix("hello-")
        for journal in runs_folder().glob(f"*/*.{file_host()}.{pid}*.jsonl"):
            # A pid is used again, by programs of other days.
            if journal.stat().st_mtime_ns >= path.stat().st_mtime_ns - _SLACK_NS:
                found[journal.name.partition(".")[0]].append(journal)
    return found


def _info_of(paths: Sequence[Path], recording: Recording) -> RunInfo:
    first = read_run(paths)
    return RunInfo(first.id, first.name, first.recorded_at_ns, replay_of=recording.id)


def _write_root(sink: JournalSink, process: RunInfo, recording: Recording, outcome: _Outcome, return_code: int) -> None:
    root = process.root
    assert root is not None
    code = exit_code(return_code)
    failure = Failure(f"exit {code}", f"the program ended with exit code {code}") if code else None
    attributes = {semconv.COMMAND_ARGS: list(root.argv)}
    sink.write(process, SpanBegin(root.id, None, "run", process.name, root.at_ns, "m", "", attributes))
    end_ns = root_end_ns(recording, outcome.mode, outcome.last_ns)
    status: Literal["ok", "error"] = "error" if failure else "ok"
    sink.write(process, SpanEnd(root.id, end_ns, status, failure, {semconv.EXIT_CODE: code}))


def _tell(outcome: _Outcome, runs: Sequence[str], code: int, form: str, *, said_hello: bool) -> None:
    """Report the outcome: on stderr, since stdout is the program's, or as JSON on stdout."""
    why = _why_untestable(outcome, said_hello=said_hello) if code == _UNTESTABLE else ""
    if form == "json":
        echo_json(
            {
                "run": runs[0] if runs else None,
                "replay": outcome.mode if code != _UNTESTABLE else None,
                "exit_code": code,
                "divergence": outcome.divergence,
                "untestable": why or None,
                "notes": list(outcome.notes),
            }
        )
        return
    if outcome.report:
        tell([outcome.report])
    if why:
        tell([f"could not be tested: {why}"])
    elif not outcome.report:
        others = f", {format_count(outcome.others, 'other request')}" if outcome.others else ""
        click.echo(f"tracekit: {outcome.mode}, {format_count(outcome.calls, 'call')}{others}", err=True)
    tell(outcome.notes)
    if runs:
        click.echo(f"tracekit: recorded {runs[0][:8]}; see it with: tracekit show {runs[0][:8]}", err=True)


def _accepting(run: str, program: Sequence[str]) -> str:
    """Return the command by which a user accepts the program's new requests."""
    again = f"tracekit run -- {shlex.join(program)}"
    is_file = run.endswith(".jsonl") or os.sep in run
    return f"{again} && tracekit export last -o {shlex.quote(run)}" if is_file else f"{again}, and replay that run"


def _why_untestable(outcome: _Outcome, *, said_hello: bool) -> str:
    if not said_hello:
        return (
            "no Python process of the program loaded tracekit's hook, so its requests were blocked. The hook is passed on in PYTHONPATH, "
            "which `python -I`, `-E` and `-S` and some launchers ignore, and tracekit must be installed for the program's "
            "Python. What works everywhere: `with tracekit.replay(FILE):` in the program"
        )
    if outcome.impossible:
        return outcome.impossible
    if outcome.divergence is not None:
        return "no request of the program resembles a recorded one: the recording seems to be of another program"
    return "the program made no call to Claude"
