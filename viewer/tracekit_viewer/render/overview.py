"""The overview of a run, an agent, a tool or another span, which has no conversation."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tracekit_viewer.door import (
    Node,
    ProcessRoot,
    Run,
    Segment,
    blocks_of,
    count,
    damage_in,
    duration,
    money,
    output,
    semconv,
    text_of,
)
from tracekit_viewer.render.block import STEP, Block, Line, Part, Style
from tracekit_viewer.render.bodies import KeyValues, Table, Text
from tracekit_viewer.render.call_messages import Reader
from tracekit_viewer.render.family import Family, calls_below
from tracekit_viewer.render.message import body_of, said_block, tool_block
from tracekit_viewer.render.notes import failure_blocks, kept_note, note

__all__ = ["STATUS_STYLE", "agent_blocks", "run_blocks", "span_blocks", "tool_node_blocks", "totals"]

STATUS_STYLE: dict[str, Style] = {"ok": "good", "error": "error", "open": "user", "interrupted": "warning"}
_MOST_TURNS = 500


def run_blocks(run: Run, reader: Reader) -> list[Block]:
    """The run: what it is, its task and answer where one agent has it, its agents, its processes."""
    recorded = datetime.fromtimestamp(run.recorded_at_ns / 1e9).astimezone()
    facts = [("recorded", recorded.strftime("%Y-%m-%d %H:%M:%S")), ("id", run.id), *totals(run.root, run)]
    blocks = [*kept_note(run), *_damage(run), Block("facts", body=KeyValues(tuple(facts)), folded=STEP)]
    blocks += failure_blocks(run.root)
    if run.status == "interrupted":
        blocks.append(note("interrupted", "A process of this run ended before its spans did.", "warning"))
    first = [child for child in run.root.children if child.kind == "agent"]
    if len(first) == 1:
        blocks += _task_and_answer(run, first[0], reader)
    agents = [node for node in run.root.walk() if node.kind == "agent"]
    if agents:
        blocks.append(_agents_table(agents, run))
    blocks += _processes(run)
    return blocks


def agent_blocks(run: Run, agent: Node, reader: Reader) -> list[Block]:
    """An agent: its task, its final answer, its system prompt, its turns and its totals."""
    blocks = [*kept_note(run), *failure_blocks(agent), *_task_and_answer(run, agent, reader)]
    blocks += _turns(agent, run)
    facts = totals(agent, run)
    stop = agent.attributes.get(semconv.AGENT_STOP_REASON)
    if stop:
        facts.append(("stopped", str(stop)))
    return [*blocks, Block("facts", (("totals", "dim"),), body=KeyValues(tuple(facts)), folded=STEP)]


def totals(node: Node, run: Run) -> list[tuple[str, str]]:
    """Return the totals of `node` and its subtree."""
    used = node.tokens
    calls = sum(1 for _ in calls_below(node, other_agents=True))
    facts = [("status", node.status), ("time", duration(node.duration_ns(run.last_ns))), ("calls", count(calls))]
    if used.input or used.output:
        cached = f", {count(used.cache_read)} of it from the cache" if used.cache_read else ""
        facts.append(
            ("tokens", f"{count(used.input)} in{cached} → {output(used.output, is_partial=used.is_partial)} out")
        )
    if calls:
        facts.append(("cost", money(node.cost_usd, complete=node.cost_complete) or "no price is known"))
    if node.retries:
        facts.append(("retries", str(node.retries)))
    if node.inferred:
        why = node.attributes.get(semconv.INFERRED_FROM)
        facts.append(("inferred", f"from {why}" if why else "from requests and responses"))
    return facts


def _task_and_answer(run: Run, agent: Node, reader: Reader) -> Iterator[Block]:
    calls = list(calls_below(agent))
    first = reader.of_call(run, calls[0]) if calls else None
    if first is None:
        yield note("none", "No call of this agent is recorded." if not calls else "Its requests were not recorded.")
        return
    system = text_of(first.request.get("system"))
    if system:
        yield Block("system", (("system", "system"),), body=Text(system), bar="system", folded=4, copied=lambda: system)
    headed = True
    for number, message in enumerate(first.messages[:1]):
        for index, block in enumerate(blocks_of(message.get("content")) if isinstance(message, Mapping) else [message]):
            yield said_block(f"m{number}.{index}", "user", block, headed=headed)
            headed = False
    last = reader.of_call(run, calls[-1])
    words = [
        str(block.get("text", ""))
        for block in blocks_of(last.message.get("content") if last is not None else None)
        if isinstance(block, Mapping) and block.get("type") == "text"
    ]
    answer = "\n".join(words)
    if answer:
        label = "final answer" if agent.status != "open" else "last answer so far"
        head: Line = (("assistant", "assistant"), (f"  {label}", "dim"))
        yield Block("answer", head, body=body_of(answer), bar="assistant", folded=20, copied=lambda: answer)


def _turns(agent: Node, run: Run) -> Iterator[Block]:
    turns = [child for child in agent.children if child.kind == "turn"]
    rows: list[tuple[Part, ...]] = []
    for number, turn in enumerate(turns[:_MOST_TURNS], 1):
        tools = [_tool_name(child) for child in turn.children if child.kind == "tool"]
        style: Style = "text" if turn.status == "ok" else STATUS_STYLE[turn.status]
        rows.append(
            (
                (str(number), "dim"),
                (duration(turn.duration_ns(run.last_ns)), "text"),
                (count(turn.tokens.input), "text"),
                (output(turn.tokens.output, is_partial=turn.tokens.is_partial), "text"),
                (f"{turn.status} " if turn.status != "ok" else "", style),
                (", ".join(tools[:8]) + (" …" if len(tools) > 8 else ""), "tool"),
            )
        )
    if rows:
        table = Table(("turn", "time", "in", "out", "", "asked for"), tuple(rows), frozenset((0, 1, 2, 3)))
        yield Block("turns", body=table, folded=20)


def _agents_table(agents: list[Node], run: Run) -> Block:
    rows: tuple[tuple[Part, ...], ...] = tuple(
        (
            (node.agent or node.name, "text"),
            (duration(node.duration_ns(run.last_ns)), "text"),
            (count(node.tokens.input), "text"),
            (output(node.tokens.output, is_partial=node.tokens.is_partial), "text"),
            (money(node.cost_usd, complete=node.cost_complete), "text"),
            (node.status, STATUS_STYLE[node.status]),
        )
        for node in agents
    )
    names = ("agent", "time", "in", "out", "cost", "status")
    return Block("agents", body=Table(names, rows, frozenset((1, 2, 3, 4))), folded=20)


def _tool_name(node: Node) -> str:
    return str(node.attributes.get(semconv.TOOL_NAME, node.name))


def _damage(run: Run) -> list[Block]:
    damage = damage_in(run)
    if not damage:
        return []
    head: Line = (("✗ ", "error"), ("a part of the record could not be read", "error"))
    return [Block("damage", head, body=Text("\n".join(damage)), bar="error")]


def _processes(run: Run) -> Iterator[Block]:
    for index, segment in enumerate(run.recording.segments):
        facts = [("process", f"{segment.pid} on {segment.host}"), ("state", _state(run, segment))]
        if segment.root is not None:
            facts.append(("command", command_of(segment.root)))
        exit_code = run.root.attributes.get(semconv.EXIT_CODE) if segment.root is not None else None
        if exit_code is not None:
            facts.append(("exit code", str(exit_code)))
        facts += [("with", ", ".join(f"{name} {version}" for name, version in segment.versions.items()))]
        facts.append(("journal", segment.path))
        yield Block(f"process {index}", body=KeyValues(tuple(fact for fact in facts if fact[1])), folded=STEP)


def command_of(root: ProcessRoot) -> str:
    """The command of a process, as a shell would take it."""
    return shlex.join(root.argv)


def _state(run: Run, segment: Segment) -> str:
    if segment.alive:
        return "running"
    is_whole = segment.exited or run.status in ("ok", "error")
    return "ended in good order" if is_whole else "gone: it ended without recording its end"


def tool_node_blocks(run: Run, tool: Node, family: Family, reader: Reader) -> list[Block]:
    """A tool: what it was given beside what it returned, and the agents that worked for it."""
    id = str(tool.attributes.get(semconv.TOOL_CALL_ID, ""))
    given, result = tool.attributes.get(semconv.TOOL_CALL_ARGUMENTS), _own_result(tool)
    turn = family.above(tool, "turn")
    if turn is not None and id and (given is None or result is None):
        given, result = _from_wire(run, turn, id, family, reader, given, result)
    use = {"name": _tool_name(tool), "input": given}
    waiting = "running" if tool.status == "open" else "no result is recorded"
    aside = duration(tool.duration_ns(run.last_ns))
    bar: Style = "error" if tool.status == "error" else "tool"
    is_told = result is not None and result[1]
    if is_told and tool.failure is not None:
        aside = f"{tool.failure.type} · {aside}"
    blocks = [*kept_note(run), tool_block("tool", use, aside, result, waiting, bar=bar, folded=60)]
    blocks += [] if is_told else failure_blocks(tool)
    if tool.attributes.get(semconv.TOOL_RESULT_OPAQUE):
        blocks.append(note("opaque", "Its result is not JSON: in a replay it runs again."))
    agents = [child for child in tool.walk() if child.kind == "agent"]
    return [*blocks, _agents_table(agents, run)] if agents else blocks


def _own_result(tool: Node) -> tuple[Any, bool] | None:
    if semconv.TOOL_CALL_RESULT not in tool.attributes:
        return None
    return tool.attributes[semconv.TOOL_CALL_RESULT], tool.status == "error"


def _from_wire(
    run: Run, turn: Node, id: str, family: Family, reader: Reader, given: Any, result: tuple[Any, bool] | None
) -> tuple[Any, tuple[Any, bool] | None]:
    """Return the input and the result of the tool call `id`, from the model's messages."""
    calls = list(calls_below(family.home(turn)))
    own = next((index for index, call in enumerate(calls) if family.above(call, "turn") is turn), None)
    if own is None:
        return given, result
    said = reader.of_call(run, calls[own])
    for block in blocks_of(said.message.get("content")) if said is not None else ():
        if isinstance(block, Mapping) and block.get("id") == id and given is None:
            given = block.get("input")
    for call in calls[own + 1 : own + 3]:
        said = reader.of_call(run, call)
        for message in said.messages[-3:] if said is not None else ():
            for block in blocks_of(message.get("content")) if isinstance(message, Mapping) else ():
                if isinstance(block, Mapping) and block.get("tool_use_id") == id and result is None:
                    result = block.get("content"), bool(block.get("is_error"))
    return given, result


def span_blocks(run: Run, span: Node) -> list[Block]:
    """A span that says nothing of its own."""
    facts = tuple(totals(span, run))
    words = "There are no messages here; see the attributes."
    return [*failure_blocks(span), Block("facts", body=KeyValues(facts), folded=STEP), note("none", words)]
