"""Runs for the rules on retries, cost and structure: those that hold something, and those that must stay silent."""

from __future__ import annotations

from tests.support.scenarios import Ask, Story, Tool, Turn, one_by_one

OPUS, HAIKU = "claude-opus-5-5", "claude-haiku-5-5"
LOG = "line of the log\n" * 1300


def audit(number: int, **more: object) -> Ask:
    values: dict[str, object] = {"output": f"Part {number} is fine.", "ms": 3000 + 10 * number, **more}
    return Ask("audit_agent", {"folder": f"src/f{number}"}, **values)  # type: ignore[arg-type]


def reading(path: str, times: int, output: str = "short") -> tuple[Tool, ...]:
    others = tuple(
        Tool("read_file", {"path": f"src/{n}.py"}, f"text {n}", reads=(f"src/{n}.py",)) for n in range(times)
    )
    return (Tool("read_file", {"path": path}, output, reads=(path,)), *others)


HITS: tuple[Story, ...] = (
    Story(
        "many retries",
        "Audit.",
        (Turn(tuple(audit(n, retries=(4, 4, 4)) for n in range(4))),),
        hit=frozenset({"TK201"}),
    ),
    Story(
        "retries that did not help",
        "Audit.",
        (Turn((audit(1), audit(2, retries=(100, 200), exhausted=True, failed=True))),),
        hit=frozenset({"TK202"}),
    ),
    Story(
        "a fan-out refused by the rate limit",
        "Audit.",
        (Turn(tuple(audit(n, retries=(40,) if n > 2 else (), status=429) for n in range(6))),),
        hit=frozenset({"TK203"}),
    ),
    Story("waits that dominate", "Audit.", (Turn((audit(1, retries=(8000,)),)),), hit=frozenset({"TK204"})),
    Story(
        "waits on two branches",
        "Audit.",
        (Turn((audit(1, retries=(6000,)), audit(2, retries=(6500,)))),),
        hit=frozenset({"TK204"}),
    ),
    Story(
        "a history without a cache",
        "Audit.",
        (Turn((audit(1, tokens=9000, tools=reading("src/a.py", 3)),)),),
        hit=frozenset({"TK301"}),
    ),
    Story(
        "the same asked twice",
        "Audit.",
        one_by_one(audit(1), audit(1)),
        hit=frozenset({"TK302"}),
    ),
    Story(
        "the same asked by two",
        "Audit.",
        (
            Turn((Ask("first_agent", {"q": "Where is it?"}, "Here.", system="You know all."),)),
            Turn(
                (Ask("second_agent", {"q": "Where is it?"}, "Here.", system="You know all."),), words="Based on that:"
            ),
        ),
        hit=frozenset({"TK302"}),
    ),
    Story(
        "a large model for what a small one does",
        "Sort the mails.",
        (
            Turn(
                tuple(
                    Ask("classify_agent", {"mail": f"m{n}"}, "spam", 900 + n, model=m)
                    for n, m in enumerate((OPUS, HAIKU))
                )
            ),
        ),
        hit=frozenset({"TK303"}),
    ),
    Story(
        "a long result carried along",
        "Find it.",
        (
            Turn(
                (Ask("debug_agent", {"log": "app.log"}, "Found.", 6000, tools=reading("app.log", 4, LOG), cached=True),)
            ),
        ),
        hit=frozenset({"TK304"}),
    ),
    Story(
        "the very same request again",
        "Explain all.",
        tuple(Turn(words="And so", ms=400, stop="max_tokens", forgets=True) for _ in range(3)),
        hit=frozenset({"TK401"}),
    ),
    Story("a cut report", "Audit.", (Turn((audit(1, stop="max_tokens"),)),), hit=frozenset({"TK402"})),
    Story(
        "a result that was left out",
        "Audit.",
        (Turn((audit(1), audit(2, dropped=True))),),
        hit=frozenset({"TK403"}),
    ),
    Story("left open", "Audit.", (Turn((audit(1),)),), left_open=True, hit=frozenset({"TK404"})),
)

