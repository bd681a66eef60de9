"""Both pipelines on the runtime: the same tree however they are run, nothing inferred, and work that is really done."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import nodes
from tests.support.teams import HOWS, How, perform, shown, tree
from tracekit import Orchestrator
from tracekit.demo import refactoring_team, refactoring_team_script, support_team, support_team_script
from tracekit.demo.claude import ReceivedRequest, Respond, ScriptedClaude, ScriptedResponse
from tracekit.demo.shop import FILES, TASK, write_shop

SHOP_TREE = """
run
  agent lead
    turn
      llm
      tool analysis_agent
        agent analysis_agent
          turn
            llm
            tool read_file
          turn
            llm
      tool analysis_agent
        agent analysis_agent
          turn
            llm
            tool read_file
          turn
            llm
      tool analysis_agent
        agent analysis_agent
          turn
            llm
            tool read_file
          turn
            llm
    turn
      llm
      tool refactor_agent
        agent refactor_agent
          turn
            llm
            tool read_file
          turn
            llm
            tool write_file
          turn
            llm
      tool refactor_agent
        agent refactor_agent
          turn
            llm
            tool read_file
          turn
            llm
            tool write_file
          turn
            llm
    turn
      llm
      tool test_agent
        agent test_agent
          turn
            llm
            tool run_tests
          turn
            llm
    turn
      llm
""".strip().splitlines()

SUPPORT_TREE = """
run
  agent support
    turn
      llm
      tool research_agent
        agent research_agent
          turn
            llm
            tool find_order
            tool find_policy{more}
          turn
            llm
    turn
      llm
      tool draft_agent
        agent draft_agent
          turn
            llm
      tool compliance_agent
        agent compliance_agent
          turn
            llm{merge}
    turn
      llm
