"""Judges in processes of their own: none is loaded without `--judge`, and installed packages bring others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.make_rules import write
from tests.support.cli import environment
from tests.support.judging import INDEPENDENT, WEATHER
from tracekit.demo.claude import ScriptedClaude

HOUSE = """
from tracekit.model.question import Ruling
from tracekit.rules.judge import Opinion


class House:
    name, version = "house rules", "1"

    def __init__(self, options):
        self.options = options

    def estimate_usd(self, question):
        return 0.01

    def judge(self, questions):
        for question in questions:
            yield Opinion(Ruling(False, f"{question.agent} asked {self.options['of']}", "", self.name), usd=0.01)


class Failing(House):
    def judge(self, questions):
        yield from super().judge(questions[:0])
        raise RuntimeError("out of order")


class Short(House):
    version = "of one opinion too few"

    def judge(self, questions):
        return []


def broken(options):
    raise RuntimeError("no house")
"""

PROGRAM = """
import contextlib, io, json, sys
from tracekit.cli.main import cli

events = []
sys.addaudithook(lambda event, _: events.append(event) if event.startswith("socket.") else None)
told = {}
for name, arguments in json.loads(sys.argv[1]).items():
    out, err = io.StringIO(), io.StringIO()
    events.clear()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            cli(["check", *arguments], standalone_mode=False)
            code = 0
        except SystemExit as left:
            code = left.code
        except Exception as error:
            print(error, file=err)
            code = 2
    loaded = [name for name in ("anthropic", "tracekit.judges") if name in sys.modules]
    told[name] = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "events": sorted(set(events)), "loaded": loaded}
print(json.dumps(told))
"""


@pytest.mark.slow
def test_without_judge_no_socket_is_opened_and_others_come_by_entry_point(tmp_path: Path) -> None:
    path = str(write(WEATHER, tmp_path / "weather.jsonl"))
    info = tmp_path / "site" / "house-1.dist-info"
    info.mkdir(parents=True)
    (tmp_path / "site" / "house.py").write_text(HOUSE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: house\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[tracekit.judges]\nhouse = house:House\nbroken = house:broken\nodd = json:loads\n"
        "failing = house:Failing\nshort = house:Short\n"
    )
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.judge]\nname = 'house'\nof = 'twice'\n")
    calls = {
        "silent": [path],
        "failing": [path, "--judge", "--judge-name", "failing"],
        "short": [path, "--judge", "--judge-name", "short"],
        "house": [path, "--judge", "--format", "json"],
        "again": [path, "--judge"],
        "nobody": [path, "--judge", "--judge-name", "nobody"],
        "broken": [path, "--judge", "--judge-name", "broken"],
        "odd": [path, "--judge", "--judge-name", "odd"],
        "batch": [path, "--judge", "--judge-batch"],
        "no claude": [path, "--judge", "--judge-name", "claude"],
    }
    with ScriptedClaude(lambda _: INDEPENDENT) as claude:
        env = environment(tmp_path / "home", claude.url, PYTHONPATH=str(tmp_path / "site"))
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(calls)],
            env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert (told["silent"]["code"], told["silent"]["events"], told["silent"]["loaded"]) == (0, [], [])
        assert "TK103 possible" in told["silent"]["out"]
        found = json.loads(told["house"]["out"])
        assert found["findings"][0]["evidence"][-1] == "judged independent by house rules: lead asked twice"
        assert found["judge"]["usd"] == 0.01
        assert "1 now likely; 0 asked for $0.0000, 1 known from an earlier check" in told["again"]["err"]
        assert told["house"]["events"] == told["again"]["events"] == []
        assert (
            "there is no judge 'nobody'; there is claude, broken, failing, house, odd, short" in told["nobody"]["err"]
        )
        assert "the judge broken of house:broken cannot be made: RuntimeError('no house')" in told["broken"]["err"]
        assert "the judge house rules failed: RuntimeError: out of order; fix the judge" in told["failing"]["err"]
        assert "the judge house rules failed: ValueError: zip()" in told["short"]["err"]
        assert (told["failing"]["code"], told["short"]["code"]) == (2, 2)
        assert "the judge odd of json:loads cannot be made" in told["odd"]["err"]
        assert "--judge-batch is for the judge claude" in told["batch"]["err"]
        # The option that another judge has is none of Claude's.
        assert "has of; it may have name" in told["no claude"]["err"]
        assert [told[name]["code"] for name in ("house", "again", "nobody", "broken", "odd", "batch", "no claude")] == [
            1,
            1,
            2,
            2,
            2,
            2,
            2,
        ]
        assert claude.asked == []
        (tmp_path / "pyproject.toml").unlink()
        claude_calls = {"claude": [path, "--judge"]}
        asked = subprocess.run(
            [sys.executable, "-c", PROGRAM, json.dumps(claude_calls)],
            env=env, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        # The same hook sees a judge that asks.
        assert "socket.connect" in json.loads(asked.stdout)["claude"]["events"]
        assert len(claude.asked) == 1
