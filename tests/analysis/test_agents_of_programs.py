"""Programs with several agents on one history, in one tool or after a final answer: recorded, named apart and replayed."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.support.replays import Watched, assert_same_record, record, replay_of, untouched
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, message, reply, text, tool_use
from tracekit.model.recording import Recording
from tracekit.model.tree import Node
from tracekit.rules import findings_of

Ask = Callable[..., Any]
Program = Callable[[Ask], Any]
SETTLED = "The case of the kettle is settled now."


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """The response is scripted by the system prompt and the number of responses in the messages."""
    body = asked.json()
    system, turn = body.get("system", ""), sum(each["role"] == "assistant" for each in body["messages"])
    script = SCRIPT.get(system)
    tool = None if script is None else script(turn)
    # No two requests get the same words, or blocks of one id.
    id = hashlib.sha256(asked.body).hexdigest()[:16]
    if tool is not None:
        return reply(asked, message(tool_use(tool, {"question": f"What of part {turn}?"}, f"toolu_{id}"), delay_s=0.01))
    jokes = '{"response": ["Why did the kettle blush?", "It saw the stove."]}'
    said = jokes if "2 jokes" in str(body["messages"]) else f"{SETTLED} ({id})"
    return reply(asked, message(text(said), delay_s=0.01))


def in_order(*names: str) -> Callable[[int], str | None]:
    """Ask for the tool of that number, then answer in words."""
    return lambda turn: names[turn] if turn < len(names) else None


SCRIPT: dict[str, Callable[[int], str | None]] = {
    "You are triage.": lambda _: "transfer",
    "You are billing.": lambda turn: "look_up" if turn == 1 else "transfer",
    "You code.": in_order("look", "look"),
    "You lead.": in_order("review_files"),
    "You jest.": in_order("joke_factory"),
    "You solve.": in_order("bash", "submit"),
}


def definitions(*names: str) -> list[Any]:
    return [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names]


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def answered(answer: Any, said: str) -> list[dict[str, Any]]:
    """Return the messages of a turn: the assistant's, and the user's with the result `said` for each tool."""
    uses = [block for block in answer.content if block.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": said} for use in uses]
    return [{"role": "assistant", "content": answer.content}, *([user(results)] if results else [])]


def handoff(ask: Ask) -> None:
    """Three agents share one history; the first gets it back."""
    history = [user("I was billed twice for my kettle.")]
    triage = {"system": "You are triage.", "model": "claude-opus-5-5", "tools": definitions("transfer")}
    billing = {"system": "You are billing.", "tools": definitions("look_up", "transfer")}
    refunds = {"system": "You are refunds.", "tools": definitions("pay_back")}
    for fields in (triage, billing, billing, triage, refunds):
        history += answered(ask(history, **fields), "done")


def compaction(ask: Ask) -> None:
    """A loop whose history another summarizes, twice."""
    history = [user("Explain the shop.")]
    for part in range(3):
        for _ in range(2):
            history += answered(ask(history, system="You code.", tools=definitions("look")), "seen")
        if part < 2:
            dumped = user(json.dumps(history, default=str))
            summary = ask([dumped], system="Summarize.").content[0].text
            history = [user(f"[Compacted, {part}]\nExplain the shop.\n{summary}")]


async def fan_out(ask: Ask) -> None:
    """One tool reviews three files at once, each in a conversation of its own."""

    async def review(path: str) -> str:
        history = [user(f"Review {path}. What of part 0?")]
        for _ in range(2):
            answer = await ask(history, system="You review one file.")
            history += [*answered(answer, ""), user("Look again.")]
        return str(answer.content[0].text)

    history, lead = [user("Go.")], {"system": "You lead.", "tools": definitions("review_files")}
    answer = await ask(history, **lead)
    said = await asyncio.gather(*map(review, ("cart.py", "orders.py", "mail.py")))
    await ask([*history, *answered(answer, "\n".join(said))], **lead)


async def own_tasks(ask: Ask) -> None:
    """Each request has a task of its own, and the subagent's answer is structured."""

    async def in_task(*messages: Any, **fields: Any) -> Any:
        return await asyncio.create_task(ask(messages, **fields))

    async def joke_factory() -> str:
        answer = await in_task(user("Please generate 2 jokes."))
        return "\n".join(json.loads(answer.content[0].text)["response"])

    asked, jester = user("Make me laugh."), {"system": "You jest.", "tools": definitions("joke_factory")}
    answer = await in_task(asked, **jester)
    said = await asyncio.create_task(joke_factory())
    await in_task(asked, *answered(answer, said), **jester)


def submit(ask: Ask) -> None:
    """A solver submits its answer, which a judge then grades."""
    history = [user("Who billed the kettle?")]
    for _ in range(2):
        answer = ask(history, system="You solve.", tools=definitions("bash", "submit"))
        history += answered(answer, "two bills")
    ask([user(f"Who billed the kettle?\n{answer.content[0].input['question']}\nIs it right?")], system="You grade.")


def perform(program: Program, url: str) -> None:
    """Run `program` with a client of its own."""

    def asking(client: Any) -> Ask:
        def ask(messages: Any, **fields: Any) -> Any:
            return client.messages.create(
                messages=list(messages), max_tokens=99, **{"model": "claude-haiku-5-5", **fields}
            )

        return ask

    async def in_loop() -> None:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:
            await program(asking(client))

    if inspect.iscoroutinefunction(program):
        asyncio.run(in_loop())
    else:
        with anthropic.Anthropic(base_url=url, api_key="key") as client:
            program(asking(client))


TURN = ["turn", "llm"]
TREES: dict[Program, list[list[str]]] = {
    handoff: [
        ["turn", "llm", "tool transfer"] * 2,
        ["turn", "llm", "tool look_up", "turn", "llm", "tool transfer"],
        TURN,
    ],
    compaction: [
        ["turn", "llm", "tool look", "turn", "llm", "llm"] * 2 + ["turn", "llm", "tool look", "turn", "llm"],
    ],
    fan_out: [["turn", "llm", "tool review_files", *["agent"] * 3, "turn", "llm"], *[TURN * 2] * 3],
    own_tasks: [["turn", "llm", "tool joke_factory", "agent", "turn", "llm"], TURN],
    submit: [["turn", "llm", "tool bash", "turn", "llm"]],
}


def shapes(run: Recording) -> list[list[str]]:
    """The levels below each agent, down to the agents below it, in order."""
    tree = structure(run)
    findings_of(tree)
    return [list(_levels(agent)) for agent in tree.root.walk() if agent.kind == "agent"]


def _levels(agent: Node) -> list[str]:
    found: list[str] = []
    for child in agent.children:
        if child.kind != "attempt":
            found.append(f"tool {child.attributes[semconv.TOOL_NAME]}" if child.kind == "tool" else child.kind)
        if child.kind != "agent":
            found += _levels(child)
    return found


@pytest.mark.parametrize("program", TREES, ids=lambda program: program.__name__)
def test_agents_are_told_apart_and_replayed(program: Program, home: Path) -> None:
    with Watched(respond) as claude:
        _, run = record(lambda: perform(program, claude.url))
        with untouched(claude):
            replays = [replay_of(run, lambda: perform(program, claude.url))[1] for _ in range(3)]
    assert shapes(run) == TREES[program]
    for replay in replays:
        assert (replay.mode, replay.divergence, replay.unplayed) == ("followed", None, [])
        assert replay.run is not None
        assert_same_record(replay.run.recording, run)
        assert shapes(replay.run.recording) == TREES[program]
