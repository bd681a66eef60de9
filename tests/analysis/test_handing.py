"""Agents that hand over to each other, with their own histories or with one as a user's text."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.build import MS, Builder, assistant, result, said, tree, use, user
from tracekit.analysis.structure import structure
from tracekit.model.tree import Node

ASK = "I was billed twice for order 4711."
PROMPTS = {"triage": "You triage.", "billing": "You bill.", "refunds": "You refund."}


def root(builder: Builder) -> Node:
    return structure(builder.recording()).root


def names(builder: Builder) -> list[str]:
    """The agents' names, in the order of the tree."""
    return [node.agent or "" for node in root(builder).walk() if node.kind == "agent"]


def outline(builder: Builder) -> list[str]:
    return [line for line in tree(root(builder)) if "turn" not in line]


def definition(name: str, field: str = "", *listed: str) -> dict[str, Any]:
    fields = {field: {"type": "string", **({"enum": list(listed)} if listed else {})}} if field else {}
    return {"name": name, "input_schema": {"type": "object", "properties": fields}}


# ── each with a history of its own ───────────────────────────────────────────────────────────────────────────────────


class Swarm(Builder):
    """Builds agents that hand over to one another by a tool, each with a history of its own.

    The one that hands over gets its tool's result and answers once more; the next begins with what it was handed.
    """

    def __init__(self, *members: str, tool: str = "handoff_to_agent", field: str = "agent_name") -> None:
        super().__init__()
        self._members, self._tool, self._field = members, tool, field
        self._at = 0
        self._message = ""

    def work(self, name: str, to: str = "", *, shows: bool = True, system: str = "", **more: Any) -> None:
        """Run the agent `name`, and hand over to the next agent, if any.

        With `shows`, the request includes the messages of the other agents.
        """
        at, self._at = self._at, self._at + 100
        others = ", ".join(each for each in self._members if each != name)
        handed = f"Handed to you: {self._message}\n" if self._message else ""
        history = [user(f"{handed}The user asks: {ASK}{f' Other agents: {others}.' if shows else ''}")]
        more = {"system": system or PROMPTS.get(name, name), "tools": [definition(self._tool, self._field)], **more}
        if to:
            self._message = f"It is up to {name} number {at} now, the order is 4711."
            over = use(f"u{at}", self._tool, **{self._field: to, "message": self._message})
            self.call(f"c{at}", at, at + 10, history, [over], **more)
            history = [*history, assistant(over), user([result(f"u{at}", "Handing over.")])]
            at += 20
        self.call(f"c{at}", at, at + 10, history, [said(f"{name} has done its part.")], **more)


def swarm(*order: str, **more: Any) -> Swarm:
    made = Swarm(*dict.fromkeys(order), **more)
    for name, to in zip(order, [*order[1:], ""], strict=True):
        made.work(name, to)
    return made


def test_the_last_of_a_swarm_is_an_agent_though_it_makes_one_call() -> None:
    b = swarm("triage", "billing", "refunds")
    assert names(b) == ["agent-1", "billing", "refunds"]
    assert [line for line in outline(b) if line.startswith("  llm")] == []


def test_an_agent_that_gets_its_turn_again_has_one_name() -> None:
    assert names(swarm("triage", "billing", "triage", "refunds")) == ["triage", "billing", "triage", "refunds"]


def test_one_handoff_selects_nobody_unless_the_name_stands_in_the_prompt() -> None:
    assert names(swarm("triage", "billing")) == ["agent-1", "agent-2"]
    b = Swarm("triage", "billing")
    b.work("triage", to="billing")
    b.work("billing", system="You are the billing agent.")
    assert names(b) == ["agent-1", "billing"]


@pytest.mark.parametrize("shows", [True, False])
@pytest.mark.parametrize("field", ["name", "path", "title"])
def test_steps_that_hand_on_what_they_wrote_are_not_named_by_it(field: str, shows: bool) -> None:
    b = Swarm("outline", "draft", tool="write_file", field=field)
    for name, to in (("planner", "outline"), ("writer", "draft"), ("editor", "")):
        b.work(name, to, shows=shows)
    assert names(b) == ["agent-1", "agent-2", "agent-3"]


