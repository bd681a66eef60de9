"""Spans of other instrumentations in the tree: whoever recorded them and however, each thing has one node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from tests.support.build import Builder, assistant, result, said, tree, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.model.tree import Node
from tracekit.rules import findings_of

ASK = user("Write the plan.")
ANSWERS = {"web": "Six pages, two forms and a search.", "law": "Nothing that forbids it, but name an owner."}
QUESTIONS = {"web": "What does the web part of the plan hold?", "law": "What does the law part of the plan hold?"}

TREE = [
    "run ~",
    "  agent lead",
    "    turn",
    "      llm a",
    "      tool ask_web",
    "        agent web_expert",
    "          turn",
    "            llm web",
    "      tool ask_law",
    "        agent law_expert",
    "          turn",
    "            llm law",
    "    turn",
    "      llm b",
]


class Dialect(NamedTuple):
    """The span names and attributes that an instrumentation gives to agents, tools and calls.

    `told` returns both for a level and the name of the agent, tool or model.

    `nests` says that its spans are current, so that the SDK's spans are below them.
    """

    told: Callable[[str, str], tuple[str, dict[str, Any]]]
    nests: bool = True
    turns: bool = False
    batches: bool = False
    calls: bool = True


def _otel(level: str, name: str) -> tuple[str, dict[str, Any]]:
    operation = {"agent": "invoke_agent", "tool": "execute_tool", "llm": "chat"}[level]
    key = {"agent": "gen_ai.agent.name", "tool": "gen_ai.tool.name", "llm": "gen_ai.request.model"}[level]
    return f"{operation} {name}", {"gen_ai.operation.name": operation, key: name}


def _names(level: str, name: str) -> tuple[str, dict[str, Any]]:
    return _otel(level, name)[0], {"gen_ai.operation.name": "chat"} if level == "llm" else {}


def _strands(level: str, name: str) -> tuple[str, dict[str, Any]]:
    if level == "turn":
        return "execute_event_loop_cycle", {"gen_ai.operation.name": "execute_event_loop_cycle"}
    told, attributes = _otel(level, name)
    return ("chat" if level == "llm" else told), {**attributes, "gen_ai.provider.name": "strands-agents"}


def _openinference(level: str, name: str) -> tuple[str, dict[str, Any]]:
    kind = {"agent": "AGENT", "tool": "TOOL", "llm": "LLM", "batch": "CHAIN"}[level]
    named = {"agent": {"agent.name": name}, "tool": {"tool.name": name}}.get(level, {})
    return name or "tools", {"openinference.span.kind": kind, **named}


def _traceloop(level: str, name: str) -> tuple[str, dict[str, Any]]:
    if level == "llm":
        return "anthropic.chat", {"llm.request.type": "chat"}
    kind = {"batch": "task"}.get(level, level)
    return f"{name}.{kind}", {"traceloop.span.kind": kind, "traceloop.entity.name": name}


DIALECTS = {
    "otel": Dialect(_otel, calls=False),
    "pydantic-ai": Dialect(
        lambda level, name: ("running 2 tools", {}) if level == "batch" else _otel(level, name), batches=True
    ),
    "names alone": Dialect(_names),
    "strands": Dialect(_strands, turns=True),
    "openinference": Dialect(_openinference, batches=True),
    "openinference by callbacks": Dialect(_openinference, nests=False, batches=True),
    "traceloop": Dialect(_traceloop, batches=True),
}


class Team:
    """A lead that asks two experts, one after the other, as one instrumentation records it beside the SDK's spans."""

    def __init__(self, dialect: Dialect, *, call_ids: bool) -> None:
        self.b, self.dialect, self._call_ids = Builder(), dialect, call_ids
        self._count = 0

    def span(self, level: str, name: str, start: int, end: int, parent: str | None, **more: Any) -> str:
        told, attributes = self.dialect.told(level, name)
        self._count += 1
        return self.b.span(
            f"{level}{self._count}", "span", start, end, parent, name=told, attributes={**attributes, **more}
        )

    def call(self, id: str, start: int, end: int, parent: str | None, *messages: Any, **more: Any) -> None:
        if self.dialect.calls:
            counts = {"gen_ai.usage.input_tokens": 100 + start, "gen_ai.usage.output_tokens": 10}
            parent = self.span("llm", "claude", start, end, parent, **counts)
        self.b.call(id, start + 1, end - 1, *messages, parent=parent if self.dialect.nests else None, **more)
        self.b.spans[id].attributes.update(  # type: ignore[attr-defined]  # made as a dictionary
            {semconv.INPUT_TOKENS: 100 + start, semconv.OUTPUT_TOKENS: 10, semconv.REQUEST_MODEL: "claude-sonnet-5"}
        )

    def turn(self, start: int, end: int, agent: str) -> str:
        return self.span("turn", "", start, end, agent) if self.dialect.turns else agent

    def expert(self, name: str, start: int, end: int, batch: str) -> None:
        ids = {semconv.TOOL_CALL_ID: f"t-{name}"} if self._call_ids else {}
        tool = self.span("tool", f"ask_{name}", start, end, batch, **ids)
        agent = self.span("agent", f"{name}_expert", start + 1, end - 1, tool)
        turn = self.turn(start + 2, end - 2, agent)
        self.call(
            name, start + 3, end - 3, turn, [user(QUESTIONS[name])], [said(ANSWERS[name])], system=f"You are {name}."
        )

    def build(self) -> Builder:
        lead = self.span("agent", "lead", 0, 2000, None)
        turn = self.turn(1, 1500, lead)
        uses = [use(f"t-{name}", f"ask_{name}", question=QUESTIONS[name]) for name in ("web", "law")]
        self.call("a", 2, 100, turn, [ASK], uses, system="You lead.")
        batch = self.span("batch", "", 101, 1499, turn) if self.dialect.batches else turn
        self.expert("web", 110, 800, batch)
        self.expert("law", 810, 1490, batch)
        results = [result(f"t-{name}", ANSWERS[name]) for name in ("web", "law")]
        last = self.turn(1501, 1999, lead)
        self.call("b", 1510, 1990, last, [ASK, assistant(*uses), user(results)], [said("Done.")], system="You lead.")
        return self.b


