"""Earlier runs of an agent, looked up in the store while a run is checked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fixtures.make_rules import write
from fixtures.rules import money
from tracekit.analysis.facts import Facts
from tracekit.cli.main import cli
from tracekit.collect.earlier import earlier_runs
from tracekit.collect.look import find, read_entry
from tracekit.journal.home import runs_folder
from tracekit.model.tree import Run

CHAT = next(story for story in money.CAREFUL if story.name == "a cached chat with tools that it never calls")
SECOND = 1_000_000_000


def record(number: int, **header: object) -> str:
    """Put a run of `CHAT` into the home folder, recorded in second `number`; its id."""
    id = f"{number + 1:032x}"
    path = runs_folder() / "2025-10-09" / f"{id}.host.1.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(CHAT, path, id)
    head, _, lines = path.read_text(encoding="utf-8").partition("\n")
    warnings = {**json.loads(head), "recorded_at_ns": 1_760_000_000 * SECOND + number * SECOND, **header}
    path.write_text(json.dumps(warnings, separators=(",", ":")) + "\n" + lines, encoding="utf-8")
    return id


def practices(run: Run, warnings: list[str]) -> int:
    (own,) = Facts(run).practices
    return len(earlier_runs(run, warnings.extend).of(own))


def test_only_runs_recorded_before_count_and_no_replays(home: Path) -> None:
    ids = [record(number) for number in range(4)]
    record(4, replay_of=ids[0])
    warnings: list[str] = []
    assert [practices(read_entry(find(id)), warnings) for id in ids] == [0, 1, 2, 3]
    replayed = read_entry(find(f"{5:032x}"))
    assert practices(replayed, warnings) == 3
    assert warnings == []


def test_a_home_without_runs_stays_empty(home: Path, tmp_path: Path) -> None:
    warnings: list[str] = []
    assert practices(read_entry(find(str(write(CHAT, tmp_path / "run.jsonl")))), warnings) == 0
    assert warnings == []
    assert not home.exists()


def test_a_store_that_cannot_be_read_is_told(home: Path) -> None:
    ids = [record(number) for number in range(2)]
    (home / "store.duckdb").mkdir()
    warnings: list[str] = []
    assert practices(read_entry(find(ids[1])), warnings) == 0
    assert [line.partition(":")[0] for line in warnings] == ["earlier runs are not compared"]


def test_check_finds_it_likely_with_five_runs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(5):
        record(number)
    with pytest.raises(SystemExit) as left:
        cli(["check", "last", "--select", "TK306", "--format", "json"], standalone_mode=False)
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (left.value.code, finding["confidence"]) == (1, "likely")
    assert "called none of them in 5 runs" in finding["message"]
