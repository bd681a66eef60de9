"""The tree that is concluded from exchanges: right where there is evidence, flat where there is none."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.support.build import MS, Builder, assistant, result, said, tree, use, user
from tracekit import semconv
from tracekit.analysis.structure import serving, structure
from tracekit.rules import findings_of

ASK = user("Analyse the shop.")


def outline(builder: Builder) -> list[str]:
    return tree(structure(builder.recording()).root)


def lines(text: str) -> list[str]:
    return text.strip("\n").splitlines()


def test_one_call_is_an_agent_with_one_turn() -> None:
    b = Builder()
    b.call("a", 0, 10, [ASK], [said("ok")])
    assert outline(b) == lines("run ~\n  agent agent-1 ~\n    turn ~\n      llm a")


def test_a_probe_of_one_token_is_no_agent() -> None:
    b = Builder()
    b.call("p", 0, 5, [user("quota")], [said("I")], stop="max_tokens", max_tokens=1)
    assert outline(b) == lines("run ~\n  llm p")
    b.call("a", 10, 20, [ASK], [use("t1", "look", path="shop/cart.py")], max_tokens=1000)
    b.call("q", 22, 24, [user("quota")], [said("I")], stop="max_tokens", max_tokens=1)
    b.call(
        "b",
        30,
        40,
        [ASK, assistant(use("t1", "look", path="shop/cart.py")), user([result("t1", "seen")])],
        [said("ok")],
    )
    assert outline(b) == lines(
        "run ~\n  llm p\n  agent agent-1 ~\n    turn ~\n      llm a\n      tool look ~\n      llm q\n    turn ~\n      llm b"
    )


def test_a_growing_history_is_one_conversation() -> None:
    b = Builder()
    history = [ASK]
    for number in range(4):
        b.call(f"c{number}", number * 10, number * 10 + 5, history, [said(f"answer {number}")])
        history = [*history, assistant(said(f"answer {number}")), user(f"more {number}")]
    run = structure(b.recording())
    assert [node.kind for node in run.root.children[0].children] == ["turn"] * 4
    assert run.count("agent") == 1


def test_moving_cache_markers_do_not_break_a_conversation() -> None:
    b = Builder()
    marked = {"type": "text", "text": "Analyse the shop.", "cache_control": {"type": "ephemeral"}}
    b.call("a", 0, 10, [user([marked])], [said("one")])
    b.call("b", 20, 30, [ASK, assistant(said("one")), user("go on")], [said("two")])
    assert structure(b.recording()).count("agent") == 1


def test_a_thread_that_the_server_holds_is_one_conversation() -> None:
    b = Builder()
    b.call("a", 0, 10, [ASK], [use("t1", "look", path="shop/cart.py")])
    thread = {"type": "continue", "previous_message_id": "msg_a"}
    b.call("b", 20, 30, [user([result("t1", "seen")])], [said("done")], thread=thread)
    assert outline(b) == lines(
        "run ~\n  agent agent-1 ~\n    turn ~\n      llm a\n      tool look ~\n    turn ~\n      llm b"
    )


def test_a_history_that_was_cut_continues_by_its_tool_results() -> None:
    b = Builder()
    b.call("a", 0, 10, [ASK], [use("t1", "look", path="shop/cart.py")])
    b.call(
        "b",
        20,
        30,
        [
            user("(earlier turns left out)"),
            assistant(use("t1", "look", path="shop/cart.py")),
            user([result("t1", "x")]),
        ],
    )
    assert structure(b.recording()).count("agent") == 1


CHAT = "How many tides are there in a day?"
TIDES = "There are two tides in a day."
WHY = "Because the moon draws the sea."


def _chat(*third: dict[str, object], system: str = "You know the sea.") -> Builder:
    """Two rounds of a chat, and a third request that has `third` before its question."""
    b = Builder()
    rounds = [user(CHAT), assistant(said(TIDES)), user("Why?")]
    b.call("a", 0, 10, rounds[:1], [said(TIDES)], system="You know the sea.")
    b.call("b", 20, 30, rounds, [said(WHY)], system="You know the sea.")
    b.call("c", 40, 50, [*third, user("And on the lake?")], [said("None.")], system=system)
    return b


@pytest.mark.parametrize(
    "third",
    [
        [user("Why?"), assistant(said(WHY))],
        [user(f"(With sources.) {CHAT}"), assistant(said(TIDES)), user("Why?"), assistant(said(WHY))],
        [user(f"So far: {WHY}"), assistant(said("Understood."))],
    ],
    ids=["a window", "a first message that changes", "a summary"],
)
def test_a_chat_whose_history_was_cut_or_rewritten_is_one_conversation(third: list[dict[str, object]]) -> None:
    run = structure(_chat(*third).recording())
    assert [node.kind for node in run.root.children[0].children] == ["turn"] * 3
    assert run.count("agent") == 1


def test_examples_that_every_request_begins_with_make_no_conversation() -> None:
    b = Builder()
    label = '{"category": "billing"}'
    example = [user("I was charged twice."), assistant(said(label))]
    for number in range(3):
        asked = [*example, user(f"Invoice {number} is wrong.")]
        b.call(f"c{number}", number * 20, number * 20 + 10, asked, [said(label)], system="Classify.")
    assert outline(b) == lines("run ~\n  llm c0\n  llm c1\n  llm c2")


def test_one_that_is_set_up_otherwise_continues_no_chat() -> None:
    other = "You know the lakes."
    for third in ([user(f"So far: {WHY}")], [user("Why?"), assistant(said(WHY))]):
        root = structure(_chat(*third, system=other).recording()).root
        assert [[n.id for n in agent.walk() if n.kind == "llm"] for agent in root.children] == [["a", "b"], ["c"]]


def test_two_unrelated_single_calls_stay_flat() -> None:
    b = Builder()
    b.call("a", 0, 10, [user("Draft a reply.")], [said("Dear customer")])
    b.call("b", 0, 10, [user("Check the policy.")], [said("Fine")], lane="m.t1")
    assert outline(b) == lines("run ~\n  llm a\n  llm b")


def test_a_second_conversation_without_evidence_is_an_agent_of_no_name() -> None:
    b = Builder()
    b.call("a", 0, 10, [user("one")], [said("first")])
    b.call("b", 20, 30, [user("two")], [said("second")])
    b.call("c", 40, 50, [user("two"), assistant(said("second")), user("more")], [said("third")])
    run = structure(b.recording())
    assert [node.agent for node in run.root.children] == ["agent-1", "agent-2"]


def test_work_in_a_window_without_evidence_stays_in_the_turn() -> None:
    """A call between an answer with tools and their results that matches no block is that turn's, and no block's."""
    b = Builder()
    b.call("a", 0, 10, [ASK], [use("t1", "search", query="refund policy")])
    b.call("x", 12, 18, [user("Summarise: something else entirely")], [said("a summary")])
    b.call(
        "b",
        20,
        30,
        [ASK, assistant(use("t1", "search", query="refund policy")), user([result("t1", "42 hits")])],
        [said("ok")],
    )
    assert outline(b) == lines(
        "run ~\n  agent agent-1 ~\n    turn ~\n      llm a\n      tool search ~\n      llm x\n    turn ~\n      llm b"
    )


def test_nested_teams_nest() -> None:
    """A subagent that has tools of its own: its workers hang under its turn, not under the lead's."""
    b = Builder()
    outer = use("t1", "review_agent", task="Review the whole payment module")
    inner = use("t2", "file_agent", path="payment/charge.py")
    b.call("lead1", 0, 10, [ASK], [outer])
    mid = user("Review the whole payment module, file by file.")
    b.call("mid1", 12, 20, [mid], [inner])
    b.call("leaf", 22, 30, [user("Read payment/charge.py carefully.")], [said("charge is fine")])
    b.call("mid2", 32, 40, [mid, assistant(inner), user([result("t2", "charge is fine")])], [said("module reviewed")])
    b.call("lead2", 42, 50, [ASK, assistant(outer), user([result("t1", "module reviewed")])], [said("end")])
    assert outline(b) == lines(
        """
run ~
  agent lead ~
    turn ~
      llm lead1
      tool review_agent ~
        agent review_agent ~
          turn ~
            llm mid1
            tool file_agent ~
              agent file_agent ~
                turn ~
                  llm leaf
          turn ~
            llm mid2
    turn ~
      llm lead2
"""
    )


