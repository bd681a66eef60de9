"""Tests that calls with one system prompt, list of tools and model on one history are one agent."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.support.build import Builder, assistant, result, said, tree, use, user
from tracekit.analysis.structure import structure
from tracekit.model.tree import Node
from tracekit.rules import findings_of

ASK = user("I was billed twice for my kettle.")
DONE = "All of it is settled now."


def tools(*names: str) -> list[dict[str, Any]]:
    return [{"name": name, "input_schema": {"type": "object"}} for name in names]


def agents(builder: Builder) -> list[list[str]]:
    """The calls in each agent's own turns, by the begin of the first; findings may be made of the run."""
    run = structure(builder.recording())
    findings_of(run)
    found = [
        [node.id for node in own(agent) if node.kind == "llm"] for agent in run.root.walk() if agent.kind == "agent"
    ]
    return sorted(found, key=lambda ids: min(builder.spans[id].start_ns for id in ids))


def own(agent: Node) -> Iterator[Node]:
    """The nodes below `agent` that belong to no agent below it."""
    for child in agent.children:
        if child.kind != "agent":
            yield child
            yield from own(child)


def loose(builder: Builder) -> list[str]:
    """The calls that belong to no agent."""
    return [node.id for node in structure(builder.recording()).root.children if node.kind == "llm"]


# ── several agents on one history ────────────────────────────────────────────────────────────────────────────────

TEAM: dict[str, dict[str, Any]] = {
    "triage": {"system": "You are triage.", "tools": tools("transfer"), "model": "claude-opus-5-5"},
    "billing": {"system": "You are billing.", "tools": tools("look_up", "transfer"), "model": "claude-sonnet-5-5"},
    "refunds": {"system": "You are refunds.", "tools": tools("pay_back"), "model": "claude-haiku-5-5"},
}
ALIKE: dict[str, dict[str, Any]] = {name: {"system": f"You are {name}."} for name in TEAM}
BY_TOOLS: dict[str, dict[str, Any]] = {name: {"tools": tools(f"{name}_tool")} for name in TEAM}


def relay(team: dict[str, dict[str, Any]], order: str, *, parent: str | None = None) -> Builder:
    """Build a run in which each agent of `order` asks for a tool, and the next one sends its result.

    All share one history. The last agent answers with text.
    """
    b, history, names = Builder(), [ASK], order.split()
    for number, name in enumerate(names):
        answer = use(f"t{number}", "transfer") if number < len(names) - 1 else said(DONE)
        b.call(f"{name}{number}", number * 20, number * 20 + 10, history, [answer], parent=parent, **team[name])
        history = [*history, assistant(answer), user([result(f"t{number}", f"transferred by {name}")])]
    return b


@pytest.mark.parametrize("team", [TEAM, ALIKE, BY_TOOLS], ids=["in all", "by prompt", "by tools"])
def test_a_handoff_is_to_an_agent_of_its_own(team: dict[str, dict[str, Any]]) -> None:
    b = relay(team, "triage billing billing refunds")
    assert agents(b) == [["triage0"], ["billing1", "billing2"], ["refunds3"]]


def test_an_agent_that_gets_the_history_back_is_the_same_agent() -> None:
    b = relay(TEAM, "triage billing triage refunds billing triage")
    assert agents(b) == [["triage0", "triage2", "triage5"], ["billing1", "billing4"], ["refunds3"]]


def test_agents_of_one_history_stand_side_by_side() -> None:
    lines = tree(structure(relay(TEAM, "triage billing").recording()).root)
    assert [line for line in lines if "name" not in line and ("agent" in line or "tool" in line)] == [
        line for line in lines if line.startswith(("  agent ", "      tool transfer ~"))
    ]
    assert sum(line.startswith("  agent ") for line in lines) == 2


def test_the_tool_that_hands_over_ends_when_the_next_agent_begins() -> None:
    b = relay(TEAM, "triage billing triage")
    tool = next(node for node in structure(b.recording()).root.walk() if node.kind == "tool")
    assert tool.end_ns == b.spans["billing1"].start_ns


