"""The extension for IPython and Jupyter: ``%load_ext tracekit`` shows runs as pictures, and adds ``%%trace``."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tracekit.configure import init
from tracekit.errors import RunNotFoundError
from tracekit.instrument.scopes import run as run_scope
from tracekit.model.tree import Run
from tracekit.reading.loaded import LoadedRun, load

__all__ = ["load_extension"]

_MAGIC = "trace"
_CALL = f"get_ipython().run_cell_magic('{_MAGIC}',"
"""The form in which IPython hands a cell that begins with ``%%trace`` to its transformers."""


def load_extension(shell: Any) -> None:
    """Record what the notebook does, show runs as pictures, and add ``%%trace [NAME]`` to the IPython `shell`."""
    init()
    magic = _TraceMagic(shell)
    shell.register_magic_function(magic.trace, "cell", _MAGIC)
    if magic.awaited not in shell.input_transformers_post:
        shell.input_transformers_post.append(magic.awaited)
    formatter = shell.display_formatter.formatters["text/html"]
    formatter.for_type(Run, lambda run: LoadedRun(run)._repr_html_())


class _TraceMagic:
    """The cell magic ``%%trace``, for cells with and without `await`."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _TraceMagic)

    __hash__ = object.__hash__

    def trace(self, line: str, cell: str) -> Any:
        """Run the cell as one run with the name in `line`, and show the run.

        A cell that awaits gives a coroutine, which the cell awaits.
        """
        code = _CellCode(self._shell, cell)
        name = line.strip() or "cell"
        return self._later(name, code) if code.is_async else self._now(name, code)

    def awaited(self, lines: Sequence[str]) -> Sequence[str]:
        """Let a cell that begins with ``%%trace`` and awaits await the magic."""
        if not lines or not lines[0].startswith(_CALL):
            return lines
        try:
            arguments = ast.literal_eval(f"({''.join(lines).strip().removeprefix(_CALL)}")
            is_async = _CellCode(self._shell, arguments[-1]).is_async
        except (SyntaxError, ValueError):
            # The magic itself reports the error in the cell.
            return lines
        return [f"await {lines[0]}", *lines[1:]] if is_async else lines

    def _now(self, name: str, code: _CellCode) -> Any:
        with self._shown(name):
            return code.run()

    async def _later(self, name: str, code: _CellCode) -> Any:
        with self._shown(name):
            return await code.run_async()

    @contextmanager
    def _shown(self, name: str) -> Iterator[None]:
        """Make the block a run, and show the run at the end."""
        handle = None
        try:
            with run_scope(name) as handle:
                yield
        finally:
            if handle is not None:
                _show(handle.id, name)


def _show(id: str, name: str) -> None:
    from IPython import display  # noqa: PLC0415  whoever loads this extension has IPython

    show: Callable[..., object] = display.display
    try:
        show(load(id))
    except RunNotFoundError:
        text = f"Nothing was recorded: {name!r} called no model, no agent and no tool."
        show({"text/plain": text}, raw=True)


class _CellCode:
    """The code of a cell: its statements, and the expression at its end whose value the cell shows."""

    def __init__(self, shell: Any, cell: str) -> None:
        source = shell.transform_cell(cell)
        filename = shell.compile.cache(source, shell.execution_count, raw_code=cell)
        body = ast.parse(source, filename).body
        last = body.pop() if body and isinstance(body[-1], ast.Expr) and not cell.rstrip().endswith(";") else None
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        self._codes = [compile(ast.Module(body, []), filename, "exec", flags=flags)]
        if isinstance(last, ast.Expr):
            self._codes.append(compile(ast.Expression(last.value), filename, "eval", flags=flags))
        self._names = shell.user_ns

    @property
    def is_async(self) -> bool:
        """Return whether the cell awaits."""
        return any(code.co_flags & inspect.CO_COROUTINE for code in self._codes)

    def run(self) -> Any:
        """Run the cell; return the value of the expression at its end."""
        value = None
        for code in self._codes:
            value = eval(code, self._names)  # noqa: S307  the user's own cell
        return value

    async def run_async(self) -> Any:
        """Run the cell, which awaits; return the value of the expression at its end."""
        value = None
        for code in self._codes:
            value = eval(code, self._names)  # noqa: S307  the user's own cell
            if code.co_flags & inspect.CO_COROUTINE:
                assert isinstance(value, Coroutine)
                value = await value
        return value