def test_work_that_a_subagent_hands_its_task_on_to_is_the_subagents() -> None:
    b = Builder()
    outer = use("t1", "review_agent", task="Review the whole payment module")
    inner = use("t2", "helper", mode="deep")
    b.call("lead1", 0, 10, [ASK], [outer])
    mid = user("Review the whole payment module")
    b.call("mid1", 12, 20, [mid], [inner])
    b.call("leaf", 22, 30, [user("Review the whole payment module, I was told")], [said("a leaf's words")])
    b.call("mid2", 32, 40, [mid, assistant(inner), user([result("t2", "other words")])], [said("module reviewed")])
    b.call("lead2", 42, 50, [ASK, assistant(outer), user([result("t1", "module reviewed")])], [said("end")])
    root = structure(b.recording()).root
    (turn,) = [node for node in root.walk() if node.kind == "turn" and any(c.id == "mid1" for c in node.children)]
    assert "leaf" in [node.id for node in turn.children]


def test_equal_inputs_and_answers_are_told_apart_by_lanes() -> None:
    b = Builder()
    blocks = [use("t1", "vote", question="Is it safe?"), use("t2", "vote", question="Is it safe?")]
    b.call("a", 0, 10, [ASK], blocks)
    b.call("y", 12, 30, [user("Is it safe?")], [said("yes")], lane="m.t1")
    b.call("x", 13, 25, [user("Is it safe?")], [said("yes")], lane="m.t0")
    b.call("b", 40, 50, [ASK, assistant(*blocks), user([result("t1", "yes"), result("t2", "yes")])], [said("done")])
    root = structure(b.recording()).root
    tools = [node for node in root.walk() if node.kind == "tool"]
    served = {tool.attributes[semconv.TOOL_CALL_ID]: [n.id for n in tool.walk() if n.kind == "llm"] for tool in tools}
    assert served == {"t1": ["x"], "t2": ["y"]}