MISSES: tuple[Story, ...] = (
    Story("one call with many retries", "Audit.", (Turn((audit(1, retries=(5, 5, 5, 5, 5)), audit(2))),)),
    Story("two retries in all", "Audit.", (Turn((audit(1, retries=(5,)), audit(2, retries=(5,)), audit(3))),)),
    Story("a retry that helped", "Audit.", (Turn((audit(1, retries=(100, 200)),)),)),
    Story("failed at once", "Audit.", (Turn((audit(1, failed=True), audit(2))),)),
    Story(
        "one of a fan-out was refused",
        "Audit.",
        (Turn(tuple(audit(n, retries=(40,) if n == 1 else (), status=429) for n in range(5))),),
    ),
    Story(
        "overload is the API's own",
        "Audit.",
        (Turn(tuple(audit(n, retries=(40,) if n > 2 else ()) for n in range(5))),),
    ),
    Story(
        "refused when alone, too",
        "Audit.",
        (
            Turn(tuple(audit(n, retries=(40,) if n > 2 else (), status=429) for n in range(5))),
            Turn((Ask("fix_agent", {"what": "Part 3 is fine."}, "Done.", retries=(40,), status=429),)),
        ),
    ),
    Story(
        "a wait beside a longer branch",
        "Audit.",
        (Turn((audit(1, retries=(2000,)), audit(2, ms=9000), audit(3, ms=6000))),),
    ),
    Story("a short wait", "Audit.", (Turn((audit(1, retries=(300,), ms=9000),)),)),
    Story(
        "a history with a cache", "Audit.", (Turn((audit(1, tokens=9000, cached=True, tools=reading("src/a.py", 3)),)),)
    ),
    Story("a short history without a cache", "Audit.", (Turn((audit(1, tokens=1000, tools=reading("src/a.py", 3)),)),)),
    Story("one long request", "Audit.", (Turn((audit(1, tokens=60_000),)),)),
    Story("samples at the same time", "Audit.", (Turn((audit(1), audit(1))),)),
    Story(
        "the same question, other answers",
        "Toss.",
        one_by_one(Ask("dice_agent", {"sides": "six"}, "Four."), Ask("dice_agent", {"sides": "six"}, "Two.")),
    ),
    Story(
        "a large model for another prompt",
        "Sort.",
        (
            Turn(
                (
                    Ask("classify_agent", {"mail": "m1"}, "spam", 900, model=OPUS, system="Judge the law."),
                    Ask("classify_agent", {"mail": "m2"}, "spam", 950, model=HAIKU, system="Judge the tone."),
                )
            ),
        ),
    ),
    Story(
        "a large model for long answers",
        "Sort.",
        (
            Turn(
                (
                    Ask("write_agent", {"mail": "m1"}, "word " * 600, 900, model=OPUS),
                    Ask("write_agent", {"mail": "m2"}, "word " * 10, 950, model=HAIKU),
                )
            ),
        ),
    ),
    Story(
        "models of like price",
        "Sort.",
        (
            Turn(
                (Ask("classify_agent", {"mail": "m1"}, "spam", 900), Ask("classify_agent", {"mail": "m2"}, "spam", 950))
            ),
        ),
    ),
    Story(
        "a long result used once",
        "Find it.",
        (
            Turn(
                (Ask("debug_agent", {"log": "app.log"}, "Found.", 6000, tools=reading("app.log", 0, LOG), cached=True),)
            ),
        ),
    ),
    Story(
        "short results carried along",
        "Find it.",
        (Turn((Ask("debug_agent", {"log": "app.log"}, "Found.", 6000, tools=reading("app.log", 5), cached=True),)),),
    ),
    Story("gone on once after max_tokens", "Explain all.", (Turn(words="And so", ms=400, stop="max_tokens"),)),
    Story(
        "asked to go on each time",
        "Explain all.",
        tuple(Turn((Ask("note", {"n": n}, f"noted {n}", 5, agent=False),), words="And so", ms=400) for n in range(4)),
    ),
    Story("a whole report", "Audit.", (Turn((audit(1, stop="end_turn"),)),)),
    Story("all results brought", "Audit.", (Turn((audit(1), audit(2))),)),
    Story("killed while open", "Audit.", (Turn((audit(1),)),), left_open=True, killed=True),
)
