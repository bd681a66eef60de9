"""Trees of runs made by hand, with times and ids that are always the same."""

from collections.abc import Sequence
from typing import Any

from tracekit import semconv
from tracekit.model.events import Failure, Kind, Request
from tracekit.model.recording import Exchange, Piece, Recording
from tracekit.model.tree import Node, Run, Status, Tokens

START_NS = 1_767_225_600_000_000_000
MS = 1_000_000


def node(
    kind: Kind,
    name: str,
    start_ms: float = 0,
    end_ms: float | None = 1000,
    *children: Node,
    status: Status = "ok",
    id: str = "",
    **more: Any,
) -> Node:
    """A node from `start_ms` to `end_ms` after `START_NS`; open, if it has no end. `more` are fields of `Node`."""
    fields: dict[str, Any] = {
        "agent": name if kind == "agent" else None,
        "failure": Failure("overloaded_error", "Overloaded") if status == "error" else None,
        "inferred": False,
        "model": name if kind == "llm" else None,
        "lane": "m",
        "attributes": {},
        "tokens": Tokens(1200, 340) if kind in ("llm", "turn", "agent", "run") else Tokens(),
        "retries": 0,
        "cost_usd": 0.0123 if kind in ("llm", "turn", "agent", "run") else None,
    }
    start, end = START_NS + round(start_ms * MS), None if end_ms is None else START_NS + round(end_ms * MS)
    fields |= {"children": tuple(children), **more}
    return Node(
        id=id or f"{kind}-{name}-{start_ms}", kind=kind, name=name, start_ns=start, end_ns=end, status=status, **fields
    )


def run_of(root: Node, exchanges: Sequence[Exchange] = (), name: str = "a-run") -> Run:
    """The run with this tree."""
    recording = Recording(f"{0xABC:032x}", name, START_NS, (), {}, {}, {each.attempt: each for each in exchanges})
    return Run.of(recording, root.status, root)


def big_run(spans: int, *, agents: int = 100) -> Run:
    """A run of about `spans` spans: agents that take turns, each a call with an attempt, and a tool."""
    turns = spans // agents // 4
    step = 40.0
    teams = []
    for agent in range(agents):
        own = []
        for turn in range(turns):
            at = (agent % 10) * 5 + turn * step
            attempt = node("attempt", "POST", at, at + 30, id=f"{agent}.{turn}.a")
            llm = node(
                "llm", "claude-sonnet-5-5", at, at + 30, attempt, id=f"{agent}.{turn}.l", retries=int(turn % 40 == 7)
            )
            tool = node("tool", f"read_file_{turn % 7}", at + 30, at + 38, id=f"{agent}.{turn}.o")
            own.append(node("turn", "turn", at, at + 39, llm, tool, id=f"{agent}.{turn}"))
        teams.append(node("agent", f"agent_{agent}", 0, turns * step, *own, id=f"{agent}"))
    return run_of(node("run", "big", 0, turns * step, *teams, id="root"))


def team_run() -> Run:
    """A team at work: three analysts at once, a call that was tried three times, a tool that failed."""
    analysts = [_analyst(number, path, end) for number, (path, end) in enumerate(_PATHS)]
    first = node("turn", "turn", 200, 3900, _call("lead.1", 200, 1150, MODEL), *analysts, id="t1")
    tried = [
        _attempt("x1", 4900, 4905, 529),
        _attempt("x2", 5205, 5211, 529, wait_ms=300, resend=1),
        _attempt("x3", 5811, 7010, 200, wait_ms=600, resend=2),
    ]
    blocked = {semconv.SYNC_IN_EVENT_LOOP: True}
    llm = node("llm", "claude-sonnet-5-5", 4900, 7010, *tried, id="l.retried", retries=2, attributes=blocked)
    refactorer = node(
        "agent", "refactor_agent", 4890, 7020, node("turn", "turn", 4890, 7020, llm, id="t5"), id="refactorer"
    )
    second = node(
        "turn", "turn", 3900, 7030, _call("lead.2", 3900, 4880, MODEL),
        _tool("refactor_agent", 4885, 7025, {"path": "shop/orders.py"}, refactorer), id="t2",
    )  # fmt: skip
    failed = _tool(
        "run_tests", 8000, 8900, {"path": "tests/"}, status="error", failure=Failure("CalledProcessError", "1 failed")
    )
    third = node("turn", "turn", 7030, 8910, _call("lead.3", 7030, 7990, MODEL), failed, id="t3", inferred=True)
    fourth = node("turn", "turn", 8910, 10_000, _call("lead.4", 8910, 9990, MODEL), id="t4", inferred=True)
    lead = node(
        "agent", "lead", 150, 10_050, first, second, third, fourth, id="lead", tokens=Tokens(11_400, 1310), retries=2
    )
    root = node(
        "run", "refactoring-team", 0, 10_100, lead, id="root", tokens=Tokens(11_400, 1310), cost_usd=0.0473, retries=2
    )
    return run_of(root, [_streamed("lead.1", 500), _streamed("lead.4", 9600)], name="refactoring-team")