@pytest.mark.parametrize("keeps_all", [True, False], ids=["all messages", "the last message"])
def test_a_supervisor_goes_on_where_its_workers_left(keeps_all: bool) -> None:
    boss: dict[str, Any] = {"system": "You supervise.", "tools": tools("to_maths")}
    maths: dict[str, Any] = {"system": "You know maths.", "tools": tools("add")}
    over, add, back = use("t0", "to_maths"), use("t1", "add", a=1), use("made_up", "to_supervisor")
    b, three = Builder(), "The sum of it all is three."
    sent = [ASK, assistant(over), user([result("t0", "Successfully transferred")])]
    b.call("boss1", 0, 10, [ASK], [over], **boss)
    b.call("maths1", 20, 30, sent, [add], **maths)
    added = [*sent, assistant(add), user([result("t1", "3")])]
    b.call("maths2", 40, 50, added, [said(three)], **maths)
    returned = [
        assistant(said(three)),
        user("(transfer)"),
        assistant(back),
        user([result("made_up", "Successfully back")]),
    ]
    b.call("boss2", 60, 70, [*(added if keeps_all else sent), *returned], [said(DONE)], **boss)
    assert agents(b) == [["boss1", "boss2"], ["maths1", "maths2"]]


def debate(prompt: Callable[[int], str], speakers: int = 2, rounds: int = 3) -> Builder:
    """Each has its own words as its own, and those of others as a user's."""
    b, words = Builder(), list[str]()
    for number in range(speakers * rounds):
        me = number % speakers
        history = [user("Should cities ban cars?")]
        history += [assistant(said(w)) if at % speakers == me else user(w) for at, w in enumerate(words)]
        words.append(f"My argument is number {number}, hear it.")
        b.call(f"{me}.{number}", number * 20, number * 20 + 10, history, [said(words[-1])], system=prompt(me))
    return b


@pytest.mark.parametrize(
    "prompt",
    [
        lambda me: f"You are the {('writer', 'critic')[me]}.",
        lambda me: f"You are debater {me}.",
        lambda me: f"You are debater {'AB'[me]}. Keep to the matter, be polite, and use two sentences at most.",
        lambda _: "You are a helpful assistant.",
        lambda _: "",
    ],
    ids=["roles", "numbers", "letters", "one prompt", "no prompt"],
)
def test_those_who_hear_each_other_as_users_are_several_agents(prompt: Callable[[int], str]) -> None:
    assert agents(debate(prompt)) == [["0.0", "0.2", "0.4"], ["1.1", "1.3", "1.5"]]


def test_a_group_that_reads_one_transcript_is_as_many_agents_as_speak() -> None:
    b, words = Builder(), list[str]()
    for number in range(6):
        name = ("writer", "critic", "editor")[number % 3]
        history = [user("Write a poem on kettles."), *map(user, words)]
        words.append(f"{name} says the line of round {number}.")
        b.call(
            f"{name}{number}", number * 20, number * 20 + 10, history, [said(words[-1])], system=f"You are the {name}."
        )
    assert agents(b) == [["writer0", "writer3"], ["critic1", "critic4"], ["editor2", "editor5"]]


def test_agents_that_hand_over_below_a_tool_stay_below_it() -> None:
    b, ask = Builder(), use("t0", "support", question="Was the kettle billed twice?")
    lead: dict[str, Any] = {"system": "You lead.", "tools": tools("support")}
    b.call("lead1", 0, 10, [ASK], [ask], **lead)
    history = [user("Was the kettle billed twice?")]
    b.call("triage", 20, 30, history, [use("t1", "transfer")], **TEAM["triage"])
    history = [*history, assistant(use("t1", "transfer")), user([result("t1", "transferred")])]
    b.call("billing1", 40, 50, history, [use("t2", "look_up")], **TEAM["billing"])
    history = [*history, assistant(use("t2", "look_up")), user([result("t2", "twice")])]
    b.call("billing2", 55, 58, history, [said("It was billed twice, and is paid back.")], **TEAM["billing"])
    told = user([result("t0", "Support answered.")])
    b.call("lead2", 60, 70, [ASK, assistant(ask), told], [said(DONE)], **lead)
    assert agents(b) == [["lead1", "lead2"], ["triage"], ["billing1", "billing2"]]
    tool = next(node for node in structure(b.recording()).root.walk() if node.kind == "tool")
    assert [child.kind for child in tool.children] == ["agent", "agent"]


