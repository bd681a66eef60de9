"""`tracekit.load`, `runs` and `sql`: a run as an object, and answers as relations, equal to those of the command line."""

from __future__ import annotations

import contextlib
import gc
import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import tracekit
from tests.support.cli import environment
from tests.support.cli import tracekit as command
from tests.support.manual import blocks, page
from tracekit.demo.claude import ScriptedClaude, message, reply, text
from tracekit.reading.loaded import LoadedRun

FIXTURES = Path(__file__).parents[2] / "fixtures" / "runs"
QUERY = "SELECT agent, count(*) AS calls, sum(output_tokens) AS out FROM llm_calls GROUP BY agent ORDER BY out DESC"


@pytest.fixture
def recorded(recording: Path) -> Path:
    """A home with a run named `first`, and with the same as a run named `second`, which failed."""
    with ScriptedClaude(lambda asked: reply(asked, message(text("It is sunny.")))) as claude:
        _ask("first", claude.url)
        with contextlib.suppress(ZeroDivisionError):
            _ask("second", claude.url, fails=True)
    return recording


def _ask(name: str, url: str, *, fails: bool = False) -> None:
    import anthropic

    with (
        anthropic.Anthropic(base_url=url, api_key="test") as client,
        tracekit.run(name),
        tracekit.agent("lead"),
    ):
        asked: Any = [{"role": "user", "content": "Is it sunny?"}]
        client.messages.create(model="claude-sonnet-5-5", max_tokens=50, messages=asked)
        if fails:
            raise ZeroDivisionError


def test_a_run_has_its_tree_its_messages_and_its_findings() -> None:
    run = tracekit.load(FIXTURES / "refactoring.jsonl")
    assert repr(run) == "<run 5de989da 'refactoring': ok, 46 spans>"
    assert (run.name, run.status) == ("refactoring", "ok")
    assert run.duration_s == pytest.approx(11.5, abs=0.1)
    assert next(node.agent for node in run.tree.walk() if node.kind == "agent") == "lead"
    assert run.cost_usd == pytest.approx(0.0293, abs=1e-4)
    assert [finding.code for finding in run.findings] == ["TK101", "TK101"]
    first, *_, last = run.messages()
    assert (first.agent, first.role, first.is_answer) == ("lead", "system", False)
    assert (last.agent, last.role, last.is_answer) == ("lead", "assistant", True)
    assert first.at_ns is not None
    assert last.at_ns is not None
    assert first.at_ns < last.at_ns
    results = [each for each in run.messages() if each.block == "tool_result"]
    assert [each.tool for each in results[:3]] == ["analysis_agent"] * 3
    agents = [each.agent for each in run.messages(by_agent=True)]
    assert len([1 for one, other in pairwise(agents) if one != other]) == 3
    tracekit.testing.check(run).no_errors()


def test_a_run_in_a_notebook_shows_its_tree() -> None:
    shown = tracekit.load(str(FIXTURES / "refactoring.jsonl"))._repr_html_()
    assert shown.startswith('<div style="overflow:auto"><svg ')
    assert shown.count(">~ analysis_agent<") == 3
    assert "<summary>2 findings</summary>" in shown
    assert "<script" not in shown


def test_runs_are_named_as_everywhere(recorded: Path) -> None:
    assert tracekit.load().name == tracekit.load("last").name == "second"
    assert tracekit.load("second").status == "error"
    with pytest.raises(tracekit.RunNotFoundError, match="no run 'third'"):
        tracekit.load("third")


def test_answers_are_relations_that_keep_no_store_open(recorded: Path) -> None:
    relation = tracekit.sql("SELECT name, status FROM runs ORDER BY name")
    assert relation.fetchall() == [("first", "ok"), ("second", "error")]
    more = tracekit.sql("SELECT name, calls FROM runs").filter("name = 'first'")
    gc.collect()
    # Whoever collects has the store to itself meanwhile.
    assert command("collect", "--rebuild", env=environment(recorded)).returncode == 0
    assert more.fetchall() == [("first", 1)]


def test_a_data_frame_equals_the_command_line(recorded: Path) -> None:
    pytest.importorskip("pandas")
    frame = tracekit.sql(QUERY).df()
    printed = command("sql", QUERY, "--format", "json", env=environment(recorded))
    assert printed.returncode == 0, printed.stderr
    rows: list[dict[str, Any]] = json.loads(printed.stdout)
    assert rows == json.loads(frame.to_json(orient="records"))
    assert rows == [{"agent": "lead", "calls": 2, "out": rows[0]["out"]}]
    pytest.importorskip("pyarrow")
    assert tracekit.sql(QUERY).arrow().read_all().to_pylist() == rows


def test_runs_takes_the_filter_of_ls(recorded: Path) -> None:
    def names(filter: str) -> list[str]:
        return [name for (name,) in tracekit.runs(filter).project("name").fetchall()]

    assert names("") == ["second", "first"]
    assert names("name:first") == ["first"]
    assert names("agent:lead status:error said:sunny") == ["second"]
    assert names('"it\'s"') == []
    assert names("calls>1") == []
    assert "cost_usd" in tracekit.runs().columns
    with pytest.raises(tracekit.FilterError, match="no filter colour:"):
        tracekit.runs("colour:red")


@pytest.mark.parametrize(
    "query", ["DELETE FROM runs", "SELECT 1; SELECT 2", "SELECT nothing FROM runs", "CREATE TABLE x AS FROM runs"]
)
def test_a_query_only_reads(recorded: Path, query: str) -> None:
    with pytest.raises(tracekit.QueryError):
        tracekit.sql(query)


def test_the_page_of_the_manual(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = [each for each in blocks(page("ask"), "python") if "tracekit.load" in each]
    names: dict[str, Any] = {}
    exec(block, names)
    assert capsys.readouterr().out.startswith("second error ")
    assert (names["agents"], names["texts"], names["codes"]) == (["lead"], ["It is sunny."], [])
    assert names["failed"].project("name").fetchall() == [("second",)]
    assert [agent for agent, _ in names["spent"].fetchall()] == ["lead"]


def test_nothing_is_recorded_yet(home: Path) -> None:
    with pytest.raises(tracekit.StoreError, match="nothing is recorded yet"):
        tracekit.sql("SELECT 1")


def test_the_names_cost_an_import_nothing() -> None:
    program = "import sys, tracekit; print([n for n in sys.modules if n.startswith(('duckdb', 'rich', 'tracekit.'))])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert isinstance(tracekit.LoadedRun, type)
    assert tracekit.LoadedRun is LoadedRun