def test_lanes_in_another_order_than_the_words_say_tell_nothing() -> None:
    b = Builder()
    blocks = [use("t1", "look", path="alpha.py"), use("t2", "look", path="beta.py"), use("t3", "look", path="gamma.py")]
    b.call("a", 0, 10, [ASK], blocks)
    b.call("g", 12, 20, [user("Read gamma.py")], [said("gamma read")], lane="m.t0")
    b.call("u", 12, 20, [user("Read it")], [said("unclear")], lane="m.t1")
    b.call("v", 12, 20, [user("Read that")], [said("vague")], lane="m.t2")
    brought = [result("t1", "one"), result("t2", "two"), result("t3", "gamma read")]
    b.call("b", 40, 50, [ASK, assistant(*blocks), user(brought)], [said("done")])
    root = structure(b.recording()).root
    tools = {node.attributes[semconv.TOOL_CALL_ID]: node for node in root.walk() if node.kind == "tool"}
    assert [node.id for node in tools["t3"].walk() if node.kind == "llm"] == ["g"]
    assert [node for tool in ("t1", "t2") for node in tools[tool].walk() if node.kind == "llm"] == []


def test_calls_of_one_lane_serve_one_block() -> None:
    """A tool that makes two calls in the task that serves the block.

    The second call has no words of the block's input.
    """
    b = Builder()
    blocks = [use("t1", "look", path="alpha.py"), use("t2", "look", path="beta.py")]
    b.call("a", 0, 10, [ASK], blocks)
    b.call("x1", 12, 15, [user("Read alpha.py")], [said("raw notes")], lane="m.t0")
    b.call("x2", 16, 20, [user("Polish: raw notes")], [said("alpha is good")], lane="m.t0")
    b.call("y", 12, 30, [user("Read beta.py")], [said("beta is good")], lane="m.t1")
    brought = [result("t1", "alpha is good"), result("t2", "beta is good")]
    b.call("b", 40, 50, [ASK, assistant(*blocks), user(brought)], [said("done")])
    tools = [node for node in structure(b.recording()).root.walk() if node.kind == "tool"]
    assert [[n.id for n in tool.walk() if n.kind == "llm"] for tool in tools] == [["x1", "x2"], ["y"]]
    assert [n.kind for n in tools[0].children] == ["agent"]