def adopted_tree(node: Node) -> list[str]:
    """Return the tree without plain spans, whose places differ, and without the mark of what is inferred."""
    lines = tree(_without_spans(node))
    return [lines[0], *(line.removesuffix(" ~") for line in lines[1:])]


def _without_spans(node: Node) -> Node:
    children: list[Node] = []
    for child in map(_without_spans, node.children):
        children += child.children if child.kind == "span" else [child]
    return replace(node, children=tuple(children))


@pytest.mark.parametrize("call_ids", [True, False], ids=["call ids", "no call ids"])
@pytest.mark.parametrize("name", DIALECTS)
def test_agents_and_tools_are_the_applications(name: str, call_ids: bool) -> None:
    dialect = DIALECTS[name]
    run = structure(Team(dialect, call_ids=call_ids).build().recording())
    assert adopted_tree(run.root) == TREE
    nodes = list(run.root.walk())
    assert not [node for node in nodes if node.inferred and node.kind in ("agent", "tool")]
    assert [node.inferred for node in nodes if node.kind == "turn"] == [not dialect.turns] * 4
    assert (run.root.tokens.input, run.root.tokens.output) == (sum((102, 213, 913, 1610)), 40)
    tools = [node for node in nodes if node.kind == "tool"]
    assert [node.attributes[semconv.TOOL_CALL_ID] for node in tools] == ["t-web", "t-law"]
    assert [node.attributes[semconv.TOOL_CALL_ARGUMENTS] for node in tools] == [
        {"question": QUESTIONS[which]} for which in ("web", "law")
    ]
    if dialect.calls:
        assert all(len(node.attributes[semconv.FOLDED]) == 1 for node in nodes if node.kind == "llm")
    assert [finding.code for finding in findings_of(run)] == ["TK102"]


def test_findings_are_those_without_the_spans() -> None:
    def findings(builder: Builder) -> list[tuple[str, str, int]]:
        return [(each.code, each.confidence, len(each.spans)) for each in findings_of(structure(builder.recording()))]

    team = Team(DIALECTS["otel"], call_ids=True).build()
    bare = Builder()
    bare.exchanges = team.exchanges
    calls = {id: span for id, span in team.spans.items() if span.kind in ("llm", "attempt")}
    bare.spans = {id: replace(span, parent=None) if span.kind == "llm" else span for id, span in calls.items()}
    assert findings(team) == findings(bare)


# ── calls ────────────────────────────────────────────────────────────────────────────────────────────────────────────

CHAT = {"gen_ai.operation.name": "chat"}
AGENT = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "lead"}
GRAPH = {"openinference.span.kind": "CHAIN"}