# ── one agent, though something of it changes ────────────────────────────────────────────────────────────────────

BASE = "You are a careful coding agent of the shop."


def cut(history: list[Any]) -> list[Any]:
    return history if len(history) < 3 else [user("(earlier turns are left out)"), *history[-2:]]


def rewritten(history: list[Any]) -> list[Any]:
    return [user(f"It is 10:{len(history):02}. I was billed twice."), *history[1:]]


def loop(fields: Callable[[int], dict[str, Any]], shown: Callable[[list[Any]], list[Any]] = list) -> Builder:
    """Four turns of a loop with a tool."""
    b, history = Builder(), [ASK]
    for number in range(4):
        answer = use(f"t{number}", "look", at=number) if number < 3 else said(DONE)
        b.call(f"c{number}", number * 20, number * 20 + 10, shown(history), [answer], **fields(number))
        history = [*history, assistant(answer), user([result(f"t{number}", f"seen {number}")])]
    return b


LISTS = (("look",), ("look", "search"), ("search", "fetch"), ())


@pytest.mark.parametrize("shown", [list, cut, rewritten], ids=["whole", "cut", "rewritten"])
@pytest.mark.parametrize(
    "fields",
    [
        lambda number: {"system": f"You code. It is 2026-11-28 10:3{number}:05, step {number} of 4."},
        lambda number: {"system": BASE + "".join(f" Remember {word}." for word in ("tea", "cups", "milk")[:number])},
        lambda number: {"system": f"{BASE} The plan is: {('read', 'write', 'test', 'ship')[number]} it. Be brief."},
        lambda number: {"system": BASE, "tools": tools(*LISTS[number])},
        lambda number: {"tools": tools("look") if number < 3 else []},
        lambda number: {"system": BASE, "model": f"claude-{('opus', 'sonnet')[number // 2]}-5-5"},
        lambda number: {"model": f"claude-{('opus', 'sonnet', 'opus', 'haiku')[number]}-5-5"},
    ],
    ids=["clock", "memory", "plan", "tools", "no tools at last", "model", "model alone"],
)
def test_an_agent_may_change(fields: Callable[[int], dict[str, Any]], shown: Callable[[list[Any]], list[Any]]) -> None:
    assert agents(loop(fields, shown)) == [["c0", "c1", "c2", "c3"]]


def test_a_window_of_a_chat_below_a_rolling_summary_is_one_agent() -> None:
    b, words = Builder(), [f"This is the long answer number {n}." for n in range(4)]
    for number in range(4):
        kept = [assistant(said(words[number - 1])), user(f"And {number}?")] if number else []
        system = f"{BASE} So far: {', '.join(words[: max(0, number - 1)])}"
        b.call(f"c{number}", number * 20, number * 20 + 10, [user("…"), *kept], [said(words[number])], system=system)
    assert agents(b) == [["c0", "c1", "c2", "c3"]]


CODER: dict[str, Any] = {"system": "You are a coding agent.", "tools": tools("look")}
SUMMARIZER: dict[str, Any] = {"system": "Summarize this conversation as facts."}


def dumped(history: list[Any]) -> list[Any]:
    return [user("Summarize: " + json.dumps(history))]


def unseen(history: list[Any]) -> list[Any]:
    return [user(f"{len(history)} messages: it looked at the shop twice.")]


def asked_of(history: list[Any]) -> list[Any]:
    return [*history, user("Summarize the above.")]


def assent(summary: str) -> list[Any]:
    return [user(summary), assistant(said("Understood.")), user("Go on.")]


def compacted(
    asked: Callable[[list[Any]], list[Any]], fields: dict[str, Any], *, ends: bool, begin: Callable[[str], list[Any]]
) -> Builder:
    """A loop that is summed up twice, amid its tools or after it has ended in words."""
    b, at, history = Builder(), 0, [user("Explain the whole shop.")]
    for part in range(3):
        for number in range(2):
            is_last = ends and number == 1
            answer = (
                said(f"That is part {part} of it.") if is_last else use(f"t{at}", "look", path="cart.py of the shop")
            )
            b.call(f"c{at}", at * 20, at * 20 + 10, history, [answer], **CODER)
            told = "And the mail?" if is_last else [result(f"t{at}", "seen")]
            history, at = [*history, assistant(answer), user(told)], at + 1
        if part == 2:
            break
        summary = f"Summary {part}: the user wants it explained."
        b.call(f"s{part}", at * 20 - 8, at * 20 - 4, asked(history), [said(summary)], **fields)
        history = begin(summary)
    return b


