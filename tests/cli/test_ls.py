"""`tracekit ls`: the runs that it lists, their order, and the number of runs left out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.support.crowd import command
from tests.support.listed import Listed, write_all
from tests.support.runs import write_runs

RUNS = (
    Listed("alpha-short", ago_s=50, took_s=1, calls=1, retries=3),
    Listed("alpha-long", ago_s=500, took_s=90, calls=9, status="error"),
    Listed("beta", ago_s=5, took_s=10, calls=2, input=90_000),
)


@pytest.fixture
def three(home: Path) -> Iterator[None]:
    sink = write_all(RUNS)
    yield
    del sink


def listed(*arguments: str) -> list[str]:
    code, out, err = command(["ls", "--format", "json", *arguments])
    assert code == 0, err
    return [run["name"] for run in json.loads(out)]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ("", ["beta", "alpha-short", "alpha-long"]),
        ("--name ALPHA", ["alpha-short", "alpha-long"]),
        ("--status error", ["alpha-long"]),
        ("--name beta --status error", []),
        ("--sort time", ["alpha-long", "beta", "alpha-short"]),
        ("--sort name", ["alpha-long", "alpha-short", "beta"]),
        ("--sort tokens", ["beta", "alpha-long", "alpha-short"]),
        ("--sort calls --limit 1", ["alpha-long"]),
        ("--sort retries --limit 1", ["alpha-short"]),
    ],
)
def test_runs_are_chosen_and_sorted(arguments: str, names: list[str]) -> None:
    assert listed(*arguments.split()) == names


def test_since_is_counted_from_now(home: Path) -> None:
    write_runs(1, name="old", ago_s=3 * 86400)
    write_runs(1, name="new", ago_s=60)
    assert listed("--since", "1d") == ["new"]
    assert listed("--since", "1w") == ["new", "old"]
    with pytest.raises(click.BadParameter, match="is not an age"):
        command(["ls", "--since", "soon"])


@pytest.mark.usefixtures("three")
def test_what_is_left_out_is_said_with_the_way_to_see_it() -> None:
    _, out, err = command(["ls", "--limit", "2"])
    assert len(out.splitlines()) == 3
    assert "2 of 3 runs; `--limit 3` lists all" in err
    assert "2 runs: 3 calls, 180.9k -> 360 tokens, $0.5481" in err
    assert "runs;" not in command(["ls"])[2]
    assert "No run matches" in command(["ls", "--name", "nonesuch"])[2]


def test_costs_have_no_digits_that_adding_left(home: Path) -> None:
    write_runs(1, turns=7)
    _, out, _ = command(["show", "last", "--format", "json"])
    costs = [node["cost_usd"] for node in _nodes(json.loads(out)["root"]) if node["cost_usd"]]
    assert costs
    assert all(len(repr(cost)) <= 12 for cost in costs), costs


def _nodes(node: dict[str, object]) -> Iterator[dict[str, object]]:
    yield node
    children = node["children"]
    assert isinstance(children, list)
    for child in children:
        yield from _nodes(child)


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_ids_times_and_costs_are_whole_however_narrow_it_is(
    home: Path, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    sink = write_all((*RUNS, Listed("a-name-that-is-longer-than-there-is-room-for", ago_s=9)))
    _, out, _ = command(["ls"])
    del sink
    lines = out.splitlines()
    assert max(map(len, lines)) <= width
    for line, run in zip(sorted(lines[1:]), sorted(RUNS, key=lambda run: run.id), strict=False):
        assert line.count("…") <= 1, line
        assert line.split()[0].isalnum()
        assert len(line.split()[0]) == 8
        assert "$" in line
        assert run.id[:8] in out
