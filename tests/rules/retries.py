"""Runs for the rules on retries (TK2xx): the SDK's and the program's own."""

from __future__ import annotations

from collections.abc import Iterator

from tests.support.scenarios import Ask, Say, Story, Turn


def audit(number: int, **more: object) -> Ask:
    values: dict[str, object] = {"output": f"Part {number} is fine.", "ms": 3000 + 10 * number, **more}
    return Ask("audit_agent", {"folder": f"src/f{number}"}, **values)  # type: ignore[arg-type]


def own(question: str, *waits: int, answered: bool = True, status: int = 529) -> Iterator[Say]:
    """A request that the program itself sends again after each of `waits`."""
    for number in range(len(waits) + 1):
        gap = waits[number - 1] if number else 50
        if number == len(waits) and answered:
            yield Say(question, f"On {question}: well.", gap=gap)
        else:
            yield Say(question, ms=20, gap=gap, failed=True, status=status)


def quick(number: int, ms: int = 800) -> Say:
    return Say(f"Label row {number}.", f"Label {number}.", ms=ms)


def rows(count: int, **more: object) -> tuple[Say, ...]:
    """Rows that a program has labelled beside one another."""
    return tuple(Say(f"Label row {n}.", f"Label {n}.", beside=True, gap=2, **more) for n in range(count))  # type: ignore[arg-type]


def fan(*refused: int, first: int = 0) -> Turn:
    """Six agents at once, from number `first` on, some of which are told 429."""
    return Turn(tuple(audit(n, retries=(40,) if n in refused else (), status=429) for n in range(first, first + 6)))


HITS: tuple[Story, ...] = (
    Story("retries in a row", "", talk=tuple(Say(f"Step {n}.", f"Did {n}.", 400, retries=(500,), status=500) for n in range(6)), hit=frozenset({"TK201", "TK204"})),
    Story("retries of the program's own", "", talk=tuple(say for n in range(3) for say in own("On " * n + "Part 0?" + ": well." * n, 40, 40)), hit=frozenset({"TK201"})),
    Story("retries of a pool", "", talk=tuple(Say(f"Row {n}.", f"Is {n}.", 4000, beside=True, gap=2, retries=(100, 200)) for n in range(5)), hit=frozenset({"TK201"})),
    Story("the program's own retries did not help", "", talk=(quick(1), *own("Row 2?", 100, 100, answered=False), quick(3), quick(4)), hit=frozenset({"TK202"})),
    Story("one of many calls failed for good", "", talk=(*(quick(n) for n in range(4)), Say("Row 9.", ms=20, retries=(300, 300), failed=True)), hit=frozenset({"TK202"})),
    Story("refused to the end by the rate limit", "Audit.", (Turn((audit(1), audit(2), audit(3, retries=(50,), status=429, exhausted=True, failed=True))),), hit=frozenset({"TK202"})),
    Story("a pool refused by the rate limit", "", talk=(*rows(5), *rows(3, retries=(100,), status=429), quick(20)), hit=frozenset({"TK203"})),
    Story("agents of the program's own, refused", "", crew=tuple(audit(n, retries=(100,) if n > 3 else (), status=429) for n in range(6)), crew_how="together", hit=frozenset({"TK203"})),
    Story("two fan-outs refused", "Audit.", (fan(4, 5), Turn((Ask("fix_agent", {"what": "Part 5 is fine."}, "Done."),)), fan(13, 14, 15, first=10)), hit=frozenset({"TK203"})),
    Story("waits of the program's own", "", talk=(quick(1), *own("Row 2?", 2000, 2000), quick(3)), hit=frozenset({"TK204"})),
    Story("a long retry-after in a row of steps", "", talk=(quick(1), Say("Step 2.", "Did.", 800, retries=(4000,), status=429), quick(3)), hit=frozenset({"TK204"})),
    Story("a quota that is used up", "Audit.", (Turn(tuple(audit(n, retries=(10,), status=429, ms=200, exhausted=True, failed=True) for n in range(3))),), hit=frozenset({"TK202"})),
)  # fmt: skip

