"""`tracekit export --format`: where a form is written without `-o`, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from tests.support.manual import section
from tracekit.cli.export import command
from tracekit.cli.main import cli

RECORDING = str(Path(__file__).parents[2] / "fixtures" / "runs" / "guide-sync.jsonl")


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, in which this process stands."""
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def export(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["export", RECORDING, *arguments], prog_name="tracekit")


@pytest.mark.parametrize(
    ("form", "name", "begin"),
    [
        ("html", "guide-sync-0b04041e.html", "<!doctype html>"),
        ("svg", "guide-sync-0b04041e.svg", "<svg "),
        ("perfetto", "guide-sync-0b04041e.json", "{"),
        ("pytest", "test_guide_sync.py", '"""The run guide_sync'),
    ],
)
def test_a_form_is_named_after_the_run(form: str, name: str, begin: str, folder: Path) -> None:
    done = export("--format", form)
    assert done.exit_code == 0, done.stderr
    assert f"wrote {name}" in done.stderr
    assert done.stdout == ""
    assert [path.name for path in folder.iterdir() if path.is_file()] == [name]
    assert (folder / name).read_text().startswith(begin)
    assert (folder / name).stat().st_mode & 0o077 == 0


def test_a_summary_is_printed(folder: Path) -> None:
    done = export("--format", "markdown")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("### `guide-sync`\n")
    assert list(folder.iterdir()) == []
    assert export("--format", "markdown", "-o", "run.md").exit_code == 0
    assert (folder / "run.md").read_text() == done.stdout


def test_the_manual_names_every_form() -> None:
    (form,) = [each for each in command.params if each.name == "form"]
    assert isinstance(form.type, click.Choice)
    named = re.findall(r"^\| `(\w+)`", section("export", "Share a run"), re.MULTILINE)
    assert sorted(named) == sorted(form.type.choices)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give either -o FILE or --otlp URL"),
        (["--format", "parquet"], "give either -o FILE or --otlp URL"),
        (["--format", "html", "-o", "."], "is a folder"),
        (["--format", "html", "--normal"], "--normal is for --format journal"),
        (["--format", "html", "--content"], "--content is for --otlp"),
        (["-o", "x", "--otlp", "http://127.0.0.1:1"], "give either -o FILE or --otlp URL"),
    ],
)
def test_what_is_refused(arguments: list[str], said: str, folder: Path) -> None:
    done = export(*arguments)
    assert done.exit_code == 2
    assert said in re.sub(r"\s+", " ", done.stderr)
    assert list(folder.iterdir()) == []
