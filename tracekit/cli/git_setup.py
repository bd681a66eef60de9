"""`tracekit git-setup`: let git show changes of recordings as text in place of lines of JSON."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click

from tracekit.cli.load import as_file
from tracekit.cli.options import tell
from tracekit.collect.look import damage_in, find, read_entry
from tracekit.errors import SettingsError, TracekitError

__all__ = ["command"]

_DRIVER = "tracekit"
_ATTRIBUTES = f"**/recordings/**/*.jsonl diff={_DRIVER} merge=binary -text linguist-generated"
"""Shown as text, never merged line by line nor given other line ends, and folded where a forge shows a review."""
_CONFIG = {
    f"diff.{_DRIVER}.textconv": "tracekit git-setup --textconv",
    f"diff.{_DRIVER}.xfuncname": "^ *((agent|tool|call) .*)$",
}


@click.command("git-setup")
@click.option(
    "--textconv",
    "shown",
    metavar="FILE",
    help="Print a recording as git shows it: its tree and messages, without ids and times.",
)
def command(shown: str | None) -> None:
    """Set up `git diff`, `git log -p` and `git show` for the recordings of this repository.

    Adds a line to .gitattributes, which is to be committed, and a diff driver to the repository's own configuration,
    which everybody who works in it has to add for himself by this command.
    """
    if shown is not None:
        _print(shown)
        return
    root = Path(_git("rev-parse", "--show-toplevel"))
    _add_attributes(root / ".gitattributes")
    for name, value in _CONFIG.items():
        if _git("config", "--local", "--get", name, may_fail=True) == value:
            tell([f"{name} is set already"])
        else:
            _git("config", "--local", name, value)
            tell([f"set {name} = {value}"])


def _print(shown: str) -> None:
    """Print the text that git compares. A file that is no recording is printed as it is."""
    from tracekit.cli.render.review import review  # noqa: PLC0415  not needed to set up

    file = as_file(str(Path(shown).absolute()))
    try:
        run = read_entry(find(file))
    except TracekitError as error:
        click.echo(f"({error})".replace(file, shown))
        click.echo(Path(file).read_bytes().decode("utf-8", "backslashreplace"), nl=False)
        return
    click.echo(review(run))
    for warning in damage_in(run):
        click.echo(f"({warning})".replace(file, shown))


def _add_attributes(path: Path) -> None:
    """Add our line, unless the file has one for recordings."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if any(f"diff={_DRIVER}" in line.split() for line in text.splitlines() if not line.startswith("#")):
        tell([f"{path} names the diff driver already"])
        return
    gap = "" if not text or text.endswith("\n") else "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(f"{gap}{_ATTRIBUTES}\n")
    tell([f"added to {path}, which is to be committed: {_ATTRIBUTES}"])


def _git(*arguments: str, may_fail: bool = False) -> str:
    """The output of a git command, without the last line break.

    Raises:
        SettingsError: There is no git, or this is no repository.
    """
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S603, S607  the user's own git
    except OSError as error:
        raise SettingsError(f"git cannot be run: {error.strerror}; install git, or put it into PATH") from error
    if done.returncode and not may_fail:
        raise SettingsError(
            f"git {arguments[0]} failed: {done.stderr.strip()}; run this within the repository that keeps the recordings"
        )
    return done.stdout.rstrip("\n")