MISSES: tuple[Story, ...] = (
    Story("retries spread over a long day", "", talk=tuple(Say(f"Ticket {n}.", f"Kind {n}.", 9000, retries=(500,) if n % 6 == 0 else ()) for n in range(40))),
    Story("four retries of one call among many", "", talk=(*(quick(n) for n in range(12)), Say("Row 20.", "So.", retries=(40,) * 4))),
    Story("lost connections, now and then", "", talk=tuple(Say(f"Essay {n}.", f"Good {n}.", 2000, retries=(300,) if n in (2, 6) else ()) for n in range(8))),
    Story("a quarter of the attempts were retries", "", talk=tuple(Say(f"Essay {n}.", f"Good {n}.", 4000, retries=(100,) if n % 3 == 0 else ()) for n in range(18))),
    Story("the same question again after its answer", "", talk=tuple(Say("Toss.", f"It is {n}.") for n in range(8))),
    Story("five retries by two calls", "", talk=(Say("A?", "A.", 9000, retries=(40, 40, 40)), Say("B?", "B.", 9000, retries=(40, 40)))),
    Story("retries of the program's own that helped", "", talk=(quick(1, 9000), *own("Row 2?", 100, 100), quick(3, 9000))),
    Story("another model stepped in at once", "", talk=(Say("Plan.", ms=20, failed=True), Say("Plan.", "So.", model="claude-haiku-5-5", more={"temperature": 0}))),
    Story("cancelled during its second attempt", "", talk=(Say("Capital?", "Lima.", 2000), Say("Capital again?", ms=900, beside=True, gap=20, retries=(100,), stopped=True))),
    Story("given up by the SDK, and answered later", "", talk=(Say("Row 2.", ms=20, retries=(50,), failed=True), quick(3, 9000), Say("Row 2.", "Two."))),
    Story("a request that is wrong", "", talk=(quick(1), Say("Too big.", ms=20, failed=True, status=400), quick(2))),
    Story("one failure without a retry", "", talk=(quick(1), Say("Row 2.", ms=20, failed=True), quick(3))),
    Story("tried once more and answered", "", talk=(quick(1, 4000), Say("Row 2.", "Two.", 4000, retries=(100, 100)))),
    Story("refused in pairs", "", talk=(Say("A?", "A.", 9000, retries=(100,), status=429), Say("B?", "B.", 9000, beside=True, retries=(100,), status=429))),
    Story("refused in a row", "", talk=tuple(Say(f"Row {n}.", f"Is {n}.", 3000, retries=(100,) if n in (3, 7) else (), status=429) for n in range(10))),
    Story("a pool, and the call after it, refused", "", talk=(*rows(4), *rows(3, retries=(100,), status=429), Say("Sum up.", "So.", 9000, retries=(100,), status=429))),
    Story("a pool overloaded by others", "", talk=(*rows(5), *rows(3, retries=(100,)), quick(20, 9000))),
    Story("one row of a pool refused", "", talk=(*rows(6), *rows(1, retries=(100,), status=429), quick(20, 9000))),
    Story("polled with pauses", "", talk=tuple(Say(f"Is it done at tick {n}?", "No." if n < 4 else "Yes.", 300, gap=2000) for n in range(5))),
    Story("a wait of the program's own beside a longer call", "", talk=(Say("All of it.", "So.", 9000), Say("A part.", ms=20, beside=True, gap=10, failed=True), Say("A part.", "Well.", 1000, gap=2000))),
    Story("waits of a tenth", "", talk=(quick(1, 9000), *own("Row 2?", 900), quick(3, 9000))),
    Story("waits on the shorter branches", "Audit.", (Turn((audit(1, ms=9000), audit(2, retries=(2500,)), audit(3, retries=(2500,)))),)),
)  # fmt: skip
