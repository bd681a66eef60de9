"""The ladder from outside: programs, runs in the store, and what `tracekit check` says of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment, tracekit
from tests.support.warm import warm_python
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, reply, text, tool_use

PATHS = ("shop/cart.py", "shop/orders.py", "shop/mail.py")
LEAD = """
import asyncio, os, sys
import anthropic, tracekit
from tracekit import Orchestrator, Subagent

analysis = Subagent(
    name="analysis_agent", description="Analyses a file.", model="claude-sonnet-5-5", system="You analyse.",
    input={"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
    tools=TOOLS, DECLARED
)
lead = Orchestrator(
    name="lead", description="Leads.", model="claude-sonnet-5-5", system="You lead.", subagents=[analysis],
    client=anthropic.AsyncAnthropic(),
)
with tracekit.run("analyses"):
    asyncio.run(lead.run("Analyse shop/cart.py, shop/orders.py and shop/mail.py."))
"""
SAYS = {path: f"Part {number} is in fair shape." for number, path in enumerate(PATHS)}


class Lead:
    """Asks for the three analyses one at a time, or `together`; each takes a quarter of a second."""

    def __init__(self, *, together: bool) -> None:
        self._together = together

    def __call__(self, asked: ReceivedRequest) -> ScriptedResponse:
        body = asked.json()
        if body["system"] == "You analyse.":
            given = json.dumps(body["messages"][0])
            said = next(said for path, said in SAYS.items() if path in given)
            return reply(asked, message(text(said), delay_s=0.25))
        done = sum(each["role"] == "assistant" for each in body["messages"])
        uses = [tool_use("analysis_agent", {"path": path}) for path in PATHS]
        asks = uses if self._together and not done else uses[done : done + 1] if not self._together else []
        return reply(asked, message(text("Well."), *asks, delay_s=0.1))


def run(folder: Path, *, together: bool, tools: bool, declared: str = "") -> None:
    """Run and record the lead, with subagents that have a tool of unknown effects or none."""
    peek = "def peek(path: str) -> str:\n    '''Peek.'''\n    return 'nothing'\n"
    program = LEAD.replace("TOOLS", "[peek]" if tools else "[]").replace("DECLARED", declared)
    (folder / "lead.py").write_text(peek + program)
    with ScriptedClaude(Lead(together=together)) as claude:
        done = tracekit(
            "run", str(folder / "lead.py"), env=environment(folder / "home", claude.url), python=warm_python()
        )
    assert done.returncode == 0, done.stderr


def check(folder: Path) -> tuple[int, list[dict[str, Any]]]:
    done = tracekit(
        "check", "last", "--select", "TK103", "--format", "json", env=environment(folder / "home"), cwd=folder
    )
    return done.returncode, json.loads(done.stdout)["findings"]


def test_three_analyses_in_three_turns_are_possible_until_another_run_asked_for_them_together(tmp_path: Path) -> None:
    run(tmp_path, together=False, tools=True)
    code, (finding,) = check(tmp_path)
    assert (code, finding["confidence"]) == (0, "possible")
    assert finding["saved_ms"] > 300
    run(tmp_path, together=True, tools=True)
    assert check(tmp_path) == (0, [])
    run(tmp_path, together=False, tools=True)
    code, (finding,) = check(tmp_path)
    assert (code, finding["confidence"]) == (1, "likely")
    assert "1 earlier run asked for two analysis_agent in one response" in finding["evidence"]


@pytest.mark.parametrize(("tools", "declared"), [(False, ""), (True, 'reads=["{path}"],')])
def test_subagents_whose_effects_are_known_are_likely(tools: bool, declared: str, tmp_path: Path) -> None:
    run(tmp_path, together=False, tools=tools, declared=declared)
    code, (finding,) = check(tmp_path)
    assert (code, finding["confidence"]) == (1, "likely")


def test_subagents_that_declare_to_write_one_thing_are_left_alone(tmp_path: Path) -> None:
    run(tmp_path, together=False, tools=True, declared='writes=["the shop"],')
    assert check(tmp_path) == (0, [])