@pytest.mark.parametrize("begin", [lambda summary: [user(f"[Compacted]\n{summary}")], assent], ids=["alone", "assent"])
@pytest.mark.parametrize(
    ("asked", "fields", "ends"),
    [
        (dumped, SUMMARIZER, False),
        (dumped, {}, False),
        (unseen, SUMMARIZER, False),
        (dumped, CODER, False),
        (asked_of, SUMMARIZER, False),
        (dumped, SUMMARIZER, True),
        (asked_of, SUMMARIZER, True),
    ],
    ids=["dumped", "no prompt", "unseen", "set up alike", "on the history", "ended", "ended, on the history"],
)
def test_a_loop_that_is_summed_up_by_another_is_one_agent(
    asked: Callable[[list[Any]], list[Any]], fields: dict[str, Any], ends: bool, begin: Callable[[str], list[Any]]
) -> None:
    calls = ["c0", "c1", "s0", "c2", "c3", "s1", "c4", "c5"]
    assert agents(compacted(asked, fields, ends=ends, begin=begin)) == [calls]


def test_a_writer_that_is_told_a_verdict_writes_anew() -> None:
    b = Builder()
    b.call("w1", 0, 10, [user("Write of kettles.")], [said("Kettles sing at dawn.")], system="You write.")
    b.call(
        "j1", 20, 30, [user("Write of kettles.: Kettles sing at dawn.")], [said("It lacks a season.")], system="Judge."
    )
    again = [user("Write of kettles. Mind: It lacks a season.")]
    b.call("w2", 40, 50, again, [said("Winter kettles sing.")], system="You write.")
    assert (agents(b), loose(b)) == ([["w1"], ["j1"], ["w2"]], [])


# ── asides, and several at once ──────────────────────────────────────────────────────────────────────────────────


def test_a_title_is_an_aside_of_the_turn() -> None:
    b = Builder()
    sorry = "I am sorry for that, really."
    history = [ASK, assistant(said(sorry)), user("Title?")]
    b.call("a", 0, 10, [ASK], [said(sorry)], system=BASE)
    b.call(
        "title", 12, 16, history, [said("A kettle billed twice")], system="You give titles.", model="claude-haiku-5-5"
    )
    b.call("b", 20, 30, [ASK, assistant(said(sorry)), user("Refund me.")], [said(DONE)], system=BASE)
    assert agents(b) == [["a", "title", "b"]]
    assert [len(node.children) for node in structure(b.recording()).root.children[0].children] == [2, 1]


@pytest.mark.parametrize("chosen", range(3))
def test_of_several_attempts_the_one_that_is_gone_on_with_is_the_turn(chosen: int) -> None:
    b, think = Builder(), "Let me think of it first."
    history = [ASK, assistant(said(think)), user("Now solve it.")]
    b.call("a", 0, 10, [ASK], [said(think)], system=BASE)
    for number in range(3):
        b.call(
            f"v{number}",
            20 + number,
            40 + number,
            history,
            [said(f"It is {number}, I say.")],
            lane=f"m.t{number}",
            system=BASE,
        )
    b.call(
        "z", 60, 70, [*history, assistant(said(f"It is {chosen}, I say.")), user("Thanks.")], [said(DONE)], system=BASE
    )
    (turns,) = [node.children for node in structure(b.recording()).root.children]
    assert [[call.id for call in turn.children] for turn in turns] == [["a"], ["v0", "v1", "v2"], ["z"]]


def test_equal_attempts_that_all_go_on_are_told_apart_by_their_lanes() -> None:
    b = Builder()
    for number in range(5):
        again = [ASK, assistant(said("It is safe, I say.")), user("Why?")]
        b.call(f"a{number}", 0, 10 + number, [ASK], [said("It is safe, I say.")], lane=f"m.t{number}", system=BASE)
        b.call(f"b{number}", 30 - number, 40, again, [said(DONE)], lane=f"m.t{number}", system=BASE)
    assert sorted(agents(b)) == [[f"a{number}", f"b{number}"] for number in range(5)]


