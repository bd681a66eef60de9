"""Two recordings of one program: volatile values are proposed, texts of the model are not, and possible changes are reported."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.cli import environment
from tests.support.cli import tracekit as command
from tests.support.recording import recordings, stop
from tests.support.replays import Watched, record, replay_of
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, message, text
from tracekit.errors import ReplayDivergence
from tracekit.journal.catalog import all_runs
from tracekit.journal.export import export
from tracekit.journal.reader import read_run
from tracekit.replayer.calibrate import calibrate


def text_of(answer: Any) -> str:
    return str(answer.content[0].text)


class Program:
    """Asks twice; each time it runs, some of what it asks is another."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.runs = 0

    def __call__(self, system: str = "You help.") -> str:
        self.runs += 1
        at = datetime(2026, 11, 20 + self.runs, 10, self.runs, tzinfo=UTC)
        with anthropic.Anthropic(base_url=self.url, api_key="key") as client:
            messages: list[Any] = [
                {
                    "role": "user",
                    "content": f"Today is {at:%Y-%m-%d}, it is {at:%H:%M}. Session {uuid.uuid4()}, attempt {self.runs} of 9. "
                    f"Work in /tmp/work-{uuid.uuid4().hex[:6]}/shop; there are 3 files.",
                }
            ]
            asked: Any = {"model": "claude-sonnet-5", "max_tokens": 50, "system": system}
            user: Any = {"user_id": f"user-{self.runs}"}
            said = text_of(client.messages.create(**asked, messages=messages, metadata=user))
            messages += [
                {"role": "assistant", "content": said},
                {"role": "user", "content": f"You said: {said}. Go on."},
            ]
            return text_of(client.messages.create(**asked, messages=messages, metadata=user))


class Moody:
    """Never answers the same."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, asked: ReceivedRequest) -> ScriptedResponse:
        self.number += 1
        return message(text(f"Answer number {self.number} of {['a', 'b', 'c', 'd', 'e', 'f', 'g'][self.number]}"))


def test_what_is_volatile_is_proposed_and_nothing_else(home: Path) -> None:
    with Watched(Moody()) as claude:
        program = Program(claude.url)
        _, first = record(program)
        _, second = record(program)
    found = calibrate(first, second)
    assert (found.pairs, found.alone, found.unexplained) == (2, (), ())
    assert [proposal.what for proposal in found.proposals] == [
        "a UUID",
        "a date",
        "a time of day",
        "a temporary path",
        "a number",
        "metadata",
    ]
    assert "metadata.user_id" in found.ignore
    assert r"/,\ attempt\ \d+(?:\.\d+)?/" in found.ignore
    assert (found.proposals[1].recorded, found.proposals[1].other) == ("2026-11-21", "2026-11-22")
    # The second call holds the first answer, which a replay gives as it was.
    assert found.alike == 2
    with pytest.raises(ReplayDivergence):
        replay_of(first, program)
    again, replay = replay_of(first, program, ignore=found.ignore)
    assert again.startswith("Answer number 2")
    assert replay.mode == "followed"
    assert calibrate(first, second, found.ignore).proposals == ()


def test_what_may_be_a_change_is_told_and_not_proposed(home: Path) -> None:
    with Watched(Moody()) as claude:
        program = Program(claude.url)
        _, first = record(program)
        _, second = record(lambda: program("You help gladly."))
    found = calibrate(first, second)
    assert [(difference.place, difference.asked) for _, difference in found.unexplained] == [
        ("system", "You help gladly.")
    ] * 2
    assert not any("help" in entry for entry in found.ignore)
    with pytest.raises(ReplayDivergence, match=r"You help gladly\."):
        replay_of(first, lambda: program("You help gladly."), ignore=found.ignore)


def test_the_header_of_a_file_keeps_what_is_confirmed(home: Path, tmp_path: Path) -> None:
    with Watched(Moody()) as claude:
        program = Program(claude.url)
        for _ in range(2):
            record(program)
        newest, oldest = all_runs()
        for name, entry in (("a", oldest), ("b", newest)):
            export(entry.paths, tmp_path / f"{name}.jsonl")
        stop()
        env = environment(home, claude.url)
        a, b = str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")
        before = (tmp_path / "a.jsonl").read_bytes()
        asked = command("replay", a, "--calibrate", b, env=env)
        assert (asked.returncode, (tmp_path / "a.jsonl").read_bytes()) == (0, before)
        assert "metadata.user_id\n  metadata: user-1 | user-2\n" in asked.stdout
        assert "`--yes` writes it" in asked.stderr
        in_home = command("replay", oldest.id, "--calibrate", newest.id, "--yes", env=env)
        assert in_home.returncode == 0, in_home.stderr
        assert "--ignore metadata.user_id" in in_home.stderr
        assert "tracekit export" in in_home.stderr
        told = json.loads(command("replay", "--calibrate", b, "--yes", "--format", "json", a, env=env).stdout)
        assert told["written"] is True
        header, *rest = (tmp_path / "a.jsonl").read_bytes().splitlines()
        assert rest == before.splitlines()[1:]
        assert json.loads(header)["ignore"] == [each["entry"] for each in told["ignore"]]
        with tracekit.replay(a) as replay, tracekit.run("recorded"):
            program()
        assert replay.mode == "followed"
        # An export of the file keeps them.
        export([tmp_path / "a.jsonl"], tmp_path / "c.jsonl")
        assert read_run([tmp_path / "c.jsonl"]).segments[0].ignore == tuple(each["entry"] for each in told["ignore"])
        assert command("replay", "--calibrate", b, a, "agent.py", env=env).returncode == 2
        assert command("replay", "--calibrate", "nope.jsonl", a, env=env).returncode == 2
    assert len(recordings()) == 2