def of_call(input: int, output: int = 10) -> dict[str, Any]:
    return {"openinference.span.kind": "LLM", "llm.token_count.prompt": input, "llm.token_count.completion": output}


def count(b: Builder, id: str, input: int, output: int = 10) -> None:
    """Give the call `id` its tokens."""
    b.spans[id] = replace(b.spans[id], attributes={semconv.INPUT_TOKENS: input, semconv.OUTPUT_TOKENS: output})


def outline(b: Builder) -> list[str]:
    return tree(structure(b.recording()).root)


def lines(text: str) -> list[str]:
    return text.strip("\n").splitlines()


def test_a_framework_that_tries_another_model_makes_two_calls() -> None:
    b = Builder()
    b.span("f", "span", 0, 100, name="invoke_agent lead", attributes=AGENT)
    b.span("c", "span", 1, 99, "f", name="chat claude", attributes=CHAT)
    b.call("x", 2, 50, [ASK], stop="refusal", parent="c")
    b.call("y", 51, 98, [ASK], [said("ok")], parent="c", model="another")
    assert [line for line in outline(b) if "llm" in line or "span" in line] == ["      llm x", "      llm y"]


def test_a_call_of_another_provider_stays_a_span() -> None:
    b = Builder()
    b.span("f", "span", 0, 100, name="invoke_agent lead", attributes=AGENT)
    b.span("other", "span", 1, 40, "f", name="chat gpt", attributes={**CHAT, "gen_ai.usage.input_tokens": 7})
    b.call("a", 50, 90, [ASK], [said("ok")], parent="f")
    assert outline(b) == lines("run ~\n  agent lead\n    span other\n    turn ~\n      llm a")
    assert structure(b.recording()).root.tokens.input == 0


def test_two_instrumentations_tell_of_one_call() -> None:
    b = Builder()
    b.span("f", "span", 0, 100, name="invoke_agent lead", attributes=AGENT)
    b.span("c1", "span", 1, 99, "f", name="chat claude", attributes=CHAT)
    b.span("c2", "span", 2, 98, "c1", name="ChatAnthropic", attributes=of_call(5))
    b.call("a", 3, 97, [ASK], [said("ok")], parent="c2")
    assert outline(b) == lines("run ~\n  agent lead\n    turn ~\n      llm a")
    (call,) = (node for node in structure(b.recording()).root.walk() if node.kind == "llm")
    assert call.attributes[semconv.FOLDED] == ["c1", "c2"]


def test_what_is_called_a_chat_and_holds_an_agent_is_no_call() -> None:
    b = Builder()
    b.span("c", "span", 0, 100, name="chat with a customer", attributes=CHAT)
    b.span("f", "span", 1, 99, "c", name="invoke_agent lead", attributes=AGENT)
    b.call("a", 2, 98, [ASK], [said("ok")], parent="f")
    assert outline(b) == lines("run ~\n  span c\n    agent lead\n      turn ~\n        llm a")


def test_making_an_agent_is_no_agent() -> None:
    b = Builder()
    b.span("made", "span", 0, 5, name="create_agent lead", attributes={"gen_ai.operation.name": "create_agent"})
    b.call("a", 10, 98, [ASK], [said("ok")])
    assert outline(b) == lines("run ~\n  span made\n  agent agent-1 ~\n    turn ~\n      llm a")


# ── spans of callbacks, which are never current ──────────────────────────────────────────────────────────────────────


def test_callbacks_in_other_lanes_are_told_by_tokens() -> None:
    """An async program's callbacks run in jobs of their own."""
    b = Builder()
    b.span("g", "span", 0, 100, name="graph", attributes=GRAPH)
    for number, lane in enumerate(("m.t0", "m.t1")):
        b.span(f"n{number}", "span", 1, 99, "g", f"{lane}.j0", name=f"node{number}", attributes=GRAPH)
        b.span(f"l{number}", "span", 2, 90, f"n{number}", f"{lane}.j1", name="Chat", attributes=of_call(50 + number))
        b.call(f"c{number}", 5 + number, 80, [user(f"part {number}")], [said(f"done {number}")], lane=lane)
        count(b, f"c{number}", 50 + number)
    # Of another task, without callbacks.
    b.call("stray", 6, 70, [user("something else")], [said("well")], lane="m.t2")
    count(b, "stray", 33)
    around = {"c0": ["g", "n0"], "c1": ["g", "n1"], "stray": []}
    assert spans_around(structure(b.recording()).root) == around


