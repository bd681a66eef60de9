"""A run in which everything is said that the detail pane has a way to show."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from tests.support.build import MS, Builder, assistant, result, said, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.demo.answers import message, stream, text, thinking, tool_use
from tracekit.model.events import Failure
from tracekit.model.recording import Exchange, Piece, Recording, Segment
from tracekit.model.run import ProcessRoot
from tracekit.model.tree import Node, Run

CODE = """def total(items, coupon=None):
    amount = sum(item["price"] * item["quantity"] for item in items)
    if coupon == "WELCOME10":
        amount *= 0.9
    return round(amount, 2)
"""
SYSTEM = "You lead a refactoring. Have the code analysed, refactor what is worth it, test the result, then sum up."
TASK = "Refactor the shop, and keep to the style of the picture.\n\n- shop/cart.py\n- shop/orders.py"
THOUGHT = (
    "The cart and the orders don't depend on one another, so both can be read at once. The orders are the riskier part: "
    "they talk to the database. I read both files first, then decide what is worth a change, and leave the mail alone "
    "unless a test asks for it. The coupon codes look like they want to be a table."
)
READ = use("toolu_read", "read_file", path="shop/cart.py", lines=[1, 40])
WRITE = use("toolu_write", "write_file", path="shop/cart.py", content=CODE, overwrite=True)
QUERY = use("toolu_query", "query", sql="select count(*) from orders")
FINDINGS = json.dumps(
    {"findings": [{"line": 3, "rule": "magic-number"}, {"line": 4, "rule": "float-money"}], "ok": False}
)
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBOR" * 4000}}
PAPER = {
    "type": "document",
    "title": "style guide",
    "source": {"type": "url", "url": "https://example.com/style.pdf"},
}
ASKED = user([said(TASK), IMAGE, PAPER])
FIRST = [{"type": "thinking", "thinking": THOUGHT, "signature": "c2ln"}, said("I read the cart first."), READ, QUERY]
BROUGHT = user(
    [result("toolu_read", CODE * 8), result("toolu_query", [said("no such table: orders")], is_error=True)],
)
SECOND = [said("The cart can be **simpler**."), WRITE]
USAGE = {
    semconv.REQUEST_MODEL: "claude-sonnet-4-5",
    semconv.RESPONSE_MODEL: "claude-sonnet-4-5",
    semconv.INPUT_TOKENS: 12_345,
    semconv.CACHE_READ_TOKENS: 8_000,
    semconv.CACHE_WRITE_TOKENS: 3_000,
    semconv.CACHE_WRITE_5M_TOKENS: 2_000,
    semconv.CACHE_WRITE_1H_TOKENS: 1_000,
    semconv.OUTPUT_TOKENS: 678,
    semconv.REASONING_TOKENS: 123,
    semconv.RESPONSE_SERVICE_TIER: "standard",
    semconv.WEB_SEARCHES: 2,
}
TOOLS = [
    {"name": name, "description": f"{name} does what it says.", "input_schema": {"type": "object"}}
    for name in ("read_file", "write_file", "query")
]


def builder() -> Builder:
    """The calls of the run: two turns with tools, one answered at the third attempt, then one of each ending."""
    b = Builder()
    b.span("run", "run", 0, 9_000, name="refactoring", attributes={semconv.EXIT_CODE: 0})
    b.agent("lead", 0, 9_000, "run")
    b.span("t1", "turn", 0, 1_500, "lead")
    b.call("c1", 0, 900, [ASKED], FIRST, parent="t1", system=SYSTEM, max_tokens=4000, tools=TOOLS, temperature=0.2)
    b.tool("read", "read_file", 910, 1_030, "t1", arguments=READ["input"], call_id="toolu_read")
    b.tool("query", "query", 910, 940, "t1", arguments=QUERY["input"], call_id="toolu_query")
    b.spans["query"] = replace(
        b.spans["query"], status="error", failure=Failure("OperationalError", "no such table: orders")
    )
    b.span("t2", "turn", 1_600, 4_600, "lead")
    b.call("c2", 1_600, 4_000, [ASKED, assistant(*FIRST), BROUGHT], SECOND, parent="t2", system=SYSTEM, max_tokens=4000)
    _retries(b)
    b.tool("write", "write_file", 4_010, 4_600, "t2", arguments=WRITE["input"], call_id="toolu_write")
    later = [ASKED, assistant(*FIRST), BROUGHT, assistant(*SECOND), user([result("toolu_write", FINDINGS)])]
    b.span("t3", "turn", 4_700, 9_000, "lead")
    b.call("c3", 4_700, 9_000, later, [said("Two of three modules are refactored.")], parent="t3", system=SYSTEM)
    for id in ("c1", "c2", "c3"):
        b.spans[id].attributes.update(USAGE)  # type: ignore[attr-defined]  # the builder made it a dict
    return b


def _retries(b: Builder) -> None:
    """The second call was answered at its third attempt."""
    request = b.exchanges["c2-a"].request
    for number, (start, wait) in enumerate([(1_600, 0.0), (1_620, 500.0)]):
        id = f"c2-{number}"
        seen = {semconv.HTTP_STATUS: 529, semconv.REQUEST_ID: f"req_{id}", semconv.RETRY_AFTER: "1"}
        b.span(id, "attempt", start, start + 12, "c2", attributes=seen | ({semconv.WAIT_MS: wait} if wait else {}))
        b.spans[id] = replace(b.spans[id], status="error", failure=Failure("529", "overloaded_error"))
        body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
        headers = {"content-type": "application/json", "request-id": f"req_{id}"}
        b.exchanges[id] = Exchange(id, request, "", 529, headers, (start + 12) * MS, (Piece((start + 12) * MS, body),))
    last = b.spans.pop("c2-a")
    seen = {semconv.HTTP_STATUS: 200, semconv.WAIT_MS: 1000.0, semconv.REQUEST_ID: "req_c2"}
    b.spans["c2-a"] = replace(last, start_ns=2_650 * MS, attributes=seen)


def everything() -> Run:
    """The run, at its end."""
    return _run(builder().recording())


def _run(recording: Recording) -> Run:
    root = ProcessRoot("run", 0, ("python", "shop agent.py", "--fast"))
    segment = replace(recording.segments[0], root=root, versions={"tracekit": "0.1.0", "anthropic": "2.12.0"})
    return structure(replace(recording, segments=(segment,)))


ANSWER = message(
    thinking("Short thought.", "c2ln"),
    text("The first half of the answer, word by word, and then what the cart needs."),
    tool_use("write_file", {"path": "shop/cart.py", "content": CODE}, "toolu_live"),
)


def live(events: int) -> Run:
    """The run while its last call streams: `events` of the answer's events have come."""
    b = builder()
    chunks = [chunk for _, chunk in stream(ANSWER).chunks or ()][:events]
    b.call("c4", 9_100, None, [user("Go on.")], parent="lead", system=SYSTEM)
    pieces = tuple(Piece((9_200 + 20 * number) * MS, chunk) for number, chunk in enumerate(chunks))
    headers = {"content-type": "text/event-stream"}
    b.exchanges["c4-a"] = replace(b.exchanges["c4-a"], headers=headers, answered_ns=9_190 * MS, pieces=pieces)
    recording = b.recording()
    return structure(replace(recording, segments=(replace(recording.segments[0], alive=True, exited=False),)))


def streamed_in_full() -> int:
    """Return the number of events in the response of `live`."""
    return len(stream(ANSWER).chunks or ())


def ended(*blocks: dict[str, Any], stop: str = "end_turn", model: str = "claude-sonnet-4-5", **segment: Any) -> Run:
    """A run of one call that answered `blocks` and stopped so; `segment` sets fields of its segment."""
    b = Builder()
    b.agent("lead", 0, 1_000)
    b.call("c1", 0, 900, [user("Say it.")], list(blocks), parent="lead", stop=stop)
    used = {**USAGE, semconv.REQUEST_MODEL: model, semconv.RESPONSE_MODEL: model}
    b.spans["c1"].attributes.update(used)  # type: ignore[attr-defined]  # the builder made it a dict
    recording = b.recording()
    changed: Segment = replace(recording.segments[0], **segment)
    return structure(replace(recording, segments=(changed,)))


def node(run: Run, id: str) -> Node:
    """The node of that id."""
    return next(each for each in run.root.walk() if each.id == id)