"""
MERGE = """
    turn
      llm
      tool merge_agent
        agent merge_agent
          turn
            llm"""


def hurried(respond: Respond) -> Respond:
    def hurry(asked: ReceivedRequest) -> ScriptedResponse:
        answer = respond(asked)
        chunks = answer.chunks and tuple((wait_s / 10, chunk) for wait_s, chunk in answer.chunks)
        return dataclasses.replace(answer, delay_s=answer.delay_s / 5, chunks=chunks)

    return hurry


def bodies(claude: ScriptedClaude) -> list[str]:
    """Return the requests of a run without transport fields and test durations, sorted."""
    asked = [each.json() for each in claude.asked]
    texts = [json.dumps({name: value for name, value in body.items() if name != "stream"}) for body in asked]
    return sorted(re.sub(r"tests in [\d.]+s", "tests in 0s", each) for each in texts)


def span(root: dict[str, Any], agent: str) -> tuple[int, int]:
    (node,) = [node for node in nodes(root, "agent") if node["agent"] == agent]
    return node["start_ns"], node["end_ns"]


def asked_in(seen: dict[str, list[str]], pipeline: str, asked: list[str]) -> None:
    """However a pipeline is run, the very same requests are made."""
    assert seen.setdefault(pipeline, asked) == asked


@pytest.fixture(scope="module")
def seen() -> dict[str, list[str]]:
    return {}


@pytest.fixture
def reach(monkeypatch: pytest.MonkeyPatch) -> Callable[[ScriptedClaude], None]:
    def point(claude: ScriptedClaude) -> None:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", claude.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "test")

    return point


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", HOWS)
def test_the_refactoring_team_changes_the_shop(
    how: How,
    stream: bool,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    reach: Callable[[ScriptedClaude], None],
    seen: dict[str, list[str]],
) -> None:
    # Agents are told a relative path as it is, so that each way of running makes the same requests.
    monkeypatch.chdir(tmp_path)
    write_shop(tmp_path / "code")

    def build(client: Any) -> Orchestrator:
        return refactoring_team.build(Path("code"), client, stream=stream)

    with ScriptedClaude(hurried(refactoring_team_script.respond)) as claude:
        reach(claude)
        result = perform(build, claude, how, TASK)
        requests = len(claude.asked)
        asked_in(seen, "refactoring", bodies(claude))
    assert requests == 4 + 3 * 2 + 2 * 3 + 2 + 1
    assert "all 6 tests pass" in result.text
    assert result.stop_reason == "end_turn"
    run = shown()
    assert tree() == SHOP_TREE
    assert run["run"]["id"] == result.run
    assert (run["run"]["status"], run["run"]["calls"], run["run"]["retries"]) == ("ok", 18, 1)
    assert run["run"]["tokens"]["input"] == result.tokens.input
    assert run["run"]["tokens"]["output"] == result.tokens.output
    assert run["run"]["cost_usd"] == pytest.approx(result.cost_usd)
    changed = [name for name, content in FILES.items() if Path("code", name).read_text() != content]
    assert changed == ["shop/cart.py", "shop/orders.py"]
    wrote = [node["attributes"] for node in nodes(run["root"], "tool") if "write" in node["name"]]
    assert sorted(each["tracekit.workspace.writes"] for each in wrote) == [["shop/cart.py"], ["shop/orders.py"]]
    refactorers = [node for node in nodes(run["root"], "agent") if node["agent"] == "refactor_agent"]
    assert [node["attributes"]["tracekit.declared.writes"] for node in refactorers] == [
        ["shop/cart.py"],
        ["shop/orders.py"],
    ]
    assert all(node["attributes"]["tracekit.declared.after"] == ["analysis_agent"] for node in refactorers)
    (first, second) = ((node["start_ns"], node["end_ns"]) for node in refactorers)
    assert first[0] < second[1]
    assert second[0] < first[1]


def test_half_of_the_shops_tests_fail_before(tmp_path: Path) -> None:
    write_shop(tmp_path)
    command = [sys.executable, "-B", "-m", "unittest"]
    said = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stderr
    assert "Ran 6 tests" in said
    assert len(re.findall(r"^(FAIL|ERROR):", said, re.MULTILINE)) == 3


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("ticket", [0, 1])
def test_the_support_team_merges_only_what_compliance_changed(
    ticket: int,
    how: How,
    stream: bool,
    recording: Path,
    reach: Callable[[ScriptedClaude], None],
    seen: dict[str, list[str]],
) -> None:
    with ScriptedClaude(hurried(support_team_script.respond)) as claude:
        reach(claude)
        result = perform(
            lambda client: support_team.build(client, stream=stream), claude, how, support_team.TICKETS[ticket]
        )
        requests = len(claude.asked)
        asked_in(seen, f"support {ticket}", bodies(claude))
        assert claude.most_at_once == 2
    changed = ticket == 0
    assert requests == (9 if changed else 7)
    assert ("product safety" in result.text) == changed
    expected = SUPPORT_TREE.format(
        more="\n            tool find_policy" if changed else "", merge=MERGE if changed else ""
    )
    assert tree() == expected.strip().splitlines()
    root = shown()["root"]
    draft, compliance, research = (span(root, f"{name}_agent") for name in ("draft", "compliance", "research"))
    assert draft[0] < compliance[1]
    assert compliance[0] < draft[1]
    assert research[1] <= min(draft[0], compliance[0])
    agents = Counter(node["agent"] for node in nodes(root, "agent"))
    assert agents["merge_agent"] == int(changed)
    if changed:
        assert span(root, "merge_agent")[0] >= max(draft[1], compliance[1])


@pytest.mark.parametrize("respond", [refactoring_team_script.respond, support_team_script.respond])
@pytest.mark.parametrize("system", ["You are the analysis agent.", "You are the draft agent.", "You paint.", None])
def test_what_is_not_in_the_script_is_refused(respond: Respond, system: str | None) -> None:
    body = {"model": "m", "system": system, "messages": [{"role": "user", "content": '{"path": "x"}'}]}
    assert respond(ReceivedRequest(0, "POST", "/v1/messages", "", {}, json.dumps(body).encode(), 0)).status == 400


def test_tests_that_fail_are_reported_as_they_are() -> None:
    said = "FAIL: test_total_is_right_to_the_cent (tests.test_shop.TestShop)\n\nRan 6 tests in 0.002s\n\nFAILED (failures=1)"
    messages: list[Any] = [
        {"role": "user", "content": "Run all tests."},
        {"role": "assistant", "content": []},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": said}]},
    ]
    body = {"model": "m", "system": "You are the test agent. Run the tests.", "messages": messages}
    answer = refactoring_team_script.respond(
        ReceivedRequest(0, "POST", "/v1/messages", "", {}, json.dumps(body).encode(), 0)
    )
    assert "1 of 6 tests fail: test_total_is_right_to_the_cent." in answer.body.decode()
