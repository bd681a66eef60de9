"""Runs of several processes: each process writes its own segment, and every span has the right parent."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment, tracekit_json
from tests.support.recording import recordings, spans, the_run, tree
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit import semconv
from tracekit.demo.claude import ScriptedClaude, message, reply, text
from tracekit.model.recording import RecordedSpan, Recording

PROGRAMS = Path(__file__).parents[1] / "programs"
METHODS = ("fork", "spawn", "forkserver")


@pytest.fixture
def claude() -> Iterator[ScriptedClaude]:
    with ScriptedClaude(lambda asked: reply(asked, message(text("Yes.")))) as server:
        yield server


def run_program(name: str, *args: str) -> None:
    done = subprocess.run(
        [warm_python(), "-W", "error", str(PROGRAMS / name), *args],
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def by_name() -> dict[str, list[Recording]]:
    runs: dict[str, list[Recording]] = {}
    for run in recordings():
        runs.setdefault(run.name, []).append(run)
    return runs


def n_of(span: RecordedSpan) -> int:
    arguments: Any = span.attributes[semconv.TOOL_CALL_ARGUMENTS]
    if isinstance(arguments, str):
        arguments = json.loads(arguments)
    return int(arguments["n"])


def agent_names(run: Recording) -> list[str]:
    return sorted(str(span.attributes[semconv.AGENT_NAME]) for span in spans(run, "agent"))


def assert_one_segment_a_process(run: Recording) -> None:
    pids = [segment.pid for segment in run.segments]
    assert len(pids) == len(set(pids)), pids
    for span in run.spans.values():
        assert span.parent is None or span.parent in run.spans, span


# ── multiprocessing ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.slow
def test_process_takes_part_in_the_run_it_is_started_in(home: Path, claude: ScriptedClaude, method: str) -> None:
    run_program("processes.py", "processes", method, claude.url)
    runs = by_name()
    ((run,), (alone,)) = runs["processes"], runs["child"]
    assert len(runs) == 2
    assert_one_segment_a_process(run)
    assert len(run.segments) == 5
    assert all(span.status == "ok" for span in run.spans.values())
    given = {span.id: n_of(span) for span in spans(run, "tool") if span.name == "execute_tool give"}
    assert sorted(given.values()) == [0, 1, 2, 3]
    for span in spans(run, "agent")[1:]:
        (below,) = [tool for tool in spans(run, "tool") if tool.parent == span.id]
        assert given[span.parent or ""] == n_of(below)
        assert span.segment == below.segment != spans(run, "run")[0].segment
    (call,) = spans(run, "llm")
    assert run.spans[call.parent or ""].name == "invoke_agent child"
    assert tree(alone) == ["agent invoke_agent child", "  tool execute_tool work"]


@pytest.mark.parametrize("method", METHODS)
def test_process_that_ends_abruptly(home: Path, method: str) -> None:
    run_program("processes.py", "abrupt", method, "")
    run = the_run()
    assert_one_segment_a_process(run)
    assert len(run.segments) == 5
    children = {str(span.attributes[semconv.AGENT_NAME]): span for span in spans(run, "agent")}
    lead = children.pop("lead")
    assert lead.status == "ok"
    assert {name: span.status for name, span in children.items()} == dict.fromkeys(
        ("exit", "term", "raise", "return"), "open"
    )
    exited = {name: run.segments[span.segment].exited for name, span in children.items()}
    assert exited == {"exit": False, "term": False, "raise": True, "return": True}
    assert {span.parent for span in children.values()} == {lead.id}
    assert not any(segment.alive for segment in run.segments)


def assert_each_task_has_its_place(run: Recording, given: int) -> None:
    assert_one_segment_a_process(run)
    for span in spans(run, "tool"):
        if span.name != "execute_tool give":
            parent = run.spans[span.parent or ""]
            assert parent.name == "execute_tool give"
            assert n_of(parent) in (n_of(span), -1)
            assert span.segment != parent.segment
    assert sum(span.name == "execute_tool give" for span in spans(run, "tool")) == given


@pytest.mark.parametrize("method", METHODS)
def test_task_of_an_executor_has_the_place_in_which_it_was_submitted(home: Path, method: str) -> None:
    run_program("processes.py", "executor", method, "")
    runs = by_name()
    ((first,), (second,)) = runs["first"], runs["second"]
    for run in (first, second):
        assert_each_task_has_its_place(run, 5)
        assert len(spans(run, "tool")) == 5 + 4 + 10
    (other,) = [run for run in recordings() if run.name not in ("first", "second")]
    assert tree(other) == ["run processes", "  tool execute_tool work"]


@pytest.mark.parametrize("method", METHODS)
def test_task_of_a_pool_has_the_place_in_which_it_was_given(home: Path, method: str) -> None:
    run_program("processes.py", "pool", method, "")
    runs = by_name()
    ((first,), (second,)) = runs["first"], runs["second"]
    for run in (first, second):
        assert_each_task_has_its_place(run, 8)
        assert len(spans(run, "tool")) == 8 + 9
    assert len(recordings()) == 3


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_pool_that_was_there_before_anything_was_recorded(home: Path, method: str) -> None:
    run_program("processes.py", "early", method, "")
    runs = by_name()
    assert sorted(runs) == ["first", "second"]
    for (run,) in runs.values():
        assert_each_task_has_its_place(run, 8)


# ── os.fork ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_fork_inside_a_run(home: Path, claude: ScriptedClaude) -> None:
    run_program("forks.py", "within_run", claude.url)
    run = the_run()
    assert_one_segment_a_process(run)
    parent, child = sorted(run.segments, key=lambda segment: segment.pid)
    assert all(span.status == "ok" for span in run.spans.values())
    assert tree(run) == [
        "run shared",
        "  tool execute_tool before",
        "  agent invoke_agent lead",
        "    llm chat claude-sonnet-5",
        "      attempt POST",
        "    tool execute_tool in the child",
        "    llm chat claude-sonnet-5",
        "      attempt POST",
    ]
    lines = {segment.pid: Path(segment.path).read_text().splitlines() for segment in (parent, child)}
    for span in run.spans.values():
        wrote = [pid for pid, of in lines.items() if any('"e":"end"' in line and span.id in line for line in of)]
        assert wrote == [run.segments[span.segment].pid], "a span is ended once, by the process that began it"
    assert Counter(run.segments[span.segment].pid for span in spans(run, "llm")) == {parent.pid: 1, child.pid: 1}
    assert not child.exited, "nothing was open in it when it ended"


@pytest.mark.slow
def test_fork_before_anything_is_written(home: Path, claude: ScriptedClaude) -> None:
    run_program("forks.py", "before_anything", claude.url)
    runs = by_name()
    (quiet,) = runs.pop("quiet")
    assert_one_segment_a_process(quiet)
    assert tree(quiet) == ["run quiet", "  llm chat claude-sonnet-5", "    attempt POST"]
    assert len(quiet.segments) == 2
    (program,) = runs.pop("forks")
    assert_one_segment_a_process(program)
    assert tree(program) == [
        "run forks",
        "  span GET /",
        "    llm chat claude-sonnet-5",
        "      attempt POST",
        "  llm chat claude-sonnet-5",
        "    attempt POST",
    ], "nothing tells the parent, which writes the span, of its child's call"
    assert runs == {}
    assert all(span.status == "ok" for run in (quiet, program) for span in run.spans.values())


@pytest.mark.slow
def test_prefork_server(home: Path, claude: ScriptedClaude) -> None:
    run_program("forks.py", "prefork", claude.url)
    found = recordings()
    assert sorted(run.name for run in found) == sorted(f"request {worker}.{n}" for worker in range(4) for n in range(5))
    pids: Counter[int] = Counter()
    for run in found:
        assert len(run.segments) == 1
        pids[run.segments[0].pid] += 1
        assert [span.status for span in run.spans.values()] == ["ok"] * 4
        (exchange,) = run.exchanges.values()
        words = json.loads(exchange.request.body or b"")["messages"][0]["content"]
        assert run.name == f"request {words.replace(' ', '.')}"
    assert sorted(pids.values()) == [5] * 4


@pytest.mark.slow
def test_fork_while_other_threads_write(home: Path, claude: ScriptedClaude) -> None:
    run_program("forks.py", "busy", claude.url)
    runs = by_name()
    for number in range(120):
        (run,) = runs[f"forked {number}"]
        assert [span.status for span in run.spans.values()] == ["ok", "ok"]
    for name in ("short", "long", "forking"):
        for run in runs[name]:
            assert len(run.segments) == 1
            assert all(span.status == "ok" for span in run.spans.values())


@pytest.mark.slow
def test_inherited_descriptor_does_not_take_the_lock_with_it(home: Path, claude: ScriptedClaude) -> None:
    run_program("forks.py", "inheriting", claude.url)
    assert all(span.status == "ok" for span in the_run().spans.values())


def test_a_fork_that_python_does_not_see_writes_a_segment_of_its_own(tmp_path: Path) -> None:
    """As uWSGI forks its workers: in C, so that no hook of Python's is called."""
    code = """
import ctypes, os, tracekit
tracekit.init()
with tracekit.run("parent"), tracekit.agent("lead"):
    with tracekit.agent("before"): pass
    child = ctypes.PyDLL(None).fork()
    if child == 0:
        with tracekit.agent("in the child"): pass
        with tracekit.run("child's own"), tracekit.agent("lead"): pass
    else:
        os.waitpid(child, 0)
        with tracekit.agent("in the parent"): pass
"""
    env = environment(tmp_path)
    done = subprocess.run(
        [warm_python(), "-c", code], env=env, capture_output=True, text=True, check=False, timeout=LONG_S
    )
    assert (done.returncode, done.stderr) == (0, "")
    for path in tmp_path.glob("runs/*/*.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["e"] for line in lines].count("header") == 1
        assert path.name.split(".")[2] == str(lines[0]["pid"])
        assert [line["e"] for line in lines].count("exit") <= 1
    assert len(list(tmp_path.glob("runs/*/*.jsonl"))) == 3
    runs = {run["name"]: run for run in tracekit_json("ls", env=env)}
    assert {name: run["agents"] for name, run in runs.items()} == {"parent": 4, "child's own": 1}
    assert runs["parent"]["status"] == "ok"
