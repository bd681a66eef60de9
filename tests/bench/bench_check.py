"""The time of all rules on runs of 1,000, 10,000 and 100,000 spans, and its growth.

Run it from the repository's folder: `python -m tests.bench.bench_check [SHAPE]`. The shapes: many leads with teams of
their own, beside each other and one after another; one lead with as many turns as it takes, or with a subagent in each;
one batch of that many tools, one by one or ten at once; the program's own agents, one after another or held up by a sync
client; and teams a thousand levels deep. CPU time of this process, against the time that the tree of the same run takes
to be made; and the time over n log n, against that of 1,000 spans.
"""

import gc
import math
import sys
import time
from dataclasses import replace
from functools import partial
from typing import Any

from tests.support.build import Builder, result, said, use, user
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.model.tree import Run
from tracekit.rules import findings_of

_SIZES = (1_000, 10_000, 100_000)
_GOAL_S = 2.0


def main() -> None:
    """Measure each shape at each size."""
    missed = False
    shapes = (
        ("leads side by side", _teams),
        ("leads in a row", partial(_teams, apart=4100)),
        ("one long loop", _loop),
        ("turns of subagents", _subagents),
        ("one wide batch", _wide),
        ("ten at once", partial(_wide, at_once=10)),
        ("a row of agents", _crew),
        ("a blocked loop", partial(_crew, is_blocked=True)),
        ("deep teams", _deep),
    )
    for name, build in shapes:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        base = 0.0
        for size in _SIZES:
            recording = build(size).recording()
            begin = time.process_time()
            run = structure(recording)
            tree_s = time.process_time() - begin
            spans = sum(1 for _ in run.root.walk())
            took_s, found = _measured(run)
            per = took_s / (spans * math.log2(spans))
            base = base or per
            missed |= took_s > _GOAL_S
            print(
                f"{name:<19} {spans:>7} spans  {took_s:7.3f} s  x {took_s / tree_s:4.2f} of its tree  "
                f"x {per / base:5.2f} of n log n  {found} findings",
                flush=True,
            )
    print(f"goal: under {_GOAL_S} s of CPU: {'MISSED' if missed else 'met'}")
    sys.exit(missed)


def _measured(run: Run) -> tuple[float, int]:
    gc.collect()
    begin = time.process_time()
    found = findings_of(run)
    return time.process_time() - begin, len(found)


