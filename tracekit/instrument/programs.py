"""Tells a program that is started with `subprocess` in which span that happens: by its environment.

W3C trace context goes out where spans are exported, by the application or by us; the run goes on where the program
belongs to one that is a whole process.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from opentelemetry import trace as otel_trace

from tracekit.instrument.agent_sdk import is_joined
from tracekit.instrument.context import current_span
from tracekit.instrument.guard import guarded
from tracekit.instrument.recorder import active
from tracekit.instrument.remote import TRACE_VARIABLES, Remote
from tracekit.model.run import Session

__all__ = ["REPLAY_VARIABLE", "SESSION_VARIABLE", "start_program"]

SESSION_VARIABLE: Final = "TRACEKIT_SESSION"
REPLAY_VARIABLE: Final = "TRACEKIT_REPLAY"
_DISABLED_VARIABLE: Final = "TRACEKIT_DISABLED"
_OURS: Final = "TRACEKIT_"
_HASH_SEED: Final = "PYTHONHASHSEED"
"""The order of sets may reach a request, and a replay has the order of the recording."""
_HOOK: Final = str(Path(__file__).resolve().parent.parent / "hook")
"""The folder whose `sitecustomize` starts the recording."""

_CLAUDE_CODE: Final = "claude"
_PACKAGE: Final = "/claude-code/"
"""Stands in the path of its script, where `node` is told to run that."""

_ENV = 10
"""The place of `env` among the arguments of `Popen`, for who gives it by position."""


def start_program(original: Callable[..., None]) -> Callable[..., None]:
    """`Popen.__init__`, which adds to the environment of the program. One that the caller wrote there stays."""

    @functools.wraps(original)
    def start(popen: Any, *args: Any, **kwargs: Any) -> None:
        _notice(args[0] if args else kwargs.get("args"))
        given = args[_ENV] if len(args) > _ENV else kwargs.get("env")
        added = {**(_way_in(given) or {}), **(_variables() or {})}
        if added:
            environment = _joined(given, added)
            if len(args) > _ENV:
                args = (*args[:_ENV], environment, *args[_ENV + 1 :])
            else:
                kwargs["env"] = environment
        original(popen, *args, **kwargs)

    return start


@guarded
def _notice(command: Any) -> None:
    """Count a program that asks Claude by itself: Claude Code, which the Claude Agent SDK starts."""
    recorder = active()
    if recorder is None or is_joined():
        return
    words = (
        command.split() if isinstance(command, str) else command if isinstance(command, (list, tuple)) else [command]
    )
    begin = [os.fspath(each) for each in words[:2] if isinstance(each, (str, os.PathLike))]
    if len(words) == len(begin) and begin[-1:] in (["-v"], ["--version"]):
        return
    asks = bool(begin) and (Path(begin[0]).name == _CLAUDE_CODE or any(_PACKAGE in each for each in begin))
    if asks and recorder.upstream.reaches_api(begin[0]):
        recorder.missed(_CLAUDE_CODE, "")


def _joined(given: Mapping[str, str] | None, added: Mapping[str, str]) -> dict[str, str]:
    """`given`, or this process's environment, with what is `added`."""
    environment = dict(os.environ if given is None else given)
    parent = TRACE_VARIABLES[0]
    is_callers = environment.get(parent) not in (None, os.environ.get(parent))
    for name, value in added.items():
        if name in TRACE_VARIABLES and is_callers:
            continue
        if name == SESSION_VARIABLE and environment.get(name, os.environ.get(name)) != os.environ.get(name):
            # Another session, or an environment that has an empty one on purpose.
            continue
        environment[name] = value
    return environment


@guarded
def _way_in(given: Mapping[str, str] | None) -> dict[str, str] | None:
    """Return the variables through which a Python program with a newly made environment, `given`, finds tracekit.

    The servers of MCP get such a one: a few variables that are known to hold no secret.
    """
    ways = (SESSION_VARIABLE, REPLAY_VARIABLE)
    if given is None or any(name in given for name in (*ways, _DISABLED_VARIABLE)):
        return None
    ours = [name for name in os.environ if name.startswith(_OURS) or name == _HASH_SEED]
    found = {name: os.environ[name] for name in ours if name not in given}
    if not any(found.get(name) for name in ways):
        # This process is no part of a run, nor of a replay.
        return None
    own = [each for each in given.get("PYTHONPATH", "").split(os.pathsep) if each]
    return {**found, "PYTHONPATH": os.pathsep.join(own if _HOOK in own else [_HOOK, *own])}


@guarded
def _variables() -> dict[str, str] | None:
    recorder = active()
    if recorder is None:
        return None
    remote = _remote()
    found = remote.variables() if remote is not None else {}
    live, process = current_span(), recorder.process
    if live is None or process is None or process.run is None or live.run is None or SESSION_VARIABLE not in os.environ:
        return found
    # What has nothing of interest in it yet may never be written, and could be nobody's parent.
    if live.written and live.run.info.id == process.run.info.id:
        session = Session.loads(os.environ[SESSION_VARIABLE])
        found[SESSION_VARIABLE] = replace(session, parent=live.id).dumps()
    return found


def _remote() -> Remote | None:
    """The span around the caller, as it is exported."""
    context = otel_trace.get_current_span().get_span_context()
    if context.is_valid:
        return Remote(
            format(context.trace_id, "032x"),
            format(context.span_id, "016x"),
            context.trace_flags.sampled,
            context.trace_state.to_header(),
        )
    recorder, live = active(), current_span()
    if recorder is None or recorder.exporter is None or live is None or not live.exported:
        return None
    if recorder.is_within_run(live):
        recorder.write_begin(live)
    if live.run is None:
        return None
    trace, is_sampled = recorder.exporter.trace_of(live.run.info, live.id)
    return Remote(trace, live.id, is_sampled, recorder.remote.state if recorder.remote is not None else "")