@pytest.mark.parametrize(("choice", "is_agent"), [({}, True), ({"tool_choice": {"type": "any"}}, False)])
def test_a_single_call_that_was_free_to_use_tools_is_an_agent(choice: dict[str, Any], is_agent: bool) -> None:
    b = Swarm("triage", "billing")
    b.work("triage", to="billing")
    b.work("billing", **choice)
    assert len(names(b)) == 1 + is_agent
    assert ("  llm c100" in outline(b)) is not is_agent


# ── the history as the words of a user ───────────────────────────────────────────────────────────────────────────────

LOOK = definition("look_up")


def transfer(*others: str) -> dict[str, Any]:
    return definition("transfer_to_agent", "agent_name", *others)


def setup(name: str, *others: str) -> dict[str, Any]:
    """The fields of an agent's requests: it reads its own name, and those to whom it may transfer."""
    listed = f" You may transfer to: {', '.join(others)}." if others else ""
    tools = [LOOK, *([transfer(*others)] if others else [])]
    return {"system": f'{PROMPTS[name]} Your internal name is "{name}".{listed}', "tools": tools}


TRIAGE, BILLING = setup("triage", "billing", "refunds"), setup("billing", "triage", "refunds")
OVER = use("u0", "transfer_to_agent", agent_name="billing")
QUOTED = [
    user(ASK),
    user([said("For context:"), said("[triage] called `transfer_to_agent` with {'agent_name': 'billing'}")]),
    user([said("For context:"), said("[triage] `transfer_to_agent` returned: {'result': None}")]),
]


def transferred(*, back: bool = False) -> Builder:
    """Triage transfers to billing, which looks an order up and may transfer back."""
    b = Builder()
    b.call("triage1", 0, 10, [user(ASK)], [OVER], **TRIAGE)
    b.call("billing1", 20, 30, QUOTED, [use("u1", "look_up")], **BILLING)
    seen = [*QUOTED, assistant(use("u1", "look_up")), user([result("u1", "billed twice")])]
    last = use("u2", "transfer_to_agent", agent_name="triage") if back else said("One of the two is paid back.")
    b.call("billing2", 40, 50, seen, [last], **BILLING)
    if back:
        own = [user(ASK), assistant(OVER), user([result("u0", "None")])]
        told = [
            user("[billing] called `look_up`, which returned: billed twice"),
            user("[billing] called `transfer_to_agent` with {'agent_name': 'triage'}"),
        ]
        b.call("triage2", 60, 70, [*own, *told], [said("Billing has paid it back.")], **TRIAGE)
    return b


@pytest.mark.parametrize("back", [False, True])
def test_who_transfers_leads_nobody_and_stands_beside_the_other(back: bool) -> None:
    b = transferred(back=back)
    assert names(b) == ["triage", "billing"]
    assert [line.split()[1] for line in outline(b) if line.startswith("  agent")] == ["triage", "billing"]
    calls = [node.id for node in root(b).walk() if node.kind == "llm"]
    assert calls == ["triage1", *(["triage2"] if back else []), "billing1", "billing2"]


def test_a_transfer_ran_before_the_next_agent_began() -> None:
    b = transferred()
    tools = {str(node.name): node for node in root(b).walk() if node.kind == "tool"}
    assert list(tools) == ["execute_tool transfer_to_agent", "execute_tool look_up"]
    over = tools["execute_tool transfer_to_agent"]
    assert (over.start_ns, over.end_ns) == (10 * MS, 20 * MS)