def test_recorded_tools_take_their_block_by_id_by_input_and_by_name() -> None:
    b = Builder()
    lead = b.agent("lead", 0, 100)
    blocks = [use("t1", "look", path="alpha.py"), use("t2", "look", path="beta.py"), use("t3", "count")]
    b.call("a", 0, 10, [ASK], blocks, parent=lead)
    b.tool("by-input", "look", 11, 20, lead, arguments={"path": "beta.py"})
    b.tool("by-id", "look", 12, 20, lead, call_id="t1")
    b.tool("by-name", "count", 13, 20, lead)
    brought = [result("t1", "1"), result("t2", "2"), result("t3", "3")]
    b.call("b", 40, 50, [ASK, assistant(*blocks), user(brought)], [said("done")], parent=lead)
    root = structure(b.recording()).root
    found = {node.id: node.attributes[semconv.TOOL_CALL_ID] for node in root.walk() if node.kind == "tool"}
    assert found == {"by-id": "t1", "by-input": "t2", "by-name": "t3"}
    assert not any(node.inferred for node in root.walk() if node.kind in ("tool", "agent"))


def test_a_recorded_subagent_gets_its_missing_tool() -> None:
    b = Builder()
    lead = b.agent("lead", 0, 100)
    asked = use("t1", "writer", topic="refund policy")
    b.call("a", 0, 10, [ASK], [asked], parent=lead)
    writer = b.agent("writer", 11, 30, lead)
    b.call("w", 12, 29, [user("Write about the refund policy")], [said("It is 30 days.")], parent=writer)
    b.call("b", 40, 50, [ASK, assistant(asked), user([result("t1", "It is 30 days.")])], [said("done")], parent=lead)
    assert outline(b) == lines(
        """
run ~
  agent lead
    turn ~
      llm a
      tool writer ~
        agent writer
          turn ~
            llm w
    turn ~
      llm b
"""
    )


def test_a_call_inside_a_recorded_tool_is_an_agent_of_the_tools_name() -> None:
    b = Builder()
    lead = b.agent("lead", 0, 100)
    b.call("a", 0, 10, [ASK], [use("t1", "summarise", text="long text here")], parent=lead)
    tool = b.tool("t", "summarise", 11, 30, lead)
    b.call("s", 12, 29, [user("Summarise: long text here")], [said("short")], parent=tool)
    run = structure(b.recording())
    (inner,) = [node for node in run.root.walk() if node.kind == "agent" and node.inferred]
    assert inner.agent == "summarise"


def test_recorded_turns_are_left_alone() -> None:
    b = Builder()
    lead = b.agent("lead", 0, 100)
    turn = b.span("turn1", "turn", 0, 60, lead)
    b.call("a", 0, 10, [ASK], [said("one")], parent=turn)
    b.call("b", 20, 30, [user("classify")], [said("two")], parent=turn)
    assert outline(b) == lines("run ~\n  agent lead\n    turn\n      llm a\n      llm b")