# ── several agents below one tool ────────────────────────────────────────────────────────────────────────────────

REVIEW = use("t0", "review_files", question="What is wrong in there?")
LEAD: dict[str, Any] = {"system": "You lead.", "tools": tools("review_files")}
FILES = ("cart", "mail", "orders")


@pytest.mark.parametrize("calls", [1, 2])
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "in a row"])
@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "inferred"])
def test_conversations_below_one_tool_are_agents_side_by_side(calls: int, at_once: bool, recorded: bool) -> None:
    b = Builder()
    lead = b.agent("lead", 0, 500) if recorded else None
    tool = b.tool("run", "review_files", 15, 190, lead, call_id="t0") if recorded else None
    b.call("lead1", 0, 10, [ASK], [REVIEW], parent=lead, **LEAD)
    for number, file in enumerate(FILES):
        at, lane = (20 + number, f"m.t{number}") if at_once else (20 + 50 * number, "m")
        history = [user(f"What is wrong in there? Read {file}.")]
        for call in range(calls):
            answer = said(f"{file} is fine, {call}.")
            b.call(
                f"{file}{call}", at, at + 10, history, [answer], lane=lane, parent=tool, system="You review one file."
            )
            history, at = [*history, assistant(answer), user("Look again.")], at + 20
    told = user([result("t0", "Three files were read.")])
    b.call("lead2", 200, 210, [ASK, assistant(REVIEW), told], [said(DONE)], parent=lead, **LEAD)
    assert agents(b) == [["lead1", "lead2"], *([f"{file}{call}" for call in range(calls)] for file in FILES)]
    assert len({node.id for node in structure(b.recording()).root.walk() if node.kind == "tool"}) == 1


@pytest.mark.parametrize("extra", [False, True], ids=["tools only", "and a summary of the program's"])
@pytest.mark.parametrize("blocks", [1, 3])
def test_requests_in_tasks_of_their_own_serve_the_tools_in_whose_window_they_ran(blocks: int, extra: bool) -> None:
    """The tools' tasks are beside that of the request which asked for them, not below it."""
    b, uses = Builder(), [use(f"t{number}", "joke_factory", count=number) for number in range(blocks)]
    jokes: dict[str, Any] = {"tools": tools("joke_factory")}
    told = [result(f"t{number}", f"{number} jokes were made.") for number in range(blocks)]
    b.call("lead1", 0, 10, [ASK], uses, lane="m.t0", **jokes)
    for number in range(blocks):
        b.call(
            f"j{number}",
            20,
            30 + number,
            [user(f"{number} jokes, please.")],
            [said("A kettle…")],
            lane=f"m.t{number + 1}.t0",
        )
    if extra:
        summed = user(f"Sum up: {' '.join(each['content'] for each in told)}")
        b.call("sum", 40, 50, [summed], [said("Jokes were made.")], lane=f"m.t{blocks + 1}")
    b.call("lead2", 60, 70, [ASK, assistant(*uses), user(told)], [said(DONE)], lane=f"m.t{blocks + 2}", **jokes)
    lead = ["lead1", "sum", "lead2"] if extra else ["lead1", "lead2"]
    assert agents(b) == [lead, *([f"j{number}"] for number in range(blocks))]


JOKE = ['Why did it "blush"?', "It saw the stove."]
JOKE_AS_JSON = [said(json.dumps({"jokes": JOKE}))]
JOKE_AS_FORM = [use("form", "final_result", jokes=JOKE)]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (JOKE_AS_JSON, "\n".join(JOKE)),
        (JOKE_AS_JSON, json.dumps({"best": JOKE})),
        (JOKE_AS_FORM, " ".join(JOKE)),
        (JOKE_AS_FORM, json.dumps(JOKE)),
        ([said("\n".join(JOKE))], json.dumps({"joke": "\n".join(JOKE)})),
    ],
    ids=["JSON", "JSON, dumped", "a form", "a form, dumped", "text, dumped"],
)
def test_a_structured_answer_is_known_in_the_result(answer: list[Any], told: str) -> None:
    b, ask = Builder(), use("t0", "joke_factory", count=2)
    b.call("lead1", 0, 10, [ASK], [ask], tools=tools("joke_factory"))
    b.call("joker", 20, 30, [user("2 jokes, please.")], answer)
    back = [ASK, assistant(ask), user([result("t0", told)])]
    b.call("lead2", 40, 50, back, [said(DONE)], tools=tools("joke_factory"))
    assert agents(b) == [["lead1", "lead2"], ["joker"]]


