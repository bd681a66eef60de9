"""`tracekit diff` as a user runs it."""

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from tests.support.cli import environment, tracekit
from tests.support.runs import Team, new_run, write_runs
from tracekit.journal.catalog import segments_of
from tracekit.journal.export import export
from tracekit.journal.writer import JournalSink


@pytest.fixture
def pair(home: Path) -> tuple[str, str]:
    """Two runs of a program that a prompt was changed in, and a turn added to, in between."""
    ids = []
    for turns in (2, 3):
        run = new_run("job", 1_795_000_000_000_000_000)
        team = Team(JournalSink(), run, turns, seed=0)
        team._random.seed(4)
        team.write()
        ids.append(run.id)
    return ids[0], ids[1]


def test_the_same(home: Path, tmp_path: Path) -> None:
    (id,) = write_runs(1)
    export(segments_of(id), tmp_path / "run.jsonl")
    export(segments_of(id), tmp_path / "normal.jsonl", normal=True)
    for other in ("run.jsonl", "normal.jsonl"):
        done = tracekit("diff", id[:8], str(tmp_path / other), env=environment(home))
        assert done.returncode == 0, done.stdout
        assert "The runs are the same." in done.stdout


def test_different(home: Path, pair: tuple[str, str], snapshot: SnapshotAssertion) -> None:
    done = tracekit("diff", *pair, env=environment(home, COLUMNS="100", PYTHONIOENCODING="utf-8"))
    assert (done.returncode, done.stderr) == (1, "")
    text = done.stdout
    for id, name in zip(pair, ("first", "second"), strict=True):
        text = text.replace(id[:8], name)
    assert text == snapshot


def test_json(home: Path, pair: tuple[str, str]) -> None:
    import json

    done = tracekit("diff", *pair, "--format", "json", env=environment(home))
    data = json.loads(done.stdout)
    assert done.returncode == 1
    assert data["different"] is True
    assert (data["a"]["id"], data["b"]["id"]) == pair
    for change in data["changes"]:
        assert list(change) == ["path", "field", "how", "before", "after", "words", "a", "b", "repeated", "counts"]
        assert change["how"] in ("changed", "only_in_a", "only_in_b", "moved")
        assert change["path"][0] == {"kind": "run", "name": "job"}
    added = [change for change in data["changes"] if change["how"] == "only_in_b"]
    assert [step["name"] for step in added[0]["path"]][:2] == ["job", "lead"]


def test_without_what_was_said_the_rest_is_compared(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = []
    for content in ("full", "metadata", "metadata", "off"):
        monkeypatch.setenv("TRACEKIT_CONTENT", content)
        run = new_run("job", 1_795_000_000_000_000_000)
        team = Team(JournalSink(), run, 2)
        team._random.seed(4)
        team.write()
        ids.append(run.id)
    full, one, other, nothing = ids
    for a, b in ((full, one), (one, other), (one, nothing)):
        done = tracekit("diff", a, b, env=environment(home))
        assert "messages are not compared" in done.stderr
        assert (done.returncode, "The runs are the same." in done.stdout) == (0, True), done.stdout


def test_what_cannot_be_compared(home: Path, tmp_path: Path) -> None:
    (id,) = write_runs(1)
    for other, said in (("nope", "there is no run 'nope'"), (str(tmp_path / "x.jsonl"), "there is no file")):
        done = tracekit("diff", id, other, env=environment(home))
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
    assert tracekit("diff", id, env=environment(home)).returncode == 2
