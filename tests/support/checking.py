"""`tracekit check` in this process."""

from __future__ import annotations

import contextlib
import io
import sys

import click

from tracekit.cli.main import cli
from tracekit.errors import TracekitError
from tracekit.settings import _settings as project_settings_cache

__all__ = ["run"]


def run(*arguments: str) -> tuple[int, str, str]:
    """Run `tracekit check` in this process; return its exit code, and the text on both of its streams."""
    out, err = io.StringIO(), io.StringIO()
    project_settings_cache.cache_clear()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli(["check", *arguments], standalone_mode=False)
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
        except (TracekitError, click.ClickException) as error:
            print(error, file=sys.stderr)
            code = 2
    return code, out.getvalue(), err.getvalue()
