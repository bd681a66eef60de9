"""The guide's loop under `tracekit run`: one run, its levels inferred, every call and token counted once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import PROGRAMS, environment, nodes, outline, tracekit, tracekit_json
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse, message, text, tool_use

PATHS = ("shop/cart.py", "shop/orders.py", "shop/mail.py")

INFERRED = """
run
  agent lead ~
    turn ~
      llm
      tool analysis_agent ~
        agent analysis_agent ~
          turn ~
            llm
      tool analysis_agent ~
        agent analysis_agent ~
          turn ~
            llm
      tool analysis_agent ~
        agent analysis_agent ~
          turn ~
            llm
    turn ~
      llm
""".strip().splitlines()


class Shop:
    """A lead that asks for three analyses at once, analysts that answer in another order, and an account of usage.

    Analysts that are `asked_together` answer once all three of them are asked, however slow the machine is.
    """

    def __init__(self, *, same_answers: bool = False, asked_together: bool = False) -> None:
        self.input = self.output = self.calls = 0
        self._same = same_answers
        self._all_asked = threading.Barrier(3) if asked_together else None
        self._lock = threading.Lock()

    def __call__(self, asked: ReceivedRequest) -> ScriptedResponse:
        request = asked.json()
        answer = self._answer(request)
        usage = __import__("json").loads(answer.body)["usage"]
        with self._lock:
            self.calls += 1
            self.input += (
                usage["input_tokens"] + usage["cache_read_input_tokens"] + usage["cache_creation_input_tokens"]
            )
            self.output += usage["output_tokens"]
        return answer

    def _answer(self, request: dict[str, Any]) -> ScriptedResponse:
        if request["system"] == "You lead.":
            if len(request["messages"]) == 1:
                blocks = [tool_use("analysis_agent", {"path": path}) for path in PATHS]
                return message(text("Three files."), *blocks, model=request["model"], delay_s=0.05)
            usage = {"input_tokens": 40, "cache_read_input_tokens": 300, "cache_creation_input_tokens": 20}
            return message(text("All done."), model=request["model"], usage=usage)
        if self._all_asked is not None:
            self._all_asked.wait(LONG_S)
        prompt = request["messages"][0]["content"]
        number = next(index for index, path in enumerate(PATHS) if path in prompt)
        said = "Looks fine." if self._same else f"{PATHS[number]} has {number} findings."
        return message(text(said), model=request["model"], delay_s=0.25 - number * 0.08)


def record(mode: str, home: Path, shop: Shop) -> dict[str, Any]:
    with ScriptedClaude(shop) as claude:
        env = environment(home, claude.url)
        done = tracekit("run", str(PROGRAMS / "guide.py"), mode, env=env)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "All done.\n"
        assert "Warning" not in done.stderr
    runs = tracekit_json("ls", env=env)
    assert len(runs) == 1, runs
    shown: dict[str, Any] = tracekit_json("show", runs[0]["id"], env=env)
    assert shown["run"] == runs[0]
    return shown


MODES = ("sync", "async", "threads", "serial")
TOGETHER = ("async", "threads")


@dataclass(frozen=True)
class Recorded:
    """A recorded form of the loop: its mode, its scripted shop, and the JSON of `tracekit show`."""

    mode: str
    shop: Shop
    shown: dict[str, Any]


@pytest.fixture(scope="module", params=MODES)
def recorded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    shop = Shop(asked_together=request.param in TOGETHER)
    return Recorded(request.param, shop, record(request.param, tmp_path_factory.mktemp("home"), shop))


def test_every_level_is_inferred_and_every_call_counted_once(recorded: Recorded) -> None:
    shop, shown = recorded.shop, recorded.shown
    assert outline(shown["root"]) == INFERRED
    run = shown["run"]
    assert (run["name"], run["status"], run["calls"], run["agents"], run["retries"]) == ("guide", "ok", 5, 4, 0)
    assert shop.calls == 5
    assert (run["tokens"]["input"], run["tokens"]["output"]) == (shop.input, shop.output)
    assert run["tokens"]["cache_read"] == 300
    assert run["tokens"]["cache_write"] == 20


def test_each_subagent_hangs_under_the_block_it_served(recorded: Recorded) -> None:
    for tool in nodes(recorded.shown["root"], "tool"):
        path = tool["attributes"]["gen_ai.tool.call.arguments"]["path"]
        (call,) = nodes(tool, "llm")
        number = PATHS.index(path)
        # The analyst of each file is told apart by the latency that the script gives it.
        assert call["attributes"]["gen_ai.response.id"] == _answer_id(number)


def _answer_id(number: int) -> str:
    import json

    body = message(text(f"{PATHS[number]} has {number} findings."), model="claude-sonnet-5-5").body
    return str(json.loads(body)["id"])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.slow
def test_subagents_that_say_the_same_are_told_apart_by_their_prompts(mode: str, tmp_path: Path) -> None:
    shown = record(mode, tmp_path, Shop(same_answers=True))
    assert outline(shown["root"]) == INFERRED


def test_a_sync_call_on_the_running_loop_is_marked_and_no_other(recorded: Recorded) -> None:
    calls = nodes(recorded.shown["root"], "llm")
    marks = [call["attributes"].get("tracekit.sync_in_event_loop") for call in calls]
    of_lead, of_analyst = {"sync": (True, True), "threads": (True, None)}.get(recorded.mode, (None, None))
    assert marks == [of_lead, of_analyst, of_analyst, of_analyst, of_lead]


def test_with_decorators_nothing_is_inferred(tmp_path: Path) -> None:
    shop = Shop()
    shown = record("decorated", tmp_path, shop)
    assert outline(shown["root"]) == [line.removesuffix(" ~") for line in INFERRED]
    assert shown["run"]["tokens"]["input"] == shop.input


def test_overlap_is_as_it_was(recorded: Recorded) -> None:
    """Concurrent analysts overlap in the record, serial ones do not."""
    first, second, _ = nodes(recorded.shown["root"], "tool")
    assert (second["start_ns"] < first["end_ns"]) is (recorded.mode in TOGETHER)
