"""The labelled set: stories whose right findings are known, by hand and by a generator.

The generator takes eight trades, each with its own names, subjects and ways to speak, and puts each through every
pattern: patterns in which work could have run together (`_HITS`), and patterns that look alike and must stay silent
(`_MISSES`). Nothing in it is random, so the set is the same each time. It is a regression set: it was written by those
who wrote the rules, and says nothing of runs that they have not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.rules import hard, judged, judged_misses, loops, money, others, programs, retries
from tests.support.scenarios import Ask, Story, Tool, Turn, one_by_one

__all__ = ["labelled"]

TIME, SPLIT, BATCH = frozenset({"TK101"}), frozenset({"TK103"}), frozenset({"TK102"})


@dataclass(frozen=True)
class Trade:
    """Words of one trade. `rephrased` is an answer and a task that builds on it without a word in common."""

    name: str
    reader: str
    teller: str
    writer: str
    checker: str
    key: str
    subjects: tuple[str, str, str, str]
    asks: str
    says: tuple[str, str, str, str]
    token: str
    change: str
    rephrased: tuple[str, str]
    lookup: tuple[str, str]


TRADES = (
    Trade(
        "code",
        "analysis_agent",
        "explain_agent",
        "refactor_agent",
        "test_agent",
        "path",
        ("src/cart.py", "src/stock.py", "src/mail.py", "src/login.py"),
        "Look for defects.",
        (
            "Rounding drifts by a cent.",
            "A lock is held too long.",
            "Subjects are cut.",
            "Passwords are compared slowly.",
        ),
        "DEF-731",
        "Repair it as DEF-731 says.",
        ("Every visitor sees the basket of whoever came before.", "Give each session its own copy of the collection."),
        ("find_symbol", "read_definition"),
    ),
    Trade(
        "support",
        "triage_agent",
        "reply_agent",
        "update_ticket",
        "verify_agent",
        "ticket",
        ("TCK-1041", "TCK-1042", "TCK-1043", "TCK-1044"),
        "How urgent is it?",
        ("Urgent, the parcel is lost.", "It can wait.", "The customer is angry.", "A duplicate."),
        "REF-88213",
        "Use reference REF-88213.",
        ("They wait for money since spring.", "Apologise for the overdue refund and promise a transfer."),
        ("find_customer", "get_contract"),
    ),
    Trade(
        "research",
        "research_agent",
        "draft_agent",
        "publish_agent",
        "validate_agent",
        "topic",
        ("solar panels", "heat pumps", "wind parks", "pumped storage"),
        "Collect figures.",
        ("Prices fell by half.", "Sales doubled.", "Permits take years.", "Few sites are left."),
        "doi:10.1234/xk88",
        "Cite doi:10.1234/xk88 in it.",
        ("Households shy away from the upfront bill.", "Describe instalment schemes that lower the entry barrier."),
        ("search_papers", "fetch_paper"),
    ),
    Trade(
        "finance",
        "extract_agent",
        "report_agent",
        "book_entry",
        "verify_totals",
        "statement",
        ("ACME-Q1", "ACME-Q2", "ACME-Q3", "ACME-Q4"),
        "Extract revenue and margin.",
        ("Margin 12 percent.", "Margin 13 percent.", "Revenue is flat.", "Revenue rose."),
        "48,213.70",
        "Carry over 48213.7 from before.",
        ("Suppliers raised what they charge twice.", "Model a scenario in which purchasing becomes dearer."),
        ("find_account", "get_balance"),
    ),
    Trade(
        "docs",
        "review_agent",
        "summary_agent",
        "edit_agent",
        "test_links",
        "page",
        ("docs/intro.md", "docs/setup.md", "docs/usage.md", "docs/faq.md"),
        "Is it clear?",
        ("Clear.", "The second step lacks a command.", "Too long.", "Questions repeat."),
        "sec_7f3a91bc22",
        "Rewrite sec_7f3a91bc22.",
        ("Newcomers give up when asked for a token.", "Write a paragraph that shows where credentials come from."),
        ("search_docs", "read_page"),
    ),
    Trade(
        "travel",
        "search_hotels",
        "plan_agent",
        "book_hotel",
        "verify_booking",
        "city",
        ("Lisbon", "Porto", "Faro", "Braga"),
        "Quiet, near the centre.",
        ("Casa Azul has rooms.", "Nothing under a hundred.", "Many rooms.", "One room is left."),
        "OFFER-5521",
        "Take OFFER-5521.",
        ("Rain is forecast all week long.", "Suggest museums and indoor markets."),
        ("find_offer", "get_offer"),
    ),
    Trade(
        "data",
        "profile_agent",
        "describe_agent",
        "migrate_agent",
        "run_checks",
        "table",
        ("orders_2024", "clients_eu", "stock_moves", "price_list"),
        "Count nulls and outliers.",
        ("Few nulls.", "Two outliers.", "Clean.", "A third is null."),
        "col_vat_rate_old",
        "Drop col_vat_rate_old.",
        ("Half of the phone entries lack their country prefix.", "Normalise dial codes for all contacts."),
        ("find_column", "get_column"),
    ),
    Trade(
        "legal",
        "clause_review",
        "letter_agent",
        "amend_contract",
        "validate_contract",
        "contract",
        ("lease-A.pdf", "lease-B.pdf", "loan-C.pdf", "nda-D.pdf"),
        "List unusual clauses.",
        ("Notice is short.", "Nothing unusual.", "A penalty stands in it.", "The term is endless."),
        "§12b-4417",
        "Strike §12b-4417.",
        ("The landlord may walk in whenever he pleases.", "Demand advance notice before visits of the premises."),
        ("find_clause", "get_clause"),
    ),
)


def labelled() -> list[Story]:
    """Every story of the set; what must be found surely or likely is its `hit`, empty where it must stay silent."""
    hits = [story for file in (hard, judged, others, retries, money, loops) for story in file.HITS]
    misses = [story for file in (hard, judged_misses, others, retries, money, loops) for story in file.MISSES]
    return [*hits, *misses, *programs.CAREFUL, *_generated()]


def _generated() -> Iterator[Story]:
    for trade in TRADES:
        for patterns, is_hit in ((_HITS, True), (_MISSES, False)):
            for name, pattern in patterns.items():
                story = pattern(trade)
                assert bool(story.hit) is is_hit, story.name
                yield replace(story, name=f"{trade.name}: {name}")


def _task(trade: Trade, *numbers: int) -> str:
    return f"Please look at {', '.join(trade.subjects[number] for number in numbers)}. {trade.asks}"


def _read(trade: Trade, number: int, **more: Any) -> Ask:
    values: dict[str, Any] = {"output": trade.says[number], "ms": 2000 + 300 * number, **more}
    return Ask(trade.reader, {"task": trade.asks, trade.key: trade.subjects[number]}, **values)


def _all(trade: Trade, **more: Any) -> tuple[Ask, ...]:
    return tuple(_read(trade, number, **more) for number in range(4))


def _write(trade: Trade, number: int, task: str = "Do it.", **more: Any) -> Ask:
    return Ask(trade.writer, {"task": task, trade.key: trade.subjects[number]}, "Done.", 2500, **more)


def _split(trade: Trade, task: str, *asks: Ask, hit: frozenset[str] = SPLIT, **more: Any) -> Story:
    return Story("", task, one_by_one(*asks), hit=hit, **more)


def _by_one_answer(trade: Trade, how: Any, hit: frozenset[str], **more: Any) -> Story:
    return Story("", _task(trade, 0, 1, 2, 3), (Turn(_all(trade), how=how),), hit=hit, **more)


def _crew(trade: Trade, *asks: Ask, hit: frozenset[str], how: Any = "serial") -> Story:
    return Story("", "", crew=asks, crew_how=how, hit=hit)


Pattern = Callable[[Trade], Story]

_HITS: dict[str, Pattern] = {
    "all in turns": lambda t: _split(t, _task(t, 0, 1, 2, 3), *_all(t)),
    "two in turns": lambda t: _split(t, _task(t, 0, 1), _read(t, 0), _read(t, 1)),
    "with tools of their own": lambda t: _split(
        t, _task(t, 0, 2), *(_read(t, n, tools=(Tool("search", {"q": t.subjects[n]}, "nothing"),)) for n in (0, 2))
    ),
    "with a retry": lambda t: _split(t, _task(t, 0, 1), _read(t, 0, retries=(200,)), _read(t, 1)),
    "the last two after a step that they need": lambda t: _split(
        t,
        "Do what is due.",
        Ask("plan_agent", {"goal": "due"}, f"Due: {t.token}."),
        *(Ask(t.reader, {"task": f"Read {t.token}.", t.key: t.subjects[n]}, t.says[n]) for n in (0, 1)),
    ),
    "a batch by one": lambda t: _by_one_answer(t, "serial", BATCH),
    "a batch by the SDK's runner": lambda t: _by_one_answer(t, "serial", BATCH, runner=True),
    "a blocked loop": lambda t: _by_one_answer(t, "blocked", TIME),
    "two places": lambda t: Story("", _task(t, 0, 1, 2, 3), (Turn(_all(t), limit=2),), hit=frozenset({"TK104"})),
    "one decides": lambda t: Story(
        "", _task(t, 0, 1, 2, 3), (Turn((*_all(t)[:3], _read(t, 3, ms=12_000))),), hit=frozenset({"TK105"})
    ),
    "the program's own": lambda t: _crew(t, *_all(t), hit=frozenset({"TK106"})),
    "the program's own, blocked": lambda t: _crew(t, *_all(t), hit=TIME, how="blocked"),
    "a team within": lambda t: Story(
        "",
        _task(t, 0, 1),
        (Turn((Ask("lead_of_two", {"goal": _task(t, 0, 1)}, "Done.", 1, team=one_by_one(_read(t, 0), _read(t, 1))),)),),
        hit=SPLIT,
    ),
}

_MISSES: dict[str, Pattern] = {
    "an id is quoted": lambda t: _split(
        t, _task(t, 0), _read(t, 0, output=f"It is {t.token}."), _write(t, 0, t.change), hit=frozenset()
    ),
    "an id is passed to the same kind": lambda t: _split(
        t,
        _task(t, 0),
        _read(t, 0, output=f"It is {t.token}."),
        Ask(t.reader, {"task": t.asks, t.key: t.token}, "Fine."),
        hit=frozenset(),
    ),
    "a change, then a check": lambda t: _split(
        t, _task(t, 0), _write(t, 0), Ask(t.checker, {t.key: t.subjects[0]}, "All fine."), hit=frozenset()
    ),
    "a change, then a look": lambda t: _split(t, _task(t, 0), _write(t, 0), _read(t, 0), hit=frozenset()),
    "rephrased": lambda t: _split(
        t,
        _task(t, 0),
        _read(t, 0, output=t.rephrased[0]),
        Ask(t.teller, {"task": t.rephrased[1]}, "Here it is."),
        hit=frozenset(),
    ),
    "it points back": lambda t: _split(
        t,
        _task(t, 0, 1),
        _read(t, 0),
        Ask(t.reader, {"task": "Compare it with the previous result.", t.key: t.subjects[1]}, "Alike."),
        hit=frozenset(),
    ),
    "a lookup that is followed": lambda t: _split(
        t,
        "Look it up.",
        Ask(t.lookup[0], {"q": "it"}, f'{{"found": "{t.token}"}}', 900, agent=False),
        Ask(t.lookup[1], {"id": t.token}, "This.", 900, agent=False),
        hit=frozenset(),
    ),
    "together": lambda t: _by_one_answer(t, "together", frozenset()),
    "nothing recorded": lambda t: _split(t, _task(t, 0, 1), _read(t, 0), _read(t, 1), hit=frozenset(), content="off"),
    "only its form": lambda t: _split(t, _task(t, 0, 1), _read(t, 0), _read(t, 1), hit=frozenset(), content="metadata"),
    "the first failed": lambda t: _split(
        t, _task(t, 0, 1), _read(t, 0, failed=True, output="TimeoutError: none"), _read(t, 1), hit=frozenset()
    ),
    "in the background": lambda t: Story(
        "", _task(t, 0, 1), (Turn((_read(t, 0, ms=9000, outlives=True),)), Turn((_read(t, 1),)))
    ),
    "news between": lambda t: Story(
        "", _task(t, 0), (Turn((_read(t, 0),), news=f"Now {t.subjects[1]}, too."), Turn((_read(t, 1),)))
    ),
    "two machines": lambda t: _split(t, _task(t, 0, 1), _read(t, 0, host="a"), _read(t, 1, host="b"), hit=frozenset()),
    "a pipeline of the program's": lambda t: _crew(
        t,
        _read(t, 0, output=f"The outcome is {t.token}, as was to be shown."),
        Ask(t.teller, {"task": f"Tell: The outcome is {t.token}, as was to be shown."}, "…"),
        hit=frozenset(),
    ),
    "fast": lambda t: Story(
        "",
        _task(t, 0, 1),
        (
            Turn(
                (Ask(t.lookup[0], {"q": "x"}, "y", 2, agent=False), Ask(t.lookup[1], {"id": "z"}, "y", 3, agent=False)),
                how="serial",
            ),
        ),
    ),
    "beside something longer": lambda t: Story(
        "",
        _task(t, 0, 1),
        (
            Turn(
                (
                    Ask("deep_agent", {"goal": "all"}, "Done.", 30_000),
                    Ask("lead_of_two", {"goal": _task(t, 0, 1)}, "Done.", 1, team=one_by_one(_read(t, 0), _read(t, 1))),
                )
            ),
        ),
    ),
}