def growing_run(now_ms: float, *, alive: bool = True) -> Run:
    """A run of which two agents are at work at `now_ms`; or were, when their process was killed."""
    standing: Status = "open" if alive else "interrupted"
    agents = [
        node("agent", f"agent_{number}", 100 * number, None, node("llm", MODEL, 100 * number + 20, None, id=f"l{number}", status=standing),
             id=f"a{number}", status=standing)
        for number in range(2)
    ]  # fmt: skip
    done = node("agent", "done", 50, min(now_ms, 700), id="done")
    return run_of(node("run", "live-run", 0, None, done, *agents, id="root", status=standing), name="live-run")


MODEL = "claude-opus-5-5"
_PATHS = (("shop/cart.py", 2500), ("shop/orders.py", 3100), ("shop/mail.py", 3900))


def _analyst(number: int, path: str, end: float) -> Node:
    own = [
        node(
            "turn",
            "turn",
            1170,
            1900,
            _call(f"a{number}.1", 1170, 1800),
            _tool("read_file", 1800, 1810, {"path": path}),
            id=f"a{number}.t1",
        ),
        node("turn", "turn", 1900, end - 10, _call(f"a{number}.2", 1900, end - 10), id=f"a{number}.t2"),
    ]
    agent = node("agent", "analysis_agent", 1165, end - 5, *own, id=f"analyst{number}")
    return _tool("analysis_agent", 1160, end, {"task": "Look for bugs.", "path": path}, agent)


def _call(id: str, start: float, end: float, model: str = "claude-sonnet-5-5") -> Node:
    return node("llm", model, start, end, node("attempt", "POST", start + 2, end, id=f"{id}.x"), id=id)


def _tool(name: str, start: float, end: float, arguments: dict[str, Any], *children: Node, **more: Any) -> Node:
    attributes = {semconv.TOOL_NAME: name, semconv.TOOL_CALL_ARGUMENTS: arguments}
    return node(
        "tool", f"execute_tool {name}", start, end, *children, id=f"{name}-{start}-{end}", attributes=attributes, **more
    )


def _attempt(id: str, start: float, end: float, status: int, *, wait_ms: float = 0, resend: int = 0) -> Node:
    attributes: dict[str, Any] = {semconv.HTTP_STATUS: status}
    attributes |= {semconv.WAIT_MS: wait_ms, semconv.HTTP_RESEND_COUNT: resend} if resend else {}
    failure = Failure("529", "overloaded_error") if status == 529 else None
    return node(
        "attempt",
        "POST",
        start,
        end,
        id=id,
        status="error" if failure else "ok",
        failure=failure,
        attributes=attributes,
    )


def _streamed(call: str, first_ms: float) -> Exchange:
    request = Request("POST", "https://api.anthropic.com", "/v1/messages", "", {}, b"{}")
    at = START_NS + round(first_ms * MS)
    start = b'event: message_start\ndata: {"type":"message_start"}\n\n'
    delta = b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}\n\n'
    return Exchange(f"{call}.x", request, call, 200, {}, at, (Piece(at - MS, start), Piece(at, delta)))
