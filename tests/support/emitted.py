"""Programs made by chance: leads that ask for steps, teams of the runtime, and agents that code sets to work.

A program is plain data, so that it can be mended by a finding's change and performed again. What a step gives depends on
what it was given and on what it reads of a world that other steps write to, so that a wrong order shows.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Literal

import tracekit
from tests.support.virtual import Clients, perform
from tracekit import semconv
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, message, reply, text, tool_use
from tracekit.model.change import Change
from tracekit.model.tree import Node, Run

MODEL = "claude-sonnet-5"
How = Literal["loop", "runtime", "code"]
"""Who runs the steps of a part: a lead's own loop, a team of the runtime, or the program's code without a lead."""
_EFFECTS = ("notes/a.md", "notes/b.md")


@dataclass(frozen=True)
class Step:
    """A task for a tool or an agent, named by its `number`.

    Attributes:
        number: Its place among all steps of the program.
        kind: The name of the tool or agent.
        calls_ms: How long each of its calls of the model takes; of a tool that calls none, how long it takes itself.
        is_agent: Whether it calls the model.
        reads: Paths that it reads at its begin.
        writes: Paths that it writes at its end.
        is_declared: Whether the program declares what it reads and writes.
        needs: A step whose output stands in its input; None for none.
    """

    number: int
    kind: str
    calls_ms: tuple[int, ...]
    is_agent: bool
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    is_declared: bool = True
    needs: int | None = None


@dataclass(frozen=True)
class Round:
    """Steps that one response asks for. `waits` has for each the steps of the round that must have ended before."""

    waits: Mapping[int, frozenset[int]]
    places: int | None = None
    """How many may be at work at once."""
    is_blocking: bool = False
    """Whether the agents ask a client that blocks the event loop."""


@dataclass(frozen=True)
class Part:
    """Rounds, one after another. Each call of the lead takes `lead_ms`. It begins when the parts `after` have ended."""

    how: How
    rounds: tuple[Round, ...]
    lead_ms: int
    after: frozenset[int] = frozenset()

    @property
    def steps(self) -> list[int]:
        """The numbers of its steps."""
        return [number for each in self.rounds for number in each.waits]


@dataclass(frozen=True)
class Program:
    """Parts, and when each begins; with `beside_ms`, beside an agent whose call takes that long."""

    steps: tuple[Step, ...]
    parts: tuple[Part, ...]
    beside_ms: int = 0


@dataclass
class Performed:
    """The results of a program.

    Attributes:
        outputs: What each step gave, by its number.
        world: What was written, by path.
        run: Its run.
        steps: The numbers of steps, by the ids of their spans.
    """

    outputs: Mapping[int, str]
    world: Mapping[str, str]
    run: Run
    steps: Mapping[str, int] = field(default_factory=dict)


# ── by chance ────────────────────────────────────────────────────────────────────────────────────────────────────────


def emitted(seed: int) -> Program:
    """Return the program of this `seed`."""
    return _Emitter(random.Random(seed)).program()


class _Emitter:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._steps: list[Step] = []
        self._first = 0

    def program(self) -> Program:
        parts = tuple(replace(self._part(), after=frozenset(range(at))) for at in range(self._chance.choice((1, 1, 2))))
        if any(each.is_blocking for part in parts for each in part.rounds):
            # What blocks the loop holds up all that is begun beside it.
            parts = tuple(replace(part, after=frozenset()) for part in parts if part.rounds[0].is_blocking)[:1]
        # A schedule assumes that what began when others had ended waited for all of them, and that what ended while the
        # loop was blocked took as long: beside such parts it promises too little.
        is_plain = len(parts) == 1 and not any(each.is_blocking for each in parts[0].rounds)
        beside = self._chance.choice((0, 900, 4000)) if is_plain else 0
        return Program(tuple(self._steps), parts, beside)

    def _part(self) -> Part:
        how: How = self._chance.choice(("loop", "loop", "runtime", "code"))
        self._first = len(self._steps)
        many = 1 if how == "code" else self._chance.randint(1, 4)
        if many == 1:
            # Where responses can be joined, nothing but the order of the steps is changed.
            way = self._chance.choice(
                ("serial", "gather") if how == "code" else ("serial", "gather", "blocking", "places")
            )
            rounds = [self._round(how, self._chance.randint(2, 4), "gather" if how == "runtime" else way)]
        else:
            ways = ("gather",) if how == "runtime" else ("serial", "serial", "gather")
            counts = [self._chance.choice((1, 1, 1, 2, 3)) for _ in range(many)]
            rounds = [self._round(how, count, self._chance.choice(ways)) for count in counts]
        return Part(how, tuple(rounds), self._chance.choice((200, 700)))

    def _round(self, how: How, count: int, way: str) -> Round:
        steps = [self._step(how, is_alone=count == 1, calls=way == "blocking") for _ in range(count)]
        numbers = [step.number for step in steps]
        if way != "serial":
            # What runs at once writes nothing, or what it gives would be a matter of luck.
            for number in numbers:
                self._steps[number] = replace(self._steps[number], writes=())
        waits = {number: frozenset(numbers[:at] if way == "serial" else ()) for at, number in enumerate(numbers)}
        needs = {step.number: step.needs for step in steps}
        if how != "code":
            # What one response asks for was given before any of it had ended.
            for number in numbers:
                if needs[number] in numbers:
                    self._steps[number] = replace(self._steps[number], needs=None)
        elif way != "serial":
            waits = {number: frozenset(each for each in numbers if each == needs[number]) for number in numbers}
        return Round(waits, 2 if way == "places" and count > 2 else None, way == "blocking")

    def _step(self, how: How, *, is_alone: bool, calls: bool) -> Step:
        chance, number = self._chance, len(self._steps)
        is_agent = how != "loop" or calls or chance.random() < 0.7
        many = chance.choice((1, 1, 2)) if is_agent and how != "runtime" else 1
        calls_ms = tuple(chance.choice((300, 500, 800, 1500)) for _ in range(many))
        reads, writes = (self._paths(), self._paths()) if how != "runtime" else ((), ())
        # Of what a response asks for together, the order is only meant where it is declared.
        is_declared = chance.random() < 0.7 or not (is_alone or how == "code")
        needs = chance.choice((None, None, None, number - 1)) if number > self._first else None
        kind = f"{chance.choice(('audit', 'count', 'trace'))}_{number}"
        step = Step(number, kind, calls_ms, is_agent, reads, writes, is_declared, needs)
        self._steps.append(step)
        return step

    def _paths(self) -> tuple[str, ...]:
        return tuple(path for path in _EFFECTS if self._chance.random() < 0.15)


# ── performed ────────────────────────────────────────────────────────────────────────────────────────────────────────


def performed(program: Program) -> Performed:
    """Return what `program` gives on a clock of its own."""
    stage = _Stage(program)
    _, run = perform(stage.play, stage.respond)
    steps = dict(stage.ids)
    for node in run.root.walk():
        call = str(node.attributes.get(semconv.TOOL_CALL_ID, ""))
        if node.kind == "tool" and call.startswith("toolu_s"):
            steps[node.id] = int(call.removeprefix("toolu_s"))
    return Performed(stage.outputs, stage.world, run, steps)


class _Stage:
    """A program that is performed."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.outputs: dict[int, str] = {}
        self.world: dict[str, str] = {}
        self.ids: dict[str, int] = {}
        teams = [part for part in program.parts if part.how == "runtime"]
        self.of_runtime = {number for part in teams for number in part.steps}

    async def play(self, clients: Clients) -> None:
        beside = self.program.beside_ms
        await asyncio.gather(self._parts(clients), *([self._beside(clients)] if beside else []))

    async def _beside(self, clients: Clients) -> None:
        with tracekit.agent("watcher"):
            await self._ask(clients, "You watch.", [_user("Watch.")])

    async def _parts(self, clients: Clients) -> None:
        parts = self.program.parts
        if all(part.after == {*range(at)} for at, part in enumerate(parts)):
            for number, part in enumerate(parts):
                await self._part(clients, number, part)
        else:
            # There are two at the most.
            await asyncio.gather(*(self._part(clients, number, part) for number, part in enumerate(parts)))

    async def _part(self, clients: Clients, number: int, part: Part) -> None:
        if part.how == "code":
            with tracekit.agent(f"pipeline_{number}"):
                await self._run_round(clients, part, part.rounds[0])
        elif part.how == "loop":
            await self._lead(clients, number, part)
        else:
            await self._team(clients, number, part)

    async def _lead(self, clients: Clients, number: int, part: Part) -> None:
        messages: list[Any] = [_user(self._task(part))]
        with tracekit.agent(f"lead_{number}"):
            for each in (*part.rounds, None):
                with tracekit.turn():
                    answer = await self._ask(clients, f"You lead part {number}.", messages)
                    if each is not None:
                        await self._run_round(clients, part, each)
                        results = [
                            {"type": "tool_result", "tool_use_id": f"toolu_s{step}", "content": self.outputs[step]}
                            for step in each.waits
                        ]
                        messages = [*messages, {"role": "assistant", "content": answer.content}, _user(results)]

    async def _team(self, clients: Clients, number: int, part: Part) -> None:
        steps = [self.program.steps[step] for step in part.steps]
        form = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
        subagents = [
            tracekit.Subagent(step.kind, "Works on an item.", MODEL, f"You are {step.kind}.", form) for step in steps
        ]
        system = f"You lead part {number}."
        team = tracekit.Orchestrator(
            name=f"lead_{number}",
            model=MODEL,
            system=system,
            client=clients.of_loop,
            subagents=subagents,
            max_concurrency=99,
        )
        await team.run(self._task(part))

    async def _run_round(self, clients: Clients, part: Part, each: Round) -> None:
        numbers, places = list(each.waits), asyncio.Semaphore(each.places or len(each.waits))

        async def limited(number: int) -> None:
            async with places:
                await self._work(clients, part, each, self.program.steps[number])

        if all(each.waits[number] == {*numbers[:at]} for at, number in enumerate(numbers)):
            for number in numbers:
                await self._work(clients, part, each, self.program.steps[number])
            return
        ended = {number: asyncio.Event() for number in numbers}

        async def in_turn(number: int) -> None:
            for other in each.waits[number]:
                await ended[other].wait()
            await limited(number)
            ended[number].set()

        await asyncio.gather(*map(in_turn, numbers))

    async def _work(self, clients: Clients, part: Part, each: Round, step: Step) -> None:
        given = self._input(step)
        reads, writes = (step.reads, step.writes) if step.is_declared else (None, None)
        seen = [self.world.get(path, "") for path in step.reads]
        if part.how == "code":
            with tracekit.agent(step.kind) as span:
                self.ids[span.id] = step.number
                with tracekit.tool("load", input={"item": given}, reads=reads, writes=writes):
                    pass
                output = await self._talk(clients, each, step, given, seen)
        else:
            call, arguments = f"toolu_s{step.number}", {"item": given}
            tool = tracekit.tool(step.kind, call_id=call, input=arguments, reads=reads, writes=writes)
            with tool, tracekit.agent(step.kind) if step.is_agent else nullcontext():
                output = await self._talk(clients, each, step, given, seen)
        self.outputs[step.number] = output
        self.world.update(dict.fromkeys(step.writes, output))

    async def _talk(self, clients: Clients, each: Round, step: Step, given: str, seen: Sequence[str]) -> str:
        words = " ".join(filter(None, (given, *seen)))
        if not step.is_agent:
            await asyncio.sleep(step.calls_ms[0] / 1000)
            return _output(step, words)
        messages: list[Any] = [_user(words)]
        for _ in step.calls_ms:
            answer = await self._ask(clients, f"You are {step.kind}.", messages, is_blocking=each.is_blocking)
            messages = [*messages, {"role": "assistant", "content": answer.content}, _user("Go on.")]
        return str(answer.content[0].text)

    async def _ask(self, clients: Clients, system: str, messages: Sequence[Any], *, is_blocking: bool = False) -> Any:
        request: dict[str, Any] = {"model": MODEL, "max_tokens": 500, "system": system, "messages": [*messages]}
        if is_blocking:
            return clients.blocking.messages.create(**request)
        return await clients.of_loop.messages.create(**request)

    def _input(self, step: Step) -> str:
        needed = "" if step.needs is None else f" with {self.outputs[step.needs]}"
        return f"docs/part{step.number}.md{needed}"

    def _task(self, part: Part) -> str:
        return "Work on " + ", ".join(f"docs/part{number}.md" for number in part.steps)

    # ── the model ────────────────────────────────────────────────────────────────────────────────────────────────

    def respond(self, asked: ReceivedRequest) -> ScriptedResponse:
        """Answer as the model does."""
        body = asked.json()
        system = body["system"] if isinstance(body["system"], str) else body["system"][0]["text"]
        done = sum(each["role"] == "assistant" for each in body["messages"])
        if system == "You watch.":
            return message(text("Nothing."), delay_s=self.program.beside_ms / 1000)
        if system.startswith("You lead"):
            return reply(asked, self._led(int(system.rpartition(" ")[2].rstrip(".")), done))
        step = next(step for step in self.program.steps if system == f"You are {step.kind}.")
        words = body["messages"][0]["content"]
        words = words if isinstance(words, str) else words[0]["text"]
        output = _output(step, words)
        if step.number in self.of_runtime:
            # A subagent of the runtime gives what it says.
            self.outputs[step.number] = output
        said = output if done == len(step.calls_ms) - 1 else "So far so good."
        return reply(asked, message(text(said), delay_s=step.calls_ms[done] / 1000))

    def _led(self, number: int, done: int) -> ScriptedResponse:
        part = self.program.parts[number]
        steps = list(part.rounds[done].waits) if done < len(part.rounds) else []
        uses = [
            tool_use(self.program.steps[step].kind, {"item": self._input(self.program.steps[step])}, f"toolu_s{step}")
            for step in steps
        ]
        return message(text("Now these." if uses else "Done."), *uses, delay_s=part.lead_ms / 1000)