def spans_around(node: Node, above: tuple[str, ...] = ()) -> dict[str, list[str]]:
    """The application's plain spans above each call, by the ids of both."""
    if node.kind == "llm":
        return {node.id: list(above)}
    above = (*above, node.id) if node.kind == "span" else above
    return {id: spans for child in node.children for id, spans in spans_around(child, above).items()}


def test_callbacks_that_cannot_be_told_apart_are_left_alone() -> None:
    b = Builder()
    b.span("l", "span", 2, 90, None, "m.t9.j0", name="Chat", attributes=of_call(50))
    for number in range(2):
        b.call(f"c{number}", 5, 80, [user(f"part {number}")], [said(f"done {number}")], lane=f"m.t{number}")
        count(b, f"c{number}", 50)
    assert "  span l" in outline(b)
    assert spans_around(structure(b.recording()).root) == {"c0": [], "c1": []}


def test_a_call_that_a_tool_makes_by_itself_is_in_the_tool() -> None:
    """The tool's span is of a callback, and was not current; the program's own plain spans take nothing to themselves."""
    b = Builder()
    b.span("mine", "span", 0, 400, name="a plain span that is not current")
    b.span("g", "span", 1, 300, name="lead agent", attributes={"openinference.span.kind": "AGENT"})
    uses = [use("t1", "look", at="the map")]
    for id, start, end, messages, content in (
        ("a", 10, 50, [ASK], uses),
        ("b", 210, 290, [ASK, assistant(*uses), user([result("t1", "a river")])], [said("ok")]),
    ):
        b.span(f"l-{id}", "span", start - 1, end + 1, "g", name="Chat", attributes=of_call(start))
        b.call(id, start, end, messages, content)
        count(b, id, start)
    b.span("t", "span", 60, 200, "g", name="look", attributes={"openinference.span.kind": "TOOL"})
    b.call("inner", 70, 150, [user("Read the map.")], [said("a river")])
    assert outline(b) == lines(
        """
run ~
  span mine
  agent lead agent
    turn ~
      llm a
      tool look
        agent look ~
          turn ~
            llm inner
    turn ~
      llm b"""
    )


# ── the same thing twice ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("outer", ["ours", "theirs"])
def test_an_agent_and_a_tool_that_both_record_stand_once(outer: str) -> None:
    b = Builder()
    if outer == "ours":
        b.agent("A", 0, 100, name="lead")
        b.span("f", "span", 1, 99, "A", name="invoke_agent lead", attributes=AGENT)
    else:
        b.span("f", "span", 0, 100, name="invoke_agent lead", attributes=AGENT)
        b.agent("A", 1, 99, "f", name="lead")
    inner = "f" if outer == "ours" else "A"
    b.call("a", 2, 20, [ASK], [use("t1", "look", at="x")], parent=inner)
    theirs = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look", "gen_ai.tool.call.id": "t1"}
    if outer == "ours":
        b.tool("T", "look", 30, 60, inner)
        b.span("e", "span", 31, 59, "T", name="execute_tool look", attributes=theirs)
    else:
        b.span("e", "span", 30, 60, inner, name="execute_tool look", attributes=theirs)
        b.tool("T", "look", 31, 59, "e", arguments={"at": "x"})
    history = [ASK, assistant(use("t1", "look", at="x")), user([result("t1", "seen")])]
    b.call("b", 70, 95, history, [said("ok")], parent=inner)
    assert outline(b) == lines("run ~\n  agent lead\n    turn ~\n      llm a\n      tool look\n    turn ~\n      llm b")


def test_steps_that_are_called_agents_are_one_agent() -> None:
    """A graph whose node is named agent: each of its steps is one call of the agent that goes on."""
    b = Builder()
    b.span("g", "span", 0, 200, name="graph", attributes=GRAPH)
    uses = [use("t1", "look", at="x")]
    step = {"openinference.span.kind": "AGENT"}
    b.span("s1", "span", 1, 50, "g", name="agent", attributes=step)
    b.call("a", 2, 49, [ASK], uses, parent="s1")
    b.span("tools", "span", 51, 100, "g", name="tools", attributes=GRAPH)
    b.span("t", "span", 52, 99, "tools", name="look", attributes={"openinference.span.kind": "TOOL"})
    b.span("s2", "span", 101, 199, "g", name="agent", attributes=step)
    b.call("b", 102, 198, [ASK, assistant(*uses), user([result("t1", "seen")])], [said("ok")], parent="s2")
    assert outline(b) == lines(
        """
run ~
  span g
    agent agent-1 ~
      turn ~
        span s1
          llm a
        span tools
          tool look
      turn ~
        span s2
          llm b"""
    )


