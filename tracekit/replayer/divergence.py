"""Describe the place where a replay left its recording, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, TypeAlias

from tracekit.analysis.structure import structure
from tracekit.model.events import Request
from tracekit.model.text import printable
from tracekit.model.tree import Node
from tracekit.replayer.differences import Difference, differences, likeness
from tracekit.replayer.hints import hints_about, passed_over
from tracekit.replayer.script import RecordedCall, Script

__all__ = ["Divergence", "Why", "explain", "places", "unplayed"]

Why: TypeAlias = Literal["unrecorded", "used", "ambiguous", "beyond", "network", "child", "unplayed"]

_SAID: dict[Why, str] = {
    "unrecorded": "this request is not in the recording",
    "used": "this request is in the recording, but each of its recorded responses was already used",
    "ambiguous": "several recorded responses match this request, they differ, and the recording cannot tell which one belongs to it",
    "beyond": "the program reads past the end of the recorded response: the recorded program had stopped reading, or was cancelled",
    "network": "the program opened a connection to the API's host outside the SDK, which a replay blocks",
    "child": "a program that it started, which is not replayed, sent a request to the API; a replay blocks that",
    "unplayed": "the program ended before it had made all recorded calls",
}
_MOST = 12
_STRANGE = 0.35
"""A likeness below which two requests come from different programs."""


@dataclass(frozen=True)
class Divergence:
    """The first place where a replay left the recording.

    `path` is the place in the recorded tree of the recorded request that is most like the one that was `asked`;
    `differences` are the differences between the two. `tools` were skipped before it, and their recorded results
    returned; `unplayed` are recorded calls that were not made. `is_strange` is True if no recorded request is similar.
    `ignore` are the entries that would ignore all `differences`, where those are ids and times; `hints` advise the
    user.
    """

    why: Why
    path: str
    asked: str = ""
    differences: tuple[Difference, ...] = ()
    tools: tuple[str, ...] = ()
    unplayed: tuple[str, ...] = ()
    is_strange: bool = False
    more: str = field(default="")
    ignore: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Return the report for people."""
        lines = [f"the replay left its recording: {_SAID[self.why]}"]
        if self.path:
            lines.append(f"  at {self.path}" if not self.differences else f"  nearest in the recording: {self.path}")
        if self.asked:
            lines.append(f"  asked: {self.asked}")
        if self.more:
            lines.append(f"  {self.more}")
        shown = self.differences[:_MOST]
        lines += [f"  {line}" for difference in shown for line in difference.lines()]
        if len(self.differences) > len(shown):
            lines.append(f"  and {len(self.differences) - len(shown)} more places")
        lines += [f"  {hint}" for hint in self.hints]
        if self.is_strange:
            lines.append("  no recorded request resembles it: is this the recording of another program?")
        if self.tools:
            lines.append(f"  tools skipped before it, whose recorded results were returned: {_counted(self.tools)}")
        if self.unplayed:
            lines.append(f"  recorded, but not requested ({len(self.unplayed)}):")
            lines += [f"    {path}" for path in self.unplayed[:_MOST]]
        return "\n".join(lines)

    def after_extra(self, asked: str) -> Divergence:
        """Return this divergence with a hint that the program made one more request, `asked`, before it."""
        if not asked or asked == self.asked:
            return self
        hint = f"before that it asked once more than in the recording, and waited for its end: {asked}"
        return replace(self, hints=(*self.hints, hint))

    def json(self) -> dict[str, Any]:
        """Return the report for programs."""
        made = asdict(self)
        made["differences"] = [each._asdict() for each in self.differences]
        return made


def _counted(tools: Sequence[str]) -> str:
    counts = Counter(tools)
    listed = [f"{printable(name, most=60)} ×{n}" if n > 1 else printable(name, most=60) for name, n in counts.items()]
    more = f" and {len(listed) - _MOST} more" if len(listed) > _MOST else ""
    return ", ".join(listed[:_MOST]) + more


