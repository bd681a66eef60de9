"""`tracekit demo`: no key, no network, the nested tree of the guide's team."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import environment, nodes, tracekit, tracekit_json
from tracekit.demo.claude import ScriptedClaude
from tracekit.demo.support_team_script import respond


@pytest.mark.slow
def test_the_demo_prints_the_nested_tree_and_records_the_run(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    del env["ANTHROPIC_API_KEY"]
    done = tracekit("demo", env=env)
    assert done.returncode == 0, done.stderr
    for part in (
        "agent lead",
        "analysis_agent",
        "refactor_agent",
        "test_agent",
        "2 retries",
        "critical path",
    ):
        assert part in done.stdout
    (run,) = tracekit_json("ls", env=env)
    assert (run["name"], run["status"], run["calls"], run["retries"], run["agents"]) == ("refactoring", "ok", 10, 2, 7)
    root = tracekit_json("show", "last", env=env)["root"]
    assert [node["agent"] for node in nodes(root, "agent")] == [
        "lead",
        *["analysis_agent"] * 3,
        *["refactor_agent"] * 2,
        "test_agent",
    ]
    assert all(call["attributes"]["tracekit.sync_in_event_loop"] for call in nodes(root, "llm"))


@pytest.mark.slow
def test_the_demo_is_replayed_as_it_was(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    del env["ANTHROPIC_API_KEY"]
    first = tracekit("demo", "--pipeline", "support", "--replay", env=env)
    assert first.returncode == 0, first.stderr
    again = tracekit("demo", "--pipeline", "support", "--replay", env=env)
    assert again.returncode == 0, again.stderr
    assert "followed, 16 calls" in again.stderr
    newest, before, recorded = tracekit_json("ls", "--replays", env=env)
    assert (recorded["replay"], newest["replay"], before["replay"]) == (None, "followed", "followed")
    assert newest["replay_of"] == before["replay_of"] == recorded["id"]
    for key in ("start_ns", "end_ns", "tokens", "calls", "agents"):
        assert newest[key] == recorded[key], key


@pytest.mark.parametrize(
    ("pipeline", "run_name", "calls", "agents", "said"),
    [
        ("refactoring", "refactoring-team", 18, 7, "all 6 tests pass"),
        ("support", "support-team", 16, 9, "product safety will call"),
    ],
)
@pytest.mark.slow
def test_the_pipelines_on_the_runtime(
    pipeline: str, run_name: str, calls: int, agents: int, said: str, tmp_path: Path
) -> None:
    env = environment(tmp_path / "home")
    del env["ANTHROPIC_API_KEY"]
    done = tracekit("demo", "--pipeline", pipeline, env=env)
    assert done.returncode == 0, done.stderr
    assert said in done.stdout
    assert "~" not in done.stdout
    (run,) = tracekit_json("ls", env=env)
    assert (run["name"], run["status"], run["calls"], run["agents"]) == (run_name, "ok", calls, agents)
    assert run["cost_complete"]
    assert run["duration_ms"] < 30_000
    root = tracekit_json("show", "last", env=env)["root"]
    levels = [node for kind in ("run", "agent", "turn", "llm", "tool") for node in nodes(root, kind)]
    assert not any(node["inferred"] for node in levels)
    assert not any("tracekit.sync_in_event_loop" in call["attributes"] for call in nodes(root, "llm"))


def test_live_without_a_key_is_refused(tmp_path: Path) -> None:
    env = environment(tmp_path)
    del env["ANTHROPIC_API_KEY"]
    done = tracekit("demo", "--live", env=env)
    assert done.returncode == 2
    assert "--live asks the real API and needs ANTHROPIC_API_KEY" in done.stderr
    assert done.stdout == ""
    assert tracekit_json("ls", env=env) == []


@pytest.mark.slow
def test_live_asks_what_the_users_environment_points_to(tmp_path: Path) -> None:
    with ScriptedClaude(respond) as claude:
        done = tracekit("demo", "--live", "--pipeline", "support", env=environment(tmp_path, claude.url))
        assert len(claude.asked) == 16
    assert done.returncode == 0, done.stderr
    assert "live: the real API answers" in done.stderr
