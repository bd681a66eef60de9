import ast
import dataclasses
import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit.demo
from tests.support.waiting import LONG_S
from tests.support.warm import warm_python
from tracekit.demo.claude import ReceivedRequest, ScriptedClaude, ScriptedResponse
from tracekit.demo.refactoring_script import respond

PROGRAM = Path(tracekit.demo.__file__).with_name("refactoring.py")


@dataclasses.dataclass
class Performance:
    said: str
    asked: list[ReceivedRequest]
    answers: list[ScriptedResponse]
    most_at_once: int

    def of(self, agent: str) -> list[ReceivedRequest]:
        return [asked for asked in self.asked if f"the {agent} agent" in str(asked.json()["system"])]

    @property
    def lead(self) -> list[ReceivedRequest]:
        return [asked for asked in self.asked if "tools" in asked.json()]


@pytest.fixture(scope="module")
def performance() -> Performance:
    answers: dict[int, ScriptedResponse] = {}

    def hurry(asked: ReceivedRequest) -> ScriptedResponse:
        answers[asked.number] = respond(asked)
        return dataclasses.replace(answers[asked.number], delay_s=answers[asked.number].delay_s / 10)

    with ScriptedClaude(hurry) as claude:
        done = subprocess.run(
            [warm_python(), PROGRAM],
            env=os.environ | {"ANTHROPIC_BASE_URL": claude.url, "ANTHROPIC_API_KEY": "demo", "PYTHONPATH": ""},
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=True,
        )
    assert done.stderr == ""
    return Performance(done.stdout, claude.asked, [answers[at] for at in range(len(claude.asked))], claude.most_at_once)


def test_prints_what_it_did(performance: Performance) -> None:
    lines = performance.said.splitlines()
    assert lines[:6] == [
        "analysis_agent: shop/cart.py",
        "analysis_agent: shop/orders.py",
        "analysis_agent: shop/mail.py",
        "refactor_agent: shop/cart.py",
        "refactor_agent: shop/orders.py",
        "test_agent: tests/test_shop.py",
    ]
    assert lines[6] == "Two of three modules are refactored, and all 5 tests pass."


def test_asks_as_the_guide_does(performance: Performance) -> None:
    assert len(performance.asked) == 12
    assert len(performance.lead) == 4
    assert [len(performance.of(agent)) for agent in ("analysis", "refactor", "test")] == [3, 4, 1]
    assert [asked.streams for asked in performance.of("test")] == [True]
    assert {asked.json()["model"] for asked in performance.asked} == {
        "claude-opus-5-5",
        "claude-sonnet-5-5",
        "claude-haiku-5-5",
    }


def test_is_serial_although_it_gathers(performance: Performance) -> None:
    assert performance.most_at_once == 1
    scripted_s = sum(answer.delay_s for answer in performance.answers)
    streamed_s = sum(wait_s for answer in performance.answers for wait_s, _ in answer.chunks or ())
    backed_off_s = sum(int(answer.headers.get("retry-after-ms", "0")) for answer in performance.answers) / 1000
    assert 8 < scripted_s + streamed_s + backed_off_s < 12


def test_is_overloaded_twice(performance: Performance) -> None:
    assert Counter(answer.status for answer in performance.answers) == {200: 10, 529: 2}
    retried = [asked for asked in performance.asked if asked.headers["x-stainless-retry-count"] != "0"]
    assert [asked.headers["x-stainless-retry-count"] for asked in retried] == ["1", "2"]
    assert all("File: shop/orders.py" in str(asked.json()) for asked in retried)
    ids = {answer.headers["request-id"] for answer in performance.answers if answer.status == 529}
    assert len(ids) == 2


def test_all_results_return_in_one_message(performance: Performance) -> None:
    conversation = performance.lead[-1].json()["messages"]
    answered = [each["content"] for each in conversation if each["role"] == "user"][1:]
    blocks = [[block["type"] for block in content] for content in answered]
    assert blocks == [["tool_result"] * 3, ["tool_result"] * 2, ["tool_result"]]


def test_lead_reads_what_it_cached(performance: Performance) -> None:
    usages = [
        json.loads(answer.body)["usage"]
        for asked, answer in zip(performance.asked, performance.answers, strict=True)
        if asked in performance.lead
    ]
    read = [usage["cache_read_input_tokens"] for usage in usages]
    written = [usage["cache_creation_input_tokens"] for usage in usages]
    assert read[0] == 0
    for turn in range(1, 4):
        assert abs(read[turn] - read[turn - 1] - written[turn - 1]) < 10
    assert all(tokens > 0 for tokens in written)


def test_answers_depend_on_the_request_alone(performance: Performance) -> None:
    assert [respond(asked) for asked in reversed(performance.asked)] == performance.answers[::-1]


def test_program_does_not_know_tracekit() -> None:
    imported: list[Any] = [node for node in ast.walk(ast.parse(PROGRAM.read_text())) if isinstance(node, ast.Import)]
    assert {alias.name for node in imported for alias in node.names} == {"asyncio", "anthropic"}
    assert "import tracekit" not in PROGRAM.read_text()
    assert len(PROGRAM.read_text().splitlines()) < 120


def test_unknown_request_is_refused() -> None:
    with (
        ScriptedClaude(respond) as claude,
        anthropic.Anthropic(base_url=claude.url, api_key="key") as sdk,
        pytest.raises(anthropic.BadRequestError, match="no answer"),
    ):
        sdk.messages.create(model="claude-sonnet-5", max_tokens=9, messages=[{"role": "user", "content": "Hello."}])
