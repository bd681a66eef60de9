"""The README and the pages of the manual: what they show works, and what they link to is there."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
import subprocess
import tomllib
from contextlib import suppress
from dataclasses import fields
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import click
import pytest
from textual.pilot import Pilot
from tracekit_viewer.app import Viewer
from tracekit_viewer.screens.help import keys_of
from tracekit_viewer.screens.runs import RunsScreen

from fixtures.make_runs import RUNS
from tests.support.cli import environment, outline, tracekit, tracekit_json
from tests.support.listed import Listed
from tests.support.manual import PAGES, README, ROOT, blocks, page, section
from tests.support.recording import the_run
from tests.support.screens import drive
from tests.support.warm import warm_python
from tracekit import demo, semconv
from tracekit.analysis.structure import structure
from tracekit.cli import help as help_command
from tracekit.cli.main import cli
from tracekit.demo import support_team_script
from tracekit.demo.claude import ScriptedClaude, message, text
from tracekit.journal.writer import JournalSink
from tracekit.replayer.divergence import Divergence, Why
from tracekit.settings import project_settings

DEMO = Path(demo.__file__).parent
TEXTS = {"README": README.read_text(encoding="utf-8"), **{path.stem: page(path.stem) for path in PAGES}}
DOCUMENTS = (*ROOT.glob("*.md"), *PAGES, *ROOT.glob("*/README.md"), *(ROOT / ".github").glob("*.md"))


def python_block(topic: str, mark: str) -> str:
    """Return the one Python block of a page that has `mark` in it."""
    (block,) = [block for block in blocks(TEXTS[topic], "python") if mark in block]
    return block


def test_every_python_block_is_run_by_a_test() -> None:
    assert {topic: len(found) for topic, text in TEXTS.items() if (found := blocks(text, "python"))} == {
        "README": 2,
        "ask": 1,  # in tests/reading/test_reading.py
        "check": 2,  # one of them in tests/cli/test_check.py
        "pytest": 1,
        "record": 3,
        "replay": 1,
        "team": 2,
    }


def test_tools_declare_what_they_touch(recording: Path) -> None:
    names: dict[str, Any] = {}
    exec(python_block("check", "tracekit.tool(reads="), names)
    with names["tracekit"].run("tools"):
        names["read_page"]("a.md")
        names["bash"]("ls")
        names["add"](1, 2)
    tools = [node.attributes for node in structure(the_run()).root.walk() if node.kind == "tool"]
    reads, writes = semconv.DECLARED_READS, semconv.DECLARED_WRITES
    assert [(each[reads], each[writes]) for each in tools] == [(["docs/a.md"], []), ([], ["the shell"]), ([], [])]


@pytest.mark.parametrize("topic", ["README", "record"])
def test_init_is_all_that_a_program_needs(topic: str, tmp_path: Path) -> None:
    block = "import tracekit\n\ntracekit.init()\n"
    assert block in blocks(TEXTS[topic], "python")
    subprocess.run([warm_python(), "-c", block], env=environment(tmp_path), check=True)


def test_a_scripted_claude_answers_without_a_key(tmp_path: Path) -> None:
    env = environment(tmp_path)
    block = python_block("record", "ScriptedClaude")
    done = subprocess.run([warm_python(), "-c", block], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "This is answer 1.\nThis is answer 2.\n"
    assert tracekit_json("show", "tryout", env=env)["run"]["calls"] == 2


def test_the_named_agents_are_recorded_as_they_say(tmp_path: Path) -> None:
    block = python_block("record", "tracekit.agent")
    with ScriptedClaude(lambda asked: message(text("Nothing."))) as claude:
        env = environment(tmp_path, claude.url, PYTHONWARNINGS="ignore")
        done = subprocess.run([warm_python(), "-c", block], env=env, capture_output=True, text=True, check=True)
    shown = tracekit_json("show", "review", env=env)
    assert done.stdout == f"{shown['run']['id']} Nothing.\n"
    assert outline(shown["root"]) == [
        "run",
        "  agent lead",
        "    agent analysis_agent",
        "      tool read_file",
        "      turn ~",
        "        llm",
    ]


@pytest.mark.slow
def test_the_replays_follow_the_demo(tmp_path: Path) -> None:
    """The Python block of the page, and the two commands of the README."""
    env = environment(tmp_path, PYTHONWARNINGS="ignore")
    record, replay, said = blocks(TEXTS["README"].partition("## Replay")[2], "console")[0].splitlines()
    assert tracekit(*record.removeprefix("$ tracekit ").split(), env=env).returncode == 0
    done = tracekit(*replay.removeprefix("$ tracekit ").split(), env=env)
    assert (done.returncode, done.stderr.splitlines()[0]) == (0, said)
    block = python_block("replay", "tracekit.replay")
    replayed = subprocess.run([warm_python(), "-c", block], env=env, capture_output=True, text=True, check=True)
    assert replayed.stdout.endswith("followed 16 calls\n")


@pytest.mark.slow
def test_the_tests_pass_against_recordings(tmp_path: Path) -> None:
    recordings = tmp_path / "recordings"
    for module in ("test_support", "test_readme"):
        (recordings / module).mkdir(parents=True)
        shutil.copy(RUNS / "support-team.jsonl", recordings / module / "test_support_team.jsonl")
    env = environment(tmp_path / "home")
    with ScriptedClaude(support_team_script.respond) as claude:
        made = environment(tmp_path / "home", claude.url)
        command = [warm_python(), "-c", "from tracekit.demo.support_team import *\nasyncio.run(main(TICKETS[1:]))"]
        subprocess.run([warm_python(), "-m", "tracekit", "run", "--", *command], env=made, check=True)
    assert tracekit("export", "last", "-o", str(recordings / "one_ticket.jsonl"), env=env).returncode == 0
    (tmp_path / "test_support.py").write_text(python_block("pytest", "def test_"))
    (tmp_path / "test_readme.py").write_text(python_block("README", "def test_"))
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    command = [warm_python(), "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:asyncio", "--snapshot-update"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert "3 passed" in done.stdout, done.stdout


@pytest.mark.parametrize("name", ["support_team.py", "refactoring_team.py"])
def test_the_pipelines_are_shown_as_they_are(name: str) -> None:
    assert (DEMO / name).read_text(encoding="utf-8") in blocks(TEXTS["team"], "python")


def test_the_keys_are_those_of_the_viewer(home: Path) -> None:
    Listed("a run").write(JournalSink())
    found: dict[str, set[tuple[str, str]]] = {}

    async def look(pilot: Pilot[Any]) -> None:
        where = "list" if isinstance(pilot.app.screen, RunsScreen) else "run"
        found[where] = {(" ".join(key.shown.split()), key.does) for key in keys_of(pilot.app.screen)}

    drive(Viewer(), look)
    drive(Viewer("last"), look)
    found |= {"detail": found["run"], "everywhere": found["list"] & found["run"]}
    rows = re.findall(r"^\| (list|run|detail|everywhere) \| (`.*`) \| (.*) \|$", TEXTS["look"], re.MULTILINE)
    assert len(rows) > 20
    for where, keys, does in rows:
        assert (keys.replace("`", ""), does) in found[where], f"{where}: {keys} {does}"


@pytest.mark.parametrize("topic", ["README", "look"])
def test_the_pictures_are_there(topic: str) -> None:
    """Links are followed below; here each is a picture, and small."""
    pictures = re.findall(r"!\[.+\]\(.*(viewer/screenshots/.+)\)", TEXTS[topic])
    assert pictures
    for picture in pictures:
        text = (ROOT / picture).read_text(encoding="utf-8")
        assert text.startswith("<svg")
        assert len(text) < 200_000


def commands_shown() -> list[tuple[str, str]]:
    """Return each page and each command on it: of console blocks, with continued lines as one, and of the prose."""
    return [
        (topic, " ".join(found))
        for topic, text in TEXTS.items()
        for found in re.findall(r"^\$ tracekit (.*(?:\n {6,}.*)*)|`tracekit (?!COMMAND)([^`]+)`", text, re.MULTILINE)
    ]


def test_every_command_is_shown_and_every_option_exists() -> None:
    shown = set()
    root = click.Context(cli)
    for topic, line in commands_shown():
        name, *arguments = list(itertools.takewhile(lambda word: word != ">", shlex.split(line, comments=True)))
        if name == "--version":
            continue
        command = cli.get_command(root, name)
        assert command is not None, f"{topic}: {name}"
        context = click.Context(command, root, info_name=name, **command.context_settings)
        with suppress(click.BadOptionUsage):  # prose may name an option without its value
            command.make_parser(context).parse_args(arguments)
        shown.add(name)
    assert sorted(set(cli.list_commands(root)) - shown) == []


@pytest.mark.parametrize("topic", TEXTS)
def test_settings_are_valid(topic: str, tmp_path: Path) -> None:
    for number, block in enumerate(blocks(TEXTS[topic], "toml")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "pyproject.toml").write_text(block)
        project_settings(folder)


def test_the_fields_of_a_divergence() -> None:
    rows = dict(re.findall(r"^\| (`.+?`) \| (.*) \|$", section("replay", "JSON output"), re.MULTILINE))
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row)]
    assert sorted(named) == sorted(each.name for each in fields(Divergence))
    assert set(re.findall(r"`(\w+)` \(", rows["`why`"])) == set(get_args(Why))


def test_the_packages_are_those_of_the_code_in_the_order_of_the_layers() -> None:
    named = re.findall(r"^\| `(\w+)` \|", section("architecture", "Packages"), re.MULTILINE)
    packages = {path.parent.name for path in (ROOT / "tracekit").glob("*/*.[pm]*") if path.parent.name != "__pycache__"}
    assert set(named) == packages
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = [re.findall(r"\w+", layer) for layer in contracts[0]["layers"]]
    level = {name: number for number, layer in enumerate(layers) for name in layer}
    order = [level[name] for name in named if name in level]
    assert order == sorted(order)


NAMED_FILE = re.compile(r"`((?:tracekit|tests|viewer|grafana|fixtures|\.ci|\.github)/[\w./-]*)[` ]")
NAMED_MODULE = re.compile(r"python -m ((?:tests|grafana|fixtures|tracekit)[\w.]*)")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_modules_and_variables_that_are_named_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    for name in (each for each in NAMED_FILE.findall(text) if "NAME" not in each):
        assert (ROOT / name).exists(), name
    for name in NAMED_MODULE.findall(text):
        assert find_spec(name) is not None, name
    for name in set(re.findall(r"TRACEKIT_[A-Z_]+", text)):
        assert name in source(), name


@cache
def source() -> str:
    """Return all Python code of the package and its tests as one text."""
    return "\n".join(path.read_text() for folder in ("tracekit", "tests") for path in (ROOT / folder).rglob("*.py"))


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a file."""
    text = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(path: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        if target.startswith(("https://", "http://")):
            continue
        name, _, anchor = target.partition("#")
        there = (path.parent / name).resolve() if name else path
        assert there.exists(), target
        assert there.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(there), target


def test_the_readme_is_short_and_links_to_every_page() -> None:
    assert len(TEXTS["README"].splitlines()) <= 180
    assert re.findall(r"^\| \[[\w-]+\]\(tracekit/guide/(.+)\.md\)", TEXTS["README"], re.MULTILINE) == list(
        help_command._TOPICS
    )