def test_a_name_that_no_other_might_choose_or_that_is_not_unique_names_nobody() -> None:
    b = Builder()
    b.call("a", 0, 10, [user(ASK)], [OVER], **TRIAGE)
    b.call("b", 20, 30, QUOTED, [said("Done.")], **setup("billing", "refunds"))
    assert names(b) == ["agent-1", "billing"]
    b = Builder()
    b.call("a", 0, 10, [user(ASK)], [OVER], **{**TRIAGE, "system": f"{TRIAGE['system']} The sales are none of yours."})
    b.call("b", 20, 30, QUOTED, [said("Done.")], **setup("billing", "triage", "sales"))
    assert names(b) == ["agent-1", "billing"]


def test_a_subagent_that_is_told_of_the_call_serves_it_if_its_answer_is_the_result() -> None:
    b = Builder()
    b.call("lead1", 0, 10, [user(ASK)], [OVER], **TRIAGE)
    b.call("billing1", 20, 30, QUOTED, [said("One of the two is paid back.")], **BILLING)
    back = [user(ASK), assistant(OVER), user([result("u0", "One of the two is paid back.")])]
    b.call("lead2", 40, 50, back, [said("All is well.")], **TRIAGE)
    assert outline(b)[1:] == [
        "  agent triage ~",
        "      llm lead1",
        "      tool transfer_to_agent ~",
        "        agent billing ~",
        "            llm billing1",
        "      llm lead2",
    ]


def test_an_agent_that_quotes_its_own_calls_is_one_whatever_the_time() -> None:
    b, history = Builder(), [user(ASK)]
    for number in range(4):
        b.call(
            f"c{number}",
            20 * number,
            20 * number + 10,
            history,
            [use(f"u{number}", "look_up_order", order=f"order {number}")],
            system=f"You look orders up. It is 10:{number:02}.",
            tools=[definition("look_up_order")],
        )
        history = [*history, user(f"You called look_up_order with order {number}: it returned nothing.")]
    assert names(b) == ["agent-1"]


# ── a history with the tools' results ────────────────────────────────────────────────────────────────────────────────


def test_an_agent_that_gets_the_history_back_is_named_by_that() -> None:
    b, history = Builder(), [user(ASK)]
    for number, (name, to) in enumerate((("triage", "billing"), ("billing", "triage"), ("triage", ""))):
        over = use(f"u{number}", "transfer", agent_name=to)
        others = [each for each in PROMPTS if each != name]
        answer = over if to else said("It is all settled.")
        tools = [definition("transfer", "agent_name", *others)]
        b.call(f"c{number}", 20 * number, 20 * number + 10, history, [answer], system=PROMPTS[name], tools=tools)
        history = [*history, assistant(over), user([result(f"u{number}", "Transferred.")])]
    assert names(b) == ["triage", "billing"]


def test_agents_that_hand_over_below_a_tool_are_named_by_the_handoff() -> None:
    b, ask = Builder(), use("t0", "support", question=ASK)
    lead: dict[str, Any] = {"system": "You lead.", "tools": [definition("support")]}
    b.call("lead1", 0, 10, [user("Do it.")], [ask], **lead)
    over = use("u0", "transfer_to_agent", agent_name="billing")
    b.call("triage", 20, 30, [user(ASK)], [over], **TRIAGE)
    b.call(
        "billing", 40, 50, [user(ASK), assistant(over), user([result("u0", "Over.")])], [said("Paid back.")], **BILLING
    )
    back = [user("Do it."), assistant(ask), user([result("t0", "Paid back.")])]
    b.call("lead2", 60, 70, back, [said("Done.")], **lead)
    assert names(b) == ["lead", "triage", "billing"]


# ── who leads ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("exited", [True, False])
def test_who_sends_a_request_on_leads_nobody_if_the_result_never_comes(exited: bool) -> None:
    b = Builder(exited=exited)
    tools = [definition("route", "to", "billing", "refunds")]
    b.call("router", 0, 10, [user(ASK)], [use("u0", "route", to="billing")], system="You route.", tools=tools)
    b.call("agent", 20, 30, [user(f"Answer this: {ASK}")], [said("Paid back.")], system="You are billing.")
    assert names(b) == ["agent-1" if exited else "lead", "billing"]