STEP = {"openinference.span.kind": "AGENT"}


def test_a_step_without_a_call_is_no_agent() -> None:
    """A hook whose name has "agent" in it, and a step that is around the agent."""
    b = Builder()
    b.span("g", "span", 0, 200, name="graph", attributes=GRAPH)
    b.span("w", "span", 1, 190, "g", name="call_agent", attributes=STEP)
    b.span("f", "span", 2, 189, "w", name="lead", attributes={**GRAPH, "metadata": '{"lc_agent_name": "lead"}'})
    b.span("before", "span", 3, 9, "f", name="Hook.before_agent", attributes=STEP)
    b.call("a", 10, 49, [ASK], [use("t1", "look")], parent="f")
    b.span("tools", "span", 50, 100, "f", name="agent_tools", attributes=STEP)
    b.span("t", "span", 52, 99, "tools", name="look", attributes={"openinference.span.kind": "TOOL"})
    history = [ASK, assistant(use("t1", "look")), user([result("t1", "seen")])]
    b.call("b", 102, 180, history, [said("ok")], parent="f")
    assert outline(b) == lines(
        """
run ~
  span g
    span w
      agent lead
        span before
        turn ~
          llm a
          span tools
            tool look
        turn ~
          llm b"""
    )


@pytest.mark.parametrize(
    ("attributes", "kind"),
    [
        (STEP, "span"),
        ({**STEP, "agent.name": "lead"}, "agent"),
        ({**STEP, "llm.token_count.prompt": 7}, "agent"),
        ({"gen_ai.operation.name": "invoke_agent"}, "agent"),
    ],
)
def test_an_agent_whose_calls_nobody_recorded_is_named_or_tells_of_tokens(
    attributes: dict[str, Any], kind: str
) -> None:
    b = Builder()
    b.span("f", "span", 0, 100, name="lead", attributes=attributes)
    b.call("a", 110, 150, [ASK], [said("ok")])
    (found,) = (node.kind for node in structure(b.recording()).root.walk() if node.id == "f")
    assert found == kind


@pytest.mark.parametrize("names", [{}, {"agent.name": "desk"}])
def test_a_named_agent_that_is_asked_again_is_two_agents(names: dict[str, Any]) -> None:
    """The second agent's first request holds both a tool result and a new question."""
    b = Builder()
    answer = [use("t1", "final_answer", text="In spring.")]
    for id, start in (("f1", 0), ("f2", 100)):
        b.span(id, "span", start, start + 90, name="desk", attributes={**STEP, **names})
    b.call("a", 2, 49, [ASK], answer, parent="f1")
    again = user([result("t1", "taken"), said("And the law part?")])
    b.call("b", 102, 180, [ASK, assistant(*answer), again], [said("In summer.")], parent="f2")
    agents = [node.agent for node in structure(b.recording()).root.walk() if node.kind == "agent"]
    assert agents == (["desk", "desk"] if names else ["agent-1"])


def _visit(b: Builder, who: str, number: int, start: int) -> str:
    """Add a node of a graph that runs another graph, with an agent as its step; return the step's id."""
    b.span(f"n{number}", "span", start, start + 90, "g", name=who, attributes=GRAPH)
    b.span(f"i{number}", "span", start + 1, start + 89, f"n{number}", name=who, attributes=GRAPH)
    return b.span(f"s{number}", "span", start + 2, start + 50, f"i{number}", name="agent", attributes=STEP)


def test_the_workflow_around_its_steps_names_an_agent() -> None:
    """A supervisor's graph that runs again after each agent that it hands over to."""
    b = Builder()
    b.span("g", "span", 0, 400, name="team", attributes=GRAPH)
    away, written = use("t1", "to_writer"), said("A page on whales.")
    first = _visit(b, "boss", 1, 10)
    b.call("a", 13, 40, [ASK], [away], parent=first, system="You lead.")
    b.span("t", "span", 65, 70, "i1", name="to_writer", attributes={"openinference.span.kind": "TOOL"})
    handed = [ASK, assistant(away), user([result("t1", "done")])]
    b.call("w", 113, 140, handed, [written], parent=_visit(b, "writer", 2, 110), system="You write.")
    history = [*handed, assistant(written), user("Handed back.")]
    b.call("b", 213, 240, history, [said("Done.")], parent=_visit(b, "boss", 3, 210), system="You lead.")
    agents = {node.agent: node for node in structure(b.recording()).root.walk() if node.kind == "agent"}
    assert {name: [each.id for each in node.walk() if each.kind == "llm"] for name, node in agents.items()} == {
        "boss": ["a", "b"],
        "writer": ["w"],
    }


