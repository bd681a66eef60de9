"""The recordings under `fixtures/runs/` can be read anywhere, name no machine, and hold what their README says."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.make_runs import MADE, RUNS
from tests.support.cli import environment, tracekit
from tracekit.journal.reader import JournalReader, read_run
from tracekit.testing import Check, check

NAMES = sorted(path.stem for path in RUNS.glob("*.jsonl"))

ANALYSTS = "lead\n  analysis_agent\n  analysis_agent\n  analysis_agent"

HOLDS: dict[str, Callable[[Check], Check]] = {
    "refactoring": lambda run: run.serial("analysis_agent").calls("lead", 4).retries(2).times("test_agent", 1),
    "refactoring-team": lambda run: run.parallel("analysis_agent").serial("refactor_agent", "test_agent").no_errors(),
    "support-team": lambda run: run.parallel("draft_agent", "compliance_agent").times("merge_agent", 1).no_errors(),
    "guide-sync": lambda run: run.serial("analysis_agent").tree(ANALYSTS),
    "guide-serial": lambda run: run.serial("analysis_agent").tree(ANALYSTS),
    "guide-async": lambda run: run.parallel("analysis_agent").tree(ANALYSTS),
    "guide-threads": lambda run: run.parallel("analysis_agent").tree(ANALYSTS),
    "guide-decorated": lambda run: run.parallel("analysis_agent").tree(ANALYSTS),
}


def test_each_is_made_and_told_of() -> None:
    readme = (RUNS / "README.md").read_text(encoding="utf-8")
    assert NAMES == sorted(MADE) == sorted(HOLDS) == sorted(re.findall(r"\| `([\w-]+)\.jsonl` \|", readme))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_whole_and_names_no_machine(name: str) -> None:
    path = RUNS / f"{name}.jsonl"
    text = path.read_text(encoding="utf-8")
    assert len(text) < 200_000
    reader = JournalReader(path)
    assert all(event for _, event in reader.new_events())
    assert reader.damage == []
    for header in reader.headers:
        assert (header["host"], header["boot"], header["process_start"]) == ("", "", 0)
        assert header["name"] == name
    for said in (str(Path.home()), str(Path.cwd()), "/tmp/"):
        assert said not in text
    # The paths of the API are the only absolute ones.
    assert {path[:4] for path in re.findall(r'[" =:](/[A-Za-z][\w./-]*)', text)} == {"/v1/"}
    assert f'"{os.uname().nodename}"' not in text
    run = read_run([path])
    assert {exchange.request.host for exchange in run.exchanges.values()} == {"http://127.0.0.1:8484"}
    assert run.exchanges


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_the_readme_says(name: str) -> None:
    checked = HOLDS[name](check(RUNS / f"{name}.jsonl")).cost_below(0.2)
    assert checked.run.status == "ok"


@pytest.mark.parametrize("name", NAMES)
def test_its_replay_has_the_same_normal_form(name: str, tmp_path: Path) -> None:
    made = MADE[name]
    shutil.copy(made.program, tmp_path)
    env, recording = environment(tmp_path / "home"), RUNS / f"{name}.jsonl"
    done = tracekit("replay", str(recording), made.program.name, *made.arguments, env=env, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for source, out in (("last-replay", "replay.jsonl"), (str(recording), "recording.jsonl")):
        assert tracekit("export", source, "--normal", "-o", str(tmp_path / out), env=env).returncode == 0
    assert (tmp_path / "replay.jsonl").read_bytes() == (tmp_path / "recording.jsonl").read_bytes()
    done = tracekit("diff", str(recording), "last-replay", "--times", env=env)
    assert done.returncode == 0
    assert "The runs are the same." in done.stdout.splitlines()
