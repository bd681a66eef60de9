"""Write a run as a page, a picture, a timeline, a summary or a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracekit.cli.options import tell
from tracekit.collect.look import damage_in, read_entry
from tracekit.journal.export import export
from tracekit.output import output as written
from tracekit.rules.default import default_findings

if TYPE_CHECKING:
    from tracekit.journal.catalog import Entry
    from tracekit.model.tree import Run

__all__ = ["FORMS", "write_shared"]

FORMS = ("html", "svg", "markdown", "perfetto", "pytest")

_ENDINGS = {"perfetto": "json"}
_MOST_WORD = 60
_ADVICE = {
    "html": "open it in a browser; it needs no network",
    "perfetto": "open it at https://ui.perfetto.dev, which reads it in your browser",
}


def write_shared(entry: Entry, form: str, output: Path | None, *, is_shared: bool, allow_secrets: bool) -> None:
    """Write the run of `entry` to `output` in a `form` of `FORMS`.

    Without `output`, Markdown is printed, and other forms go to a file named after the run.

    Raises:
        UsageError: `output` is a folder.
        JournalError: The run cannot be read.
        SecretsError: The run has what looks like a credential, unless `allow_secrets`.
        OutputError: `output` cannot be written.
    """
    if output is not None and output.is_dir():
        raise click.UsageError(f"{str(output)!r} is a folder: give the file that the run is written to")
    run = read_entry(entry)
    tell(damage_in(run))
    if output is None and form == "markdown":
        click.echo(_made(run, form).decode(), nl=False)
        return
    output = output or _named_after(run, form)
    if form == "pytest":
        _write_test(entry, run, output, is_shared=is_shared, allow_secrets=allow_secrets)
        return
    with written(output, shared=is_shared) as draft:
        draft.write_bytes(_made(run, form))
    advice = _ADVICE.get(form)
    click.echo(f"wrote {output}{f': {advice}' if advice else ''}", err=True)


def _named_after(run: Run, form: str) -> Path:
    """Return a file in the current folder, named after `run`."""
    word = re.sub(r"[^A-Za-z0-9]+", "_" if form == "pytest" else "-", run.name)[:_MOST_WORD].strip("-_")
    if form == "pytest":
        return Path(f"test_{word or 'run'}.py")
    return Path(f"{word or 'run'}-{run.id[:8]}.{_ENDINGS.get(form, form)}")


def _made(run: Run, form: str) -> bytes:
    """Return `run` in the form; each form is loaded when it is asked for."""
    if form == "perfetto":
        from tracekit.share.perfetto import perfetto  # noqa: PLC0415

        return perfetto(run).encode()
    findings = default_findings(run)
    if form == "svg":
        from tracekit.share.svg import svg  # noqa: PLC0415

        return svg(run, findings).encode()
    if form == "markdown":
        from tracekit.share.markdown import markdown  # noqa: PLC0415

        return markdown(run, findings).encode()
    from tracekit.share.html import html_page  # noqa: PLC0415

    return html_page(run, findings)


def _write_test(entry: Entry, run: Run, output: Path, *, is_shared: bool, allow_secrets: bool) -> None:
    """Write a test of `run` to `output`, and its recording beside it."""
    from tracekit.testing.written import written_test  # noqa: PLC0415  only for tests

    if output.suffix != ".py":
        raise click.UsageError(f"{str(output)!r} is not a test file: give a name like test_agent.py")
    made = written_test(run, output.absolute(), Path.cwd())
    made.recording.parent.mkdir(parents=True, exist_ok=True)
    export(entry.paths, made.recording, shared=True, allow_secrets=allow_secrets)
    with written(output, shared=is_shared) as draft:
        draft.write_text(made.text, encoding="utf-8")
    how = "runs the program against" if made.is_replay else "checks"
    click.echo(
        f"wrote {output}, which {how} {output.parent / made.recording.relative_to(output.absolute().parent)}: run it with `pytest {output}`",
        err=True,
    )