def test_the_users_own_span_around_a_call_moves_with_it() -> None:
    b = Builder()
    b.span("db", "span", 0, 3)
    b.span("ask1", "span", 4, 11)
    b.call("a", 5, 10, [ASK], [said("one")], parent="ask1")
    b.span("ask2", "span", 14, 21)
    b.call("b", 15, 20, [ASK, assistant(said("one")), user("more")], [said("two")], parent="ask2")
    assert outline(b) == lines(
        """
run ~
  span db
  agent agent-1 ~
    turn ~
      span ask1
        llm a
    turn ~
      span ask2
        llm b
"""
    )


def test_the_same_question_after_a_cut_answer_is_the_same_conversation() -> None:
    b = Builder()
    for number in range(3):
        b.call(f"c{number}", number * 10, number * 10 + 5, [ASK], [said("cut o")], stop="max_tokens")
    assert structure(b.recording()).count("agent") == 1


def test_the_same_question_asked_at_once_is_not_a_conversation() -> None:
    b = Builder()
    for number in range(3):
        b.call(f"c{number}", 0, 10, [ASK], [said("yes")], lane=f"m.t{number}")
    assert outline(b) == lines("run ~\n  llm c0\n  llm c1\n  llm c2")


def test_an_error_result_makes_the_tool_an_error() -> None:
    b = Builder()
    b.call("a", 0, 10, [ASK], [use("t1", "look", path="alpha.py")])
    b.call(
        "b",
        20,
        30,
        [ASK, assistant(use("t1", "look", path="alpha.py")), user([result("t1", "no", is_error=True)])],
        [said("x")],
    )
    (tool,) = [node for node in structure(b.recording()).root.walk() if node.kind == "tool"]
    assert tool.status == "error"
    assert tool.attributes[semconv.INFERRED_BOUNDS] is True
    assert (tool.start_ns, tool.end_ns) == (10 * MS, 20 * MS)


def test_a_tool_that_was_asked_for_and_never_answered_is_not_claimed_to_have_run() -> None:
    b = Builder()
    b.call("a", 0, 10, [ASK], [use("t1", "look", path="alpha.py")])
    assert structure(b.recording()).count("tool") == 0


RECORD = [{"name": "record_category", "input_schema": {"type": "object"}}]


def test_items_that_a_loop_asks_the_same_of_serve_no_answer() -> None:
    """The tool is only a form for the response; a later request holds the same word by chance."""
    b = Builder()
    tickets = ("I was charged twice, says billing.", "The app crashes.", "My billing address is wrong.")
    for number, (ticket, category) in enumerate(zip(tickets, ("billing", "technical", "billing"), strict=True)):
        block = use(f"u{number}", "record_category", category=category)
        b.call(f"c{number}", number * 20, number * 20 + 10, [user(ticket)], [block], system="Classify.", tools=RECORD)
    assert outline(b) == lines("run ~\n  llm c0\n  llm c1\n  llm c2")


@pytest.mark.parametrize("choice", ["tool", "any"])
def test_a_tool_that_was_forced_gives_an_answer_its_form_and_is_served_by_nobody(choice: str) -> None:
    b = Builder()
    form: Any = {"tools": RECORD, "tool_choice": {"type": choice}}
    b.call("a", 0, 10, [ASK], [use("t", "record_category", category="billing")], system="Classify.", **form)
    b.call("b", 20, 30, [user("Write to the billing team.")], [said("Dear team")], system="Write.")
    assert outline(b) == lines(
        "run ~\n  agent agent-1 ~\n    turn ~\n      llm a\n  agent agent-2 ~\n    turn ~\n      llm b"
    )


def test_a_run_is_over_when_its_own_span_ended_though_a_process_around_it_never_said_so() -> None:
    b = Builder(exited=False)
    b.span("root", "run", 0, 40)
    b.call("a", 0, 10, [ASK], [use("t", "record_category", category="x")], parent="root", tools=RECORD)
    b.call("b", 20, 30, [user("Write a poem.")], [said("Roses")], parent="root")
    assert outline(b) == lines("run\n  agent agent-1 ~\n    turn ~\n      llm a\n  llm b")