def _user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def _output(step: Step, words: str) -> str:
    """Return a name that nobody can know who did not get it."""
    return "x" + sha256(f"{step.kind} {words}".encode()).hexdigest()[:12]


# ── mended ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def mended(program: Program, done: Performed, change: Change) -> Program:
    """Return `program`, which gave `done`, with `change`: what begins together waits for the same, and is not held up."""
    nodes = {node.id: node for node in done.run.root.walk()}
    for id, (other, _) in change.begins.items():
        first, moved = _steps_of(done, nodes[other]), _steps_of(done, nodes[id])
        homes = [[part for part in program.parts if {*part.steps} & {*each}] for each in (first, moved)]
        if homes[0] == homes[1]:
            parts = tuple(_moved(part, first, moved) if part in homes[0] else part for part in program.parts)
        else:
            parts = tuple(replace(part, after=frozenset()) if part in homes[1] else part for part in program.parts)
        program = replace(program, parts=parts)
    steps = list(program.steps)
    for id, duration_ns in change.durations.items():
        if nodes[id].kind in ("tool", "agent") and id not in change.begins:
            (number,) = _steps_of(done, nodes[id])
            part = duration_ns / nodes[id].duration_ns(0)
            steps[number] = replace(steps[number], calls_ms=tuple(round(ms * part) for ms in steps[number].calls_ms))
    return replace(program, steps=tuple(steps))


def _steps_of(done: Performed, node: Node) -> list[int]:
    """The steps at or below `node`."""
    return [done.steps[each.id] for each in node.walk() if each.id in done.steps]


def _moved(part: Part, first: Sequence[int], moved: Sequence[int]) -> Part:
    """Return `part` with the steps `moved` begun with those called `first`, by one response or by code."""
    rounds = [each for each in part.rounds if each.waits.keys() & {*first, *moved}]
    waits = {number: before for each in rounds for number, before in each.waits.items()}
    if len(rounds) == 1:
        waits |= dict.fromkeys(moved, waits[first[0]])
    together = Round(waits)
    return replace(
        part, rounds=tuple(together if each is rounds[0] else each for each in part.rounds if each not in rounds[1:])
    )