def _expert(b: Builder, name: str, start: int, turns: int, parent: str) -> None:
    """An expert that a plain span is around, without any around the tool."""
    b.span(f"s-{name}", "span", start, start + 90, parent, name="Agent.run", attributes=GRAPH)
    history = [user(QUESTIONS[name])]
    for number in range(turns):
        answer = [said(ANSWERS[name])] if number == turns - 1 else [use(f"l-{name}", "look", at="the books")]
        at = start + 1 + 30 * number
        b.call(f"{name}{number}", at, at + 20, history, answer, parent=f"s-{name}", system=f"You know {name}.")
        history = [*history, assistant(*answer), user([result(f"l-{name}", "Page 7")])]


@pytest.mark.parametrize("batch", [False, True], ids=["each by itself", "within one span"])
@pytest.mark.parametrize("turns", [1, 2])
@pytest.mark.parametrize("spans", [True, False])
def test_an_agent_within_a_plain_span_serves_the_tool_asked_for_outside(
    turns: int, *, batch: bool, spans: bool
) -> None:
    b = Builder()
    b.span("f", "span", 0, 500, name="Agent.run", attributes=GRAPH)
    uses = [use(f"t-{name}", f"ask_{name}", question=QUESTIONS[name]) for name in ("web", "law")]
    b.call("a", 2, 100, [ASK], uses, parent="f", system="You lead.")
    around = b.span("all", "span", 101, 399, "f", name="tools") if batch else "f"
    _expert(b, "web", 110, turns, around)
    _expert(b, "law", 210, 2, around)
    results = [result(f"t-{name}", ANSWERS[name]) for name in ("web", "law")]
    b.call("b", 410, 490, [ASK, assistant(*uses), user(results)], [said("Done.")], parent="f", system="You lead.")
    if not spans:
        b.spans = {
            id: replace(span, parent=None) if span.kind == "llm" else span
            for id, span in b.spans.items()
            if span.kind != "span"
        }
    nodes = {node.id: node for node in structure(b.recording()).root.walk()}
    tools = {node.attributes[semconv.TOOL_NAME]: node for node in nodes.values() if node.kind == "tool"}
    for name, count_of_turns in (("web", turns), ("law", 2)):
        agents = [each for each in tools[f"ask_{name}"].walk() if each.kind == "agent"]
        assert [agent.agent for agent in agents] == [f"ask_{name}"]
        assert sum(each.kind == "turn" for each in agents[0].walk()) == count_of_turns
    assert sorted(node.agent for node in nodes.values() if node.agent) == ["ask_law", "ask_web", "lead"]


def test_a_plain_span_around_the_rest_of_a_conversation_serves_no_tool() -> None:
    b = Builder()
    uses = [use("t1", "look", at=ASK["content"])]
    b.call("a", 2, 100, [ASK], uses)
    b.span("loop", "span", 110, 400, name="loop")
    history = [ASK, assistant(*uses), user([result("t1", "seen")])]
    b.call("b", 120, 200, history, [use("t2", "look", at="y")], parent="loop")
    history = [*history, assistant(use("t2", "look", at="y")), user([result("t2", "seen")])]
    b.call("c", 220, 300, history, [said("ok")], parent="loop")
    assert "  span loop" in outline(b)


def test_agents_that_hand_over_are_two() -> None:
    b = Builder()
    b.span("w", "span", 0, 200, name="invoke_workflow desk", attributes={"gen_ai.operation.name": "invoke_workflow"})
    handed = [use("t1", "transfer_to_billing")]
    for name, start in (("triage", 1), ("billing", 101)):
        attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
        b.span(name, "span", start, start + 90, "w", name=f"invoke_agent {name}", attributes=attributes)
    b.call("a", 2, 49, [ASK], handed, parent="triage", system="You triage.")
    b.call(
        "b", 102, 180, [ASK, assistant(*handed), user([result("t1", "handed over")])], [said("Paid.")],
        parent="billing", system="You bill.",
    )  # fmt: skip
    assert outline(b) == lines(
        """
run ~
  span w
    agent triage
      turn ~
        llm a
    agent billing
      turn ~
        llm b"""
    )