@pytest.mark.parametrize(
    ("exited", "held"),
    [(True, "  llm b"), (False, "      llm b")],
    ids=["over", "going on"],
)
def test_what_was_never_answered_holds_work_without_evidence_while_it_may_still_be(exited: bool, held: str) -> None:
    b = Builder(alive=not exited, exited=exited)
    b.call("a", 0, 10, [ASK], [use("t", "record_category", category="billing")], system="Classify.", tools=RECORD)
    b.call("b", 20, 30, [user("Write a poem.")], [said("Roses")], system="Write.")
    assert outline(b) == lines(f"run ~\n  agent agent-1 ~\n    turn ~\n      llm a\n{held}")


def test_an_agent_that_was_handed_what_was_recorded_serves_it() -> None:
    b = Builder()
    b.call("a", 0, 10, [ASK], [use("t", "record_category", category="billing")], system="Classify.", tools=RECORD)
    b.call("b", 20, 30, [user("I was charged twice.")], [said("Sorry.")], system="You are the billing expert.")
    assert "      tool record_category ~" in outline(b)


@pytest.mark.parametrize("seed", range(20))
def test_of_very_many_answers_each_is_served_by_whom_it_would_be_among_few(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    words = ["billing", "refund of the invoice", "crash", "login page is broken", "ann", "C-1042"]
    lanes = ["m", "m.t1", "m.t2", "m.t1.t1"]
    b = Builder()
    for number in range(60):
        start, lane = chance.randrange(1000), chance.choice(lanes)
        said_to = user(" and ".join(chance.sample(words, 2)) + f", number {number}")
        uses = [use(f"u{number}-{n}", f"ask_{chance.randrange(3)}", about=chance.choice(words)) for n in range(2)]
        answer = chance.choice([[said("ok")], uses[:1], uses])
        system, tools = chance.choice([("Classify.", RECORD), ("Help.", RECORD), ("Write.", [])])
        length = chance.randrange(1, 50)
        b.call(f"c{number}", start, start + length, [said_to], answer, lane=lane, system=system, tools=tools)
        if number % 5 == 0:
            b.agent(f"a{number}", start, start + 20, lane=lane, name=f"ask_{chance.randrange(3)}")
    outlines = []
    for few in (0, 1000):
        monkeypatch.setattr(serving, "_FEW", few)
        outlines.append(outline(b))
    assert outlines[0] == outlines[1]
    assert any("ask_" in line for line in outlines[0])


def test_a_background_child_may_outlive_its_turn() -> None:
    b = Builder()
    asked = use("t1", "background_agent", task="Index everything slowly")
    b.call("a", 0, 10, [ASK], [asked])
    b.call("bg", 12, 90, [user("Index everything slowly")], [said("indexed")], lane="m.t0")
    b.call("b", 20, 30, [ASK, assistant(asked), user([result("t1", "started")])], [said("ok")])
    turns = structure(b.recording()).root.children[0].children
    assert [(turn.start_ns // MS, (turn.end_ns or 0) // MS) for turn in turns] == [(0, 20), (20, 30)]
    assert [n.id for n in turns[0].walk() if n.kind == "llm"] == ["a", "bg"]


def test_orphans_and_cycles_are_kept_and_marked() -> None:
    b = Builder()
    b.call("a", 0, 10, [ASK], [said("x")], parent="gone")
    b.span("p", "span", 0, 5, "q")
    b.span("q", "span", 0, 5, "p")
    root = structure(b.recording()).root
    marked = {node.id for node in root.walk() if node.attributes.get(semconv.ORPHAN)}
    assert "a" in marked
    assert marked & {"p", "q"}
    assert {"a", "p", "q"} <= {node.id for node in root.walk()}


def test_status_tells_open_from_interrupted() -> None:
    for alive, exited, status in ((True, False, "open"), (False, False, "interrupted")):
        b = Builder(alive=alive, exited=exited)
        b.call("a", 0, None, [ASK])
        run = structure(b.recording())
        assert run.status == status
        assert {node.status for node in run.root.walk()} == {status}


def test_a_span_left_open_by_a_process_that_ended_well_does_not_interrupt_the_run() -> None:
    b = Builder(alive=False, exited=True)
    root = b.span("r", "run", 0, 100)
    b.call("a", 0, 10, [ASK], [said("x")], parent=root)
    b.span("left", "span", 20, None, root)
    run = structure(b.recording())
    assert run.status == "ok"
    assert [node.status for node in run.root.walk() if node.id == "left"] == ["interrupted"]


def test_tokens_and_retries_are_totals_of_the_calls_below() -> None:
    b = Builder()
    lead = b.agent("lead", 0, 100)
    for number in range(3):
        id = b.call(f"c{number}", number * 10, number * 10 + 5, [user(f"q{number}")], [said("x")], parent=lead)
        counted = {semconv.INPUT_TOKENS: 10, semconv.OUTPUT_TOKENS: 2, semconv.CACHE_READ_TOKENS: 3}
        b.spans[id].attributes.update(counted)  # type: ignore[attr-defined]  # the builder made it a dict
        b.span(f"again{number}", "attempt", number * 10, number * 10 + 1, id)
    root = structure(b.recording()).root
    assert (root.tokens.input, root.tokens.output, root.tokens.cache_read, root.retries) == (30, 6, 9, 3)


def test_spans_may_nest_as_deep_as_they_like() -> None:
    b, depth = Builder(), 10_000
    parent = b.agent("lead", 0, 100)
    for level in range(depth):
        parent = b.span(f"s{level}", "span", 0, 100, parent)
        b.call(f"c{level}", 0, 5, [user(f"step {level}")], [said("x")], parent=parent)
    b.call("a", 0, 10, [ASK], [said("x")], parent=parent)
    b.call("b", 20, 30, [user("other")], [said("y")], parent=parent)
    # The parent's own begin may be read after its children's.
    b.spans = dict(reversed(b.spans.items()))
    run = structure(b.recording())
    assert sum(node.kind == "span" for node in run.root.walk()) == depth
    assert not any(node.attributes.get(semconv.ORPHAN) for node in run.root.walk())
    assert findings_of(run) == []


def test_many_calls_with_the_same_words_are_told_apart_by_their_answers() -> None:
    b, talks = Builder(), 1_000
    for number in range(talks):
        lane, answer = f"m.t{number}", [said(f"answer {number}")]
        b.call(f"a{number}", 0, 10, [ASK], answer, lane=lane)
        again = [ASK, assistant(*answer), user("more")]
        b.call(f"b{number}", 20, 30, again, [said("done")], lane=lane)
    run = structure(b.recording())
    agents = [node for node in run.root.walk() if node.kind == "agent"]
    assert len(agents) == talks
    for agent in agents:
        assert [node.id[0] for node in agent.walk() if node.kind == "llm"] == ["a", "b"]
        assert len({node.id[1:] for node in agent.walk() if node.kind == "llm"}) == 1


def test_tools_of_one_name_take_the_blocks_in_order_and_each_only_once() -> None:
    b = Builder()
    uses = [use("t1", "look", at="x"), use("t2", "look", at="y"), use("t3", "look", at="x")]
    b.call("a", 0, 10, [ASK], uses)
    for number, at in enumerate(("x", "x", "z", "w")):
        b.tool(f"run{number}", "look", 20 + 10 * number, 25 + 10 * number, arguments={"at": at})
    run = structure(b.recording())
    served = {node.id: node.attributes.get(semconv.TOOL_CALL_ID) for node in run.root.walk() if node.kind == "tool"}
    assert served == {"run0": "t1", "run1": "t3", "run2": "t2", "run3": None}
