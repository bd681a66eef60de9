"""`tracekit demo`: no key, no network, the nested tree of the guide's team."""

from __future__ import annotations

import time
from pathlib import Path

from tests.support.cli import environment, nodes, tracekit, tracekit_json


def test_the_demo_prints_the_nested_tree_and_records_the_run(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    del env["ANTHROPIC_API_KEY"]
    begin = time.monotonic()
    done = tracekit("demo", env=env)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begin < 60
    for part in (
        "agent lead",
        "tool analysis_agent",
        "agent refactor_agent",
        "agent test_agent",
        "attempt 529",
        "2 retries",
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