def explain(
    script: Script,
    why: Why,
    request: Request,
    candidates: Sequence[RecordedCall],
    played: Sequence[RecordedCall],
    tools: Sequence[str],
) -> Divergence:
    """Explain why `request` cannot be answered.

    `candidates` are the recorded calls with its key, `played` those of them that were used before.
    """
    asked = script.keys.shown(request)
    near, alike = _nearest(script, candidates or _of_kind(script, request), asked, set(played))
    different: tuple[Difference, ...] = ()
    if near is not None and not candidates:
        recorded = near.parts[0].exchange.request
        different = (*_head(recorded, request), *differences(script.keys.shown(recorded), asked))
    paths = places(script)
    more = ""
    if why == "ambiguous":
        more = "they were given to: " + "; ".join(paths[call.number] for call in candidates[:_MOST])
    return Divergence(
        why,
        paths[near.number] if near is not None else "",
        printable(f"{request.method} {request.path}{_model(asked)}"),
        different,
        tuple(tools),
        is_strange=why == "unrecorded" and not played and alike < _STRANGE,
        more=more,
        ignore=tuple(passed_over(different)),
        hints=tuple(hints_about(different, script.recording.hash_seed)),
    )


def unplayed(script: Script, calls: Sequence[RecordedCall], tools: Sequence[str]) -> Divergence:
    """Return the divergence that `calls` were never made."""
    paths = places(script)
    left = tuple(paths[call.number] for call in calls)
    return Divergence("unplayed", left[0] if left else "", tools=tuple(tools), unplayed=left)


def _nearest(
    script: Script, calls: Sequence[RecordedCall], asked: Any, played: set[RecordedCall]
) -> tuple[RecordedCall | None, float]:
    best, most = None, -1.0
    for call in calls:
        alike = likeness(script.keys.shown(call.parts[0].exchange.request), asked)
        # Of two that are as much alike, it is rather the one that is still to come.
        rank = alike + (0.02 if call not in played else 0.0)
        if rank > most:
            best, most = call, rank
    return best, most


def _of_kind(script: Script, request: Request) -> list[RecordedCall]:
    """Return the recorded calls of the same method and path, or all calls if there is none."""
    same = [
        call
        for call in script.calls
        if (call.parts[0].exchange.request.method, call.parts[0].exchange.request.path)
        == (request.method, request.path)
    ]
    return same or list(script.calls)


def _head(recorded: Request, asked: Request) -> list[Difference]:
    pairs = (
        ("method", recorded.method, asked.method),
        ("path", recorded.path, asked.path),
        ("query", recorded.query, asked.query),
        ("anthropic-beta", recorded.headers.get("anthropic-beta"), asked.headers.get("anthropic-beta")),
    )
    return [Difference(place, old, new) for place, old, new in pairs if old != new]


def _model(asked: Any) -> str:
    model = asked.get("model") if isinstance(asked, dict) else None
    return f" {model}" if isinstance(model, str) else ""


def places(script: Script) -> dict[int, str]:
    """Return each call's path in the recorded tree, run > agent > turn > call, by the call's number."""
    root = structure(script.recording).root
    numbers = {call.span.id: call.number for call in script.calls}
    found: dict[int, str] = {}
    stack: list[tuple[Node, str]] = [(root, root.name)]
    while stack:
        node, path = stack.pop()
        counts: dict[str, int] = {}
        for child in node.children:
            counts[child.kind] = counts.get(child.kind, 0) + 1
            step = _step(child, counts[child.kind])
            inner = f"{path} > {step}" if step else path
            if child.id in numbers:
                found[numbers[child.id]] = printable(inner)
            stack.append((child, inner))
    return {call.number: found.get(call.number, printable(call.span.name)) for call in script.calls}


def _step(node: Node, number: int) -> str:
    match node.kind:
        case "agent":
            return node.agent or node.name
        case "turn":
            return f"turn {number}"
        case "llm":
            return f"call {number}" if number > 1 else "call"
        case "tool":
            # An agent that serves the tool says it all.
            return (
                "" if any(child.kind == "agent" for child in node.children) else node.name.removeprefix("execute_tool ")
            )
        case "attempt":
            return ""
        case _:
            return node.name