def _teams(size: int, apart: int = 1) -> Builder:
    build = Builder()
    leads = max(1, size // 132)
    for lead in range(leads):
        agent, now = f"l{lead}", lead * apart
        messages = [user(f"Audit part {lead}")]
        build.agent(agent, now, now + 4000, "root", f"m.t{lead}", name="lead")
        for turn in range(10):
            id = f"{agent}-{turn}"
            build.span(id, "turn", now, now + 400, agent, f"m.t{lead}")
            uses = [use(f"{id}-u{n}", "audit_agent", path=f"src/{lead}/{turn}/{n}.py") for n in range(2)]
            _call(build, f"{id}-c", now, now + 100, messages, uses, id)
            for n in range(2):
                _subagent(build, f"{id}-{n}", now + 100 + 150 * n, uses[n], id)
            answered = [result(each["id"], f"Fine in {each['id']}.") for each in uses]
            messages = [*messages, {"role": "assistant", "content": uses}, user(answered)][-8:]
            now += 400
    build.span("root", "run", 0, leads * apart + 4000)
    return build


def _subagent(build: Builder, id: str, start: int, block: dict[str, object], parent: str) -> None:
    attributes = {
        semconv.TOOL_NAME: block["name"],
        semconv.TOOL_CALL_ID: block["id"],
        semconv.TOOL_CALL_ARGUMENTS: block["input"],
    }
    build.span(id, "tool", start, start + 150, parent, attributes=attributes)
    build.agent(f"{id}-a", start, start + 150, id, name="audit_agent")
    build.span(f"{id}-t", "turn", start, start + 150, f"{id}-a")
    _call(build, f"{id}-c", start, start + 150, [user(f"Audit {block['input']}")], [said("Fine.")], f"{id}-t")


def _loop(size: int) -> Builder:
    build = Builder()
    turns = size // 4
    build.agent("lead", 0, turns * 100, "root", name="lead")
    last: list[dict[str, object]] = []
    for turn in range(turns):
        id, now = f"t{turn}", turn * 100
        build.span(id, "turn", now, now + 100, "lead")
        block = use(f"u{turn}", "read_file", path=f"src/f{turn}.py")
        _call(build, f"{id}-c", now, now + 60, [user("Read all files."), *last], [block], id)
        build.tool(f"{id}-x", "read_file", now + 60, now + 100, id, arguments=block["input"], call_id=block["id"])
        last = [{"role": "assistant", "content": [block]}, user([result(block["id"], f"text {turn} of it")])]
    build.span("root", "run", 0, turns * 100)
    return build


def _subagents(size: int) -> Builder:
    build = Builder()
    turns = size // 8
    build.agent("lead", 0, turns * 250, "root", name="lead")
    last: list[dict[str, object]] = []
    for turn in range(turns):
        id, now = f"t{turn}", turn * 250
        build.span(id, "turn", now, now + 250, "lead")
        block = use(f"u{turn}", "audit_agent", path=f"src/{turn}.py")
        near = " ".join(f"src/{turn + n}.py" for n in range(-3, 4))
        _call(build, f"{id}-c", now, now + 100, [user(f"Audit {near}."), *last], [block], id)
        _subagent(build, f"{id}-x", now + 100, block, id)
        # What every tenth brings names what the next one is asked.
        brought = f"Next: src/{turn + 1}.py, line 12." if turn % 10 == 0 else f"Fine in {turn}."
        last = [{"role": "assistant", "content": [block]}, user([result(block["id"], brought)])]
    build.span("root", "run", 0, turns * 250)
    return build


def _crew(size: int, *, is_blocked: bool = False) -> Builder:
    build = Builder()
    agents = size // 10
    for agent in range(agents):
        id, lane, now = f"a{agent}", f"m.t{agent}", agent * 3000
        build.agent(id, 0 if is_blocked else now, now + 3000, "root", lane, name="audit_agent")
        asked: list[Any] = []
        for turn in range(3):
            begin, call = now + turn * 1000, f"{id}-c{turn}"
            build.span(f"{id}-t{turn}", "turn", begin, begin + 1000, id, lane)
            more = [{"role": "assistant", "content": [said("Fine.")]}] if turn else []
            asked = [*asked, *more, user(f"Audit src/m{agent}.py, part {turn}")]
            build.call(call, begin, begin + 1000, asked, [said("Fine.")], parent=f"{id}-t{turn}", lane=lane)
            build.spans[call] = replace(build.spans[call], attributes={semconv.SYNC_IN_EVENT_LOOP: is_blocked})
    build.span("root", "run", 0, agents * 3000)
    return build


def _deep(size: int, levels: int = 1000) -> Builder:
    build = Builder()
    chains = max(1, size // (6 * levels))
    for chain in range(chains):
        parent, origin = "root", chain * 21 * levels
        for level in range(min(levels, size // 6)):
            id, begin, end = f"{chain}-{level}", origin + level * 10, origin + 20 * levels - level * 10
            build.agent(id, begin, end, parent, name="lead")
            build.span(f"{id}-t", "turn", begin, end, id)
            uses = [use(f"{id}-{n}", name, path=f"src/{id}.py") for n, name in enumerate(("read_file", "ask_agent"))]
            _call(build, f"{id}-c", begin, begin + 4, [user(f"Do part {id}")], uses, f"{id}-t")
            for n, (start, stop) in enumerate(((begin + 4, begin + 6), (begin + 6, end - 2))):
                name, given, call = str(uses[n]["name"]), uses[n]["input"], str(uses[n]["id"])
                build.tool(f"{id}-x{n}", name, start, stop, f"{id}-t", arguments=given, call_id=call)
            parent = f"{id}-x1"
    build.span("root", "run", 0, chains * 21 * levels)
    return build


def _wide(size: int, at_once: int = 1) -> Builder:
    build = Builder()
    tools = size - 5
    build.agent("lead", 0, tools * 2 + 200, "root", name="lead")
    build.span("turn", "turn", 0, tools * 2 + 150, "lead")
    uses = [use(f"u{n}", "fetch_page", url=f"https://example.org/{n}") for n in range(tools)]
    _call(build, "call", 0, 100, [user("Fetch all pages.")], uses, "turn")
    for n, block in enumerate(uses):
        begin = 100 + n // at_once * 2 * at_once
        build.tool(
            f"x{n}", "fetch_page", begin, begin + 2 * at_once, "turn", arguments=block["input"], call_id=block["id"]
        )
    build.span("root", "run", 0, tools * 2 + 200)
    return build


def _call(build: Builder, id: str, start: int, end: int, messages: object, answer: object, parent: str) -> None:
    build.call(id, start, end, messages, answer, parent=parent)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