def test_tools_within_the_programs_own_spans_are_in_the_turn_that_asked() -> None:
    b = Builder()
    b.agent("A", 0, 200, name="lead")
    uses = [use("t1", "look", at="x"), use("t2", "note", text="y")]
    b.call("a", 2, 20, [ASK], uses, parent="A")
    b.span("all", "span", 25, 90, "A", name="run the tools")
    b.tool("T1", "look", 30, 50, "all", call_id="t1")
    b.span("more", "span", 55, 85, "all", name="with a lock")
    b.tool("T2", "note", 60, 80, "more", call_id="t2")
    history = [ASK, assistant(*uses), user([result("t1", "seen"), result("t2", "noted")])]
    b.call("b", 100, 150, history, [said("ok")], parent="A")
    assert outline(b) == lines(
        """
run ~
  agent lead
    turn ~
      llm a
      span all
        tool look
        span more
          tool note
    turn ~
      llm b"""
    )


def test_a_step_that_runs_the_tools_of_the_one_before() -> None:
    """The program's own span around a call and what the call before asked for is no turn."""
    b = Builder()
    b.agent("A", 0, 200, name="lead")
    uses = [use("t1", "look", at="x")]
    b.span("s1", "span", 1, 30, "A", name="step")
    b.call("a", 2, 29, [ASK], uses, parent="s1")
    b.span("s2", "span", 40, 190, "A", name="step")
    b.tool("T1", "look", 41, 90, "s2", call_id="t1")
    b.call("b", 100, 180, [ASK, assistant(*uses), user([result("t1", "seen")])], [said("ok")], parent="s2")
    assert outline(b) == lines(
        """
run ~
  agent lead
    turn ~
      span s1
        llm a
      tool look
    turn ~
      span s2
        llm b"""
    )


def test_ids_of_another_instrumentations_own() -> None:
    b = Builder()
    b.span("f", "span", 0, 200, name="invoke_agent lead", attributes=AGENT)
    uses = [use("t1", "look", at="x"), use("t2", "look", at="y")]
    b.call("a", 2, 20, [ASK], uses, parent="f")
    for number, at in ((1, "y"), (2, "x")):
        theirs = {
            "gen_ai.tool.name": "look",
            "gen_ai.tool.call.id": f"own-{number}",
            "input.value": f"{{'at': '{at}'}}",
        }
        b.span(f"e{number}", "span", 20 + number, 60, "f", name="running tool", attributes=theirs)
    b.call("b", 70, 95, [ASK, assistant(*uses), user([result("t1", "1"), result("t2", "2")])], [said("ok")], parent="f")
    run = structure(b.recording())
    tools = [node for node in run.root.walk() if node.kind == "tool"]
    assert [(tool.id, tool.attributes[semconv.TOOL_CALL_ID]) for tool in tools] == [("e1", "t2"), ("e2", "t1")]


@pytest.mark.parametrize(
    "value", [["a"], {"a": 1}, 7, None, float("nan"), "x" * 200_000, "{" * 5000, "[1, ", "{'a': '\\d'}"]
)
def test_values_of_any_kind_break_nothing(value: Any) -> None:
    b = Builder()
    names = {other for others in semconv.OTHER_NAMES.values() for other in others}
    attributes = {**dict.fromkeys(semconv.LEVELS, value), **dict.fromkeys(names, value)}
    for number, level in enumerate(("AGENT", "TOOL", "LLM", "CHAIN")):
        told = {**attributes, "openinference.span.kind": level}
        b.span(
            f"s{number}",
            "span",
            number,
            100 - number,
            f"s{number - 1}" if number else None,
            name=level,
            attributes=told,
        )
    b.span("odd", "span", 50, 60, None, name="odd", attributes=attributes)
    b.call("a", 10, 20, [ASK], [use("t1", "look", at="x")], parent="s3")
    assert "llm a" in "\n".join(outline(b))


