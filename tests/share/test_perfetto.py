"""The timeline for Perfetto: its JSON, and the rules that Perfetto has for it."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.support.build import Builder, said, user
from tests.support.cli import environment, tracekit
from tracekit.analysis.structure import structure
from tracekit.model.tree import Run, RunTree
from tracekit.share.perfetto import perfetto

RECORDED = sorted((Path(__file__).parents[2] / "fixtures" / "runs").glob("*.jsonl"))


def events_of(run: RunTree) -> list[dict[str, Any]]:
    told = json.loads(perfetto(run))
    assert isinstance(told["traceEvents"], list)
    return list(told["traceEvents"])


def assert_nested(events: list[dict[str, Any]]) -> None:
    """On one track no event overlaps another without lying within it."""
    tracks: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            assert event["dur"] >= 0
            tracks[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    for times in tracks.values():
        ends: list[float] = []
        for begin, end in sorted(times, key=lambda each: (each[0], -each[1])):
            while ends and ends[-1] <= begin + 1e-6:
                ends.pop()
            assert not ends or end <= ends[-1] + 1e-6
            ends.append(end)


def assert_flows_bind(events: list[dict[str, Any]]) -> None:
    """Each end of an arrow lies within a slice of its track, and no arrow leads back in time."""
    slices: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            slices[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    begins: dict[str, float] = {}
    for event in events:
        if event["ph"] in ("s", "f"):
            assert any(begin <= event["ts"] <= end for begin, end in slices[event["tid"]])
        if event["ph"] == "s":
            begins[event["id"]] = event["ts"]
        elif event["ph"] == "f":
            assert event["bp"] == "e"
            assert begins[event["id"]] <= event["ts"]


def assert_known_fields(events: list[dict[str, Any]]) -> None:
    """Every event has the fields that the format asks for, and every track a name."""
    named = {event["tid"] for event in events if event["ph"] == "M" and event["name"] == "thread_name"}
    for event in events:
        assert event["ph"] in ("M", "X", "s", "f")
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        if event["ph"] != "M":
            assert event["tid"] in named
            assert isinstance(event["cat"], str)
            assert event["ts"] >= 0


def crossing() -> Run:
    """Make a lead with three tools at once, of which two start a subagent, and one that outlives its turn."""
    build = Builder(alive=True)
    build.span("root", "run", 0, None, name="audit")
    build.agent("lead", 0, None, "root", name="lead")
    build.span("turn", "turn", 0, 500, "lead")
    build.call("ask", 0, 100, [user("Audit it")], [said("I will.")], parent="turn")
    build.span("one", "tool", 100, 300, "turn", "m.t0", name="execute_tool look")
    build.agent("cart", 110, 290, "one", "m.t0", name="cart")
    build.span("two", "tool", 110, 400, "turn", "m.t1", name="execute_tool look")
    build.agent("mail", 120, 390, "two", "m.t1", name="mail")
    build.span("late", "tool", 150, None, "turn", "m.t2", name="execute_tool wait")
    return structure(build.recording())


def test_tracks_and_arrows() -> None:
    run = crossing()
    events = events_of(run)
    assert_nested(events)
    assert_flows_bind(events)
    assert_known_fields(events)
    titles = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    slices = {event["args"]["id"]: event for event in events if event["ph"] == "X"}
    assert set(slices) == {node.id for node in run.root.walk()}
    assert titles[slices["cart"]["tid"]] == "cart"
    assert titles[slices["mail"]["tid"]] == "mail"
    assert [titles[slices[id]["tid"]] for id in ("lead", "one")] == ["lead", "lead"]
    assert {titles[slices[id]["tid"]] for id in ("two", "late")} == {"lead · beside 1", "lead · beside 2"}
    assert (slices["cart"]["ts"], slices["cart"]["dur"]) == (110_000, 180_000)
    arrows = [(event["ph"], event["id"], event["tid"]) for event in events if event["ph"] in ("s", "f")]
    assert arrows == [
        ("s", "cart", slices["one"]["tid"]),
        ("f", "cart", slices["cart"]["tid"]),
        ("s", "mail", slices["two"]["tid"]),
        ("f", "mail", slices["mail"]["tid"]),
    ]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_runs_nest(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "run.json"
    done = tracekit("export", str(path), "--format", "perfetto", "-o", str(target), env=environment(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "ui.perfetto.dev" in done.stderr
    events = json.loads(target.read_text())["traceEvents"]
    assert_nested(events)
    assert_flows_bind(events)
    assert_known_fields(events)
    ids = [event["args"]["id"] for event in events if event["ph"] == "X"]
    assert len(ids) == len(set(ids)) > 1
    flows = {event["id"] for event in events if event["ph"] == "s"}
    assert flows == {event["id"] for event in events if event["ph"] == "f"}


def test_many_at_once() -> None:
    build = Builder()
    build.span("root", "run", 0, 10_000, name="wide")
    build.agent("lead", 0, 10_000, "root", name="lead")
    for number in range(2_000):
        build.span(f"t{number}", "tool", number % 7, 5_000 + number, "lead", f"m.t{number}", name="execute_tool look")
    assert_nested(events_of(structure(build.recording())))
