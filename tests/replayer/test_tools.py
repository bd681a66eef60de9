"""Tools in a replay: their results are returned and they are not run, but for those whose results nobody has."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.recording import spans
from tests.support.replays import Watched, assert_same_record, record, replay_of, untouched
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, message, text
from tracekit.errors import ReplayDivergence


def echo(asked: ReceivedRequest) -> ScriptedResponse:
    return message(text(f"{asked.json()['messages'][0]['content']}!"))


class Program:
    """An agent with a tool of each kind; `ran` says which have run."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ran: list[Any] = []
        ran = self.ran

        @tracekit.tool
        def plain(path: str) -> dict[str, Any]:
            ran.append(("plain", path))
            return {"path": path, "size": [1, 2.5, None]}

        @tracekit.tool
        async def waiting(path: str) -> str:
            ran.append(("waiting", path))
            await asyncio.sleep(0.05)
            return f"{path} after a while"

        @tracekit.tool
        def nothing() -> None:
            ran.append("nothing")

        @tracekit.tool
        def opaque() -> set[int]:
            ran.append("opaque")
            return {1, 2}

        @tracekit.tool
        def failing() -> None:
            ran.append("failing")
            raise LookupError("no such thing")

        @tracekit.tool
        def asking(client: Any, words: str) -> str:
            ran.append("asking")
            return say(client, words)

        def say(client: Any, words: str) -> str:
            messages: Any = [{"role": "user", "content": words}]
            answer = client.messages.create(model="claude-sonnet-5", max_tokens=9, messages=messages)
            return str(answer.content[0].text)

        self.plain, self.waiting, self.nothing, self.opaque = plain, waiting, nothing, opaque
        self.failing, self.asking, self.say = failing, asking, say

    def __call__(self) -> list[Any]:
        return asyncio.run(self.main())

    async def main(self) -> list[Any]:
        got: list[Any] = []
        with anthropic.Anthropic(base_url=self.url, api_key="key") as client, tracekit.agent("lead"):
            got.append(self.say(client, "begin"))
            got += [self.plain("a"), self.plain(path="a"), self.plain("b"), await self.waiting("c"), self.nothing()]
            got += await asyncio.gather(*(self.waiting(name) for name in "xyz"))
            got += [self.opaque(), self.opaque(), await asyncio.to_thread(self.asking, client, "an expert")]
            try:
                self.failing()
            except LookupError as error:
                got.append(str(error))
            got.append(self.say(client, "end"))
        return got


RAN_AGAIN = ["opaque", "opaque", "asking", "failing"]


def test_results_are_returned_and_tools_are_not_run(home: Path) -> None:
    with Watched(echo) as claude:
        program = Program(claude.url)
        seen, run = record(program)
        assert len(program.ran) == 12
        program.ran.clear()
        with untouched(claude):
            again, replay = replay_of(run, program)
    assert again == seen
    assert program.ran == RAN_AGAIN
    assert replay.mode == "followed"
    assert replay.notes == ["ran live, since the recording has no JSON result for them: failing, opaque"]
    assert replay.run is not None
    assert_same_record(replay.run.recording, run)


def test_other_arguments_run_the_tool(home: Path) -> None:
    with Watched(echo) as claude:
        program = Program(claude.url)
        _, run = record(program)
        program.ran.clear()
        plain = program.plain
        program.plain = lambda path: plain(path if path != "b" else "changed")
        again, _ = replay_of(run, program)
    assert again[3] == {"path": "changed", "size": [1, 2.5, None]}
    assert program.ran == [("plain", "changed"), *RAN_AGAIN]


def test_a_divergence_names_the_tools_that_were_skipped(home: Path) -> None:
    with Watched(echo) as claude:
        program = Program(claude.url)
        _, run = record(program)
        say = program.say
        program.say = lambda client, words: say(client, words if words != "end" else "the end")
        with pytest.raises(ReplayDivergence) as raised:
            replay_of(run, program)
    assert "tools skipped before it, whose recorded results were returned: plain ×3, waiting ×4, nothing" in str(
        raised.value
    )


def team(folder: Path, ran: list[str]) -> Callable[[], str]:
    def count_words(path: str) -> str:
        """Count.

        Args:
            path: Of what.
        """
        ran.append(path)
        return "17"

    def program() -> str:
        orchestrator = tracekit.Orchestrator(
            name="lead",
            model="claude-opus-5-5",
            system="You lead.",
            workspace=folder,
            subagents=[
                tracekit.Subagent(
                    name="counter",
                    description="Counts.",
                    model="claude-sonnet-5-5",
                    system="You count.",
                    tools=[count_words],
                )
            ],
        )
        return orchestrator.run_sync("Count.").text

    return program


def lead_and_counter(asked: ReceivedRequest) -> ScriptedResponse:
    from tracekit.demo.claude import tool_use

    request = asked.json()
    is_lead = str(request["system"]).startswith("You lead.")
    if len(request["messages"]) > 1:
        return message(text("It is 17." if is_lead else "17 words."), model=request["model"])
    if is_lead:
        blocks = [tool_use("counter", {"task": name}, f"toolu_{name}") for name in ("a", "b")]
        return message(*blocks, model=request["model"])
    uses = [
        tool_use("count_words", {"path": str(request["messages"][0]["content"])}, "toolu_c"),
        tool_use("write_file", {"path": "x.txt", "content": "17"}, "toolu_w"),
        tool_use("read_file", {"path": "given.txt"}, "toolu_r"),
    ]
    return message(*uses, model=request["model"])


def test_tools_of_the_runtime(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, ran = tmp_path / "work", list[str]()
    folder.mkdir()
    (folder / "given.txt").write_text("given")
    with Watched(lead_and_counter) as claude:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", claude.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
        program = team(folder, ran)
        tracekit.init()
        seen, run = record(program)
        assert sorted(ran) == ["a", "b"]
        assert (folder / "x.txt").read_text() == "17"
        ran.clear()
        (folder / "x.txt").unlink()
        (folder / "given.txt").unlink()
        with untouched(claude):
            again, replay = replay_of(run, program)
    assert again == seen == "It is 17."
    assert ran == []
    assert list(folder.iterdir()) == []
    assert replay.mode == "followed"
    assert replay.run is not None
    assert len(spans(replay.run.recording, "tool")) == len(spans(run, "tool")) == 8
