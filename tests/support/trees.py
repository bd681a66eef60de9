"""Trees of runs made by hand, with times and ids that are always the same."""

from collections.abc import Sequence
from typing import Any

from tracekit.model.events import Failure, Kind
from tracekit.model.recording import Exchange, Recording
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
    return Run(f"{0xABC:032x}", name, START_NS, root.status, root, recording)


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
