"""How long all rules take on runs of 1,000, 10,000 and 100,000 spans, and how that grows.

Run it from the repository's folder: `python -m tests.bench.bench_check`. Four shapes: many leads with teams of their own,
beside each other and one after another; one lead with as many turns as it takes; and one batch of that many tools. CPU time of this process, against
the time that the tree of the same run takes to be made; and the time over n log n, against that of 1,000 spans.
"""

import gc
import math
import sys
import time
from functools import partial

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
        ("one wide batch", _wide),
    )
    for name, build in shapes:
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


def _wide(size: int) -> Builder:
    build = Builder()
    tools = size - 5
    build.agent("lead", 0, tools * 2 + 200, "root", name="lead")
    build.span("turn", "turn", 0, tools * 2 + 150, "lead")
    uses = [use(f"u{n}", "fetch_page", url=f"https://example.org/{n}") for n in range(tools)]
    _call(build, "call", 0, 100, [user("Fetch all pages.")], uses, "turn")
    for n, block in enumerate(uses):
        build.tool(
            f"x{n}", "fetch_page", 100 + 2 * n, 102 + 2 * n, "turn", arguments=block["input"], call_id=block["id"]
        )
    build.span("root", "run", 0, tools * 2 + 200)
    return build


def _call(build: Builder, id: str, start: int, end: int, messages: object, answer: object, parent: str) -> None:
    build.call(id, start, end, messages, answer, parent=parent)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