def test_a_tool_beside_a_span_that_holds_several_calls() -> None:
    """By its id it is in the turn that asked for it, wherever below the agent the program ran it."""
    b = Builder()
    b.agent("A", 0, 200, name="lead")
    b.span("loop", "span", 1, 150, "A", name="loop")
    uses = [use("t1", "look", at="x")]
    b.call("a", 2, 20, [ASK], uses, parent="loop")
    b.span("elsewhere", "span", 30, 60, "A", name="tools")
    b.tool("T1", "look", 31, 59, "elsewhere", call_id="t1")
    b.call("b", 100, 140, [ASK, assistant(*uses), user([result("t1", "seen")])], [said("ok")], parent="loop")
    assert outline(b) == lines(
        """
run ~
  agent lead
    span loop
      turn ~
        llm a
        span elsewhere
          tool look
      turn ~
        llm b"""
    )


def test_a_span_that_the_program_never_ended_takes_nothing_to_itself() -> None:
    b = Builder()
    b.span("g", "span", 0, 100, name="lead", attributes={"openinference.span.kind": "AGENT"})
    b.span("left", "span", 1, None, "g", name="look", attributes={"openinference.span.kind": "TOOL"})
    b.call("a", 10, 90, [ASK], [said("ok")], parent="g")
    assert outline(b) == lines("run ~\n  agent lead\n    tool look\n    turn ~\n      llm a")


def test_spans_of_a_program_that_was_killed_nest_all_the_same() -> None:
    b = Builder(exited=False)
    b.span("g", "span", 0, None, name="lead", attributes={"gen_ai.operation.name": "invoke_agent"})
    b.span("t", "span", 1, None, "g", name="execute_tool look")
    b.call("a", 10, 90, [ASK], [said("ok")])
    assert outline(b)[:4] == lines("run ~\n  agent lead\n    tool look\n      agent look ~")


@pytest.mark.timeout(60)
def test_deep_and_many() -> None:
    """Time that grows with the square of what is recorded would not end."""
    b = Builder()
    b.agent("A", 0, 10**6, name="lead")
    uses = [use(f"t{number}", "look", at=str(number)) for number in range(2000)]
    b.call("a", 1, 2, [ASK], uses, parent="A")
    above = "A"
    for number in range(5000):
        above = b.span(f"s{number}", "span", 3, 10**6 - 1, above, name="deep")
    for number in range(2000):
        b.span(
            f"x{number}",
            "span",
            10 + number,
            10**5,
            above,
            name="execute_tool look",
            attributes={semconv.TOOL_CALL_ID: f"t{number}"},
        )
    run = structure(b.recording())
    turn = next(node for node in run.root.walk() if node.kind == "turn")
    assert sum(node.kind == "tool" for node in turn.walk()) == 2000


def test_equal_calls_of_parallel_tasks_are_told_by_the_nearest_lane() -> None:
    """An async framework's callbacks run in tasks and jobs beside the call, as LangChain's do."""
    b = Builder()
    for number in range(2):
        task = f"m.t0.t{number}"
        b.span(f"n{number}", "span", 1, 99, None, f"{task}.t0.j0", name="model", attributes=GRAPH)
        b.span(f"l{number}", "span", 2, 90, f"n{number}", f"{task}.t1.t0.j0", name="Chat", attributes=of_call(50))
        b.call(f"c{number}", 5, 80, [user(f"part {number}")], [said(f"done {number}")], lane=f"{task}.t1.t1")
        count(b, f"c{number}", 50)
    assert spans_around(structure(b.recording()).root) == {"c0": ["n0"], "c1": ["n1"]}


def test_a_chain_of_the_agents_name() -> None:
    """OpenLLMetry has LangChain's chain beside the span of the agent that it is; OpenInference says whose the chain is."""
    b = Builder()
    names = {"traceloop.entity.name": "lead"}
    b.span("f", "span", 0, 200, name="invoke_agent lead", attributes={"traceloop.span.kind": "agent", **names})
    b.span("c", "span", 1, 199, name="execute_task lead", attributes={"traceloop.span.kind": "task", **names})
    b.call("a", 2, 198, [ASK], [said("ok")], parent="c")
    assert outline(b) == lines("run ~\n  agent lead\n    turn ~\n      span c\n        llm a")

    b = Builder()
    metadata = {"metadata": '{"lc_agent_name": "lead"}', **GRAPH}
    b.span("f", "span", 0, 200, name="lead", attributes=metadata)
    b.span("n", "span", 1, 199, "f", name="model", attributes=metadata)
    b.call("a", 2, 198, [ASK], [said("ok")], parent="n")
    assert outline(b) == lines("run ~\n  agent lead\n    turn ~\n      span n\n        llm a")