# ── final answers ────────────────────────────────────────────────────────────────────────────────────────────────


def solved(*, loops: bool, lane: str = "m", answers: int = 1, **ending: bool) -> Builder:
    """Build a run of an agent that calls a `submit` tool without a result, and a call that judges it."""
    b, history = Builder(**ending), [ASK]
    solver: dict[str, Any] = {"system": "You solve it.", "tools": tools("bash", "submit")}
    if loops:
        b.call("s1", 0, 10, history, [use("t0", "bash", cmd="ls /bills")], **solver)
        history = [ASK, assistant(use("t0", "bash", cmd="ls /bills")), user([result("t0", "two bills")])]
    words = [f"The kettle was billed by batch {number}." for number in range(answers)]
    b.call("s2", 20, 30, history, [use(f"u{at}", "submit", answer=word) for at, word in enumerate(words)], **solver)
    for number, word in enumerate(words):
        asked = [user(f"Question: {ASK['content']}\nAnswer: {word}\nIs it right?")]
        where = f"{lane}{number}" if lane[-1] == "t" else lane
        b.call(f"judge{number}", 40, 50, asked, [said("GRADE: C")], system="You grade.", lane=where)
    return b


@pytest.mark.parametrize("lane", ["m", "m.t"])
@pytest.mark.parametrize("loops", [True, False])
def test_a_judge_of_a_final_answer_is_a_call_of_the_program(loops: bool, lane: str) -> None:
    b = solved(loops=loops, lane=lane)
    assert agents(b) == [["s1", "s2"] if loops else ["s2"]]
    assert loose(b) == ["judge0"]
    assert structure(b.recording()).count("tool") == loops


def test_several_that_were_started_for_as_many_blocks_serve_them_though_nobody_brings_their_results() -> None:
    assert agents(solved(loops=False, lane="m.t", answers=3)) == [["s2"], ["judge0"], ["judge1"], ["judge2"]]


def test_a_result_that_an_interrupted_run_did_not_bring_was_to_be_brought() -> None:
    assert agents(solved(loops=True, exited=False)) == [["s1", "s2"], ["judge0"]]


# ── whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("seed", range(30))
def test_turns_of_one_agent_never_overlap_and_no_call_is_lost(seed: int) -> None:
    """Random teams on random histories, at random times in random lanes."""
    chance, b, known = random.Random(seed), Builder(), list[tuple[list[Any], int]]()
    for number in range(80):
        history, over = chance.choice(known) if known and chance.random() < 0.8 else ([user(f"Task {number % 7}")], 0)
        start = over + chance.randrange(0, 40)
        end = start + chance.randrange(1, 30)
        answer = chance.choice(
            [said(f"The answer {number % 9} is here."), use(f"u{number}", "ask", about=f"Task {number % 7}")]
        )
        b.call(
            f"c{number}",
            start,
            end,
            history,
            [answer],
            lane=chance.choice(["m", "m.t0", "m.t1", "m.t0.t0"]),
            system=chance.choice(["You lead.", "You write.", f"You lead at {number}."]),
            tools=tools(*chance.choice([(), ("ask",), ("ask", "look"), ("write",)])),
        )
        brought = [result(f"u{number}", f"result {number % 5} of it")] if answer["type"] == "tool_use" else "Go on."
        known.append(([*history, assistant(answer), user(brought)], end))
    root = structure(b.recording()).root
    assert sorted(node.id for node in root.walk() if node.kind == "llm") == sorted(f"c{number}" for number in range(80))
    for agent in (node for node in root.walk() if node.kind == "agent"):
        calls = {node.id: node for node in own(agent) if node.kind == "llm"}
        firsts = [calls[turn.id.removesuffix(".turn")] for turn in agent.children if turn.kind == "turn"]
        firsts.sort(key=lambda call: (call.start_ns, call.end_ns))
        assert all((one.end_ns or 0) <= other.start_ns for one, other in pairwise(firsts)), agent.agent
