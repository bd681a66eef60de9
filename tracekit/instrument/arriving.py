"""Hears of what reaches the program from outside: connections, cells of a notebook, jobs of schedulers and task queues."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from opentelemetry.context import Context

from tracekit.instrument.guard import guarded
from tracekit.instrument.importing import when_imported
from tracekit.instrument.recorder import active
from tracekit.instrument.units import Unit, UnitKind, accepted, begin_unit, end_unit, serves, unit_of_caller

__all__ = ["create_server", "hear_of_arrivals"]

Replace = Callable[[type | ModuleType, str, Callable[[Any], Any]], object]


def hear_of_arrivals(replace: Replace) -> None:
    """Replace, with `replace`, what accepts connections, runs a cell or starts a job."""
    when_imported("socket", lambda module: replace(module.socket, "accept", _accept))
    when_imported("IPython.core.interactiveshell", lambda module: _hook_shell(module, replace))
    # These take their jobs from a timer or a queue, and run them on a thread that does nothing else: the standard
    # library shows neither where a job comes from nor where it begins.
    when_imported("apscheduler.executors.base", lambda module: replace(module.BaseExecutor, "submit_job", _submit_job))
    when_imported("celery.signals", _hook_task_queue)


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _accept(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def accept(listening: Any) -> Any:
        connection = original(listening)
        _note_accepted()
        return connection

    return accept


@guarded
def _note_accepted() -> None:
    if active() is not None:
        accepted()


def create_server(original: Callable[..., Any]) -> Callable[..., Any]:
    """`create_server` of a loop that accepts connections in C, whose callbacks run in copies of this one's context."""

    @functools.wraps(original)
    async def create(loop: Any, *args: Any, **kwargs: Any) -> Any:
        with serves():
            return await original(loop, *args, **kwargs)

    return create


# ── cells ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _hook_shell(module: ModuleType, replace: Replace) -> None:
    replace(module.InteractiveShell, "run_cell_async", _run_cell)
    if module.InteractiveShell.initialized():
        # The cell that runs now has called `tracekit.init()`.
        begin_unit(Unit("cell", _name_of_notebook(module.InteractiveShell.instance())))


def _run_cell(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def run_cell_async(shell: Any, *args: Any, **kwargs: Any) -> Any:
        before = _begin("cell", _name_of_notebook(shell))
        try:
            return await original(shell, *args, **kwargs)
        finally:
            end_unit(before)

    return run_cell_async


def _name_of_notebook(shell: Any) -> str:
    """Return the name of the notebook as far as Jupyter or an editor tells it, without its ending."""
    notebook = os.environ.get("JPY_SESSION_NAME") or getattr(shell, "user_ns", {}).get("__vsc_ipynb_file__")
    return Path(str(notebook)).stem if notebook else "notebook"


# ── jobs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _submit_job(original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def submit_job(executor: Any, job: Any, *args: Any, **kwargs: Any) -> Any:
        before = _begin("job", str(getattr(job, "name", "")))
        try:
            return original(executor, job, *args, **kwargs)
        finally:
            end_unit(before)

    return submit_job


_begun: dict[str, Context | None] = {}
"""What was current before each task of a task queue that runs now, by the task's id."""


def _hook_task_queue(module: ModuleType) -> None:
    module.task_prerun.connect(_task_begins, weak=False, dispatch_uid="tracekit")
    module.task_postrun.connect(_task_ends, weak=False, dispatch_uid="tracekit")


def _task_begins(task_id: str, task: Any, **_: Any) -> None:
    if unit_of_caller() is None:
        # A web request may run a task by itself, within its own work.
        _begun[task_id] = _begin("job", str(getattr(task, "name", "")))


def _task_ends(task_id: str, **_: Any) -> None:
    end_unit(_begun.pop(task_id, None))


@guarded
def _begin(kind: UnitKind, name: str) -> Context | None:
    return begin_unit(Unit(kind, name)) if active() is not None else None
