"""The filters of `tracekit ls`: the runs that each chooses, and the messages for wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.crowd import command
from tests.support.listed import Listed, write_all
from tests.support.runs import MODEL, Team, new_run
from tracekit.collect.look import list_runs
from tracekit.errors import FilterError
from tracekit.journal.writer import JournalSink
from tracekit.store.filter import FILTERS, parse_filter

RUNS = (
    Listed("alpha-short", ago_s=50, took_s=1, calls=1, retries=3),
    Listed("alpha-long", ago_s=500, took_s=90, calls=9, status="error", model="acme-7b"),
    Listed("beta ÄÖ", ago_s=5, took_s=10, calls=2, agents=2, input=90_000),
    Listed("%_like", ago_s=7, took_s=2),
)
EVERY = {run.name for run in RUNS} | {"spoken"}
CHOSEN: tuple[tuple[str, set[str]], ...] = (
    ("alpha", {"alpha-short", "alpha-long"}),
    ("ALPHA status:err", {"alpha-long"}),
    ("name:äö", {"beta ÄÖ"}),
    ('"beta ä"', {"beta ÄÖ"}),
    ("%", {"%_like"}),
    ("_", {"%_like", "alpha-short", "alpha-long", "beta ÄÖ", "spoken"}),
    ("model:acme", {"alpha-long"}),
    ("acme", {"alpha-long"}),
    ("agent:agent_1", {"beta ÄÖ"}),
    ("tool:read_f", {"spoken"}),
    ("retries>2", {"alpha-short"}),
    ("retries:3", {"alpha-short"}),
    ("retries=0 calls>=2", {"alpha-long", "beta ÄÖ", "spoken"}),
    ("calls:>2 status:error", {"alpha-long"}),
    ("agents>1", {"beta ÄÖ"}),
    ("time>1m", {"alpha-long"}),
    ("time<1500ms", {"alpha-short", "spoken"}),
    ("tokens>100k", {"beta ÄÖ"}),
    ("cost>$0.5", {"beta ÄÖ"}),
    ("said:zürich", {"spoken"}),
    ("said:F0.PY", {"spoken"}),
    ('said:"two words"', {"spoken"}),
    ('said:"\'; DROP TABLE run; --"', set()),
    ("source:tracekit", EVERY),
    ("source:claude", set()),
    ("code:TK102", set()),
    ("since:2020-01-01", EVERY),
    ("since:1m name:spoken", {"spoken"}),
    (f"{RUNS[0].id[:14]}", {"alpha-short"}),
    ("  ", EVERY),
)


def listed(*arguments: str) -> set[str]:
    code, out, err = command(["ls", "--format", "json", *arguments])
    assert code == 0, err
    return {run["name"] for run in json.loads(out)}


def test_each_filter_chooses_its_runs(home: Path) -> None:
    sink = write_all(RUNS)
    team = JournalSink()
    Talk(team, new_run("spoken"), 2).write()
    for filter, names in CHOSEN:
        assert listed(filter) == names, filter
    assert listed("alpha", "retries>2") == {"alpha-short"}
    # What is recorded after the store was made is found, too.
    Talk(team, new_run("later"), 2).write()
    assert listed("said:zürich") == {"spoken", "later"}
    assert len(list_runs(None).runs) == len(RUNS) + 2
    del sink
    _, out, err = command(["ls", "said:nothing-like-it"])
    assert not out
    assert "No run matches" in err


class Talk(Team):
    """A run whose texts are known."""

    def _words(self, length: int) -> str:
        return f"Zürich, {MODEL}\ntwo words"


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        ("foo:bar", "there is no filter foo: .*name:, agent:.*retries>"),
        ("status:bad", "ok, error, open and interrupted"),
        ("status>ok", "status takes a colon"),
        ("cost>", "cost> has no value: the cost in US dollars"),
        ("said:", "said: has no value: a text in a message"),
        ("cost>much", "much is not a number for cost: write cost>2"),
        ("time>5y", "5y is not a number for time: .*with the units ms, s, m, min and h"),
        ("since:soon", "since:soon is not a time: .*as in 30d, or a date"),
        ("cost >1", ">1 is no filter: write cost>2 without spaces"),
        ("calls!=1", "calls!=1 is no filter: "),
        ("a " * 101, "the filter has 101 terms; give at most 100"),
        ("said:\udcff", "bytes that are no UTF-8 text"),
    ],
)
def test_a_wrong_filter_names_what_exists(filter: str, message: str) -> None:
    with pytest.raises(FilterError, match=message):
        parse_filter(filter)


def test_a_wrong_filter_is_a_usage_error_of_the_command(home: Path) -> None:
    code, out, err = command(["ls", "foo:bar"])
    assert (code, out) == (2, "")
    assert "there is no filter foo:" in err
    _, out, _ = command(["ls", "--help"])
    assert all(f"  {name}" in out for name in FILTERS)
    page = (Path(__file__).parents[2] / "tracekit/guide/look.md").read_text(encoding="utf-8")
    assert all(f"`{name}{'>' if key.is_number else ':'}`" in page for name, key in FILTERS.items())
