"""Runs for the rules on tokens and cost (TK3xx)."""

from __future__ import annotations

from typing import Any

from tests.support.build import assistant, said, user
from tests.support.scenarios import Ask, Say, Story, Tool, Turn

OPUS, SONNET, HAIKU = "claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"
CONTRACT = "".join(f"Clause {n}: the parties of part {n * 7} agree on it. " for n in range(500))
LOG = "".join(f"{n:05} worker {n * 37 % 101} took {n * 13 % 997} ms\n" for n in range(1200))
SORT = "Sort the mail: spam or ham."
SEARCH = {"type": "web_search_20250305", "name": "web_search"}


def about(question: str, **more: Any) -> Say:
    """A question on the contract, which is the system prompt."""
    return Say(question, f"It says so on {question}", system=CONTRACT, tokens=7000, **more)


def chat(count: int, **more: Any) -> tuple[Say, ...]:
    """A conversation that grows, without a cache."""
    told: tuple[dict[str, Any], ...] = ()
    says = []
    for number in range(count):
        told = (*told, user(f"{CONTRACT if not number else ''} And clause {number}?"))
        says.append(Say(told, f"Clause {number} is plain.", tokens=7000, **more))
        told = (*told, assistant(said(f"Clause {number} is plain.")))
    return tuple(says)


def sort(number: int, model: str = HAIKU, says: str = "spam", **more: Any) -> Say:
    values = {"agent": "sort_agent", "system": SORT, "model": model, "beside": True, **more}
    return Say(f"Mail {number}: win a prize.", says, **values)


def debug(*then: str, output: str = LOG, name: str = "read_file") -> Story:
    """An agent that reads a log, and says `then` call by call, with a note each time."""
    first = Tool(name, {"path": "app.log"}, output, reads=("app.log",))
    notes = tuple(Tool("note", {"text": text}, "noted") for text in then)
    ask = Ask("debug_agent", {"log": "app.log"}, "Found.", 9000, tools=(first, *notes), cached=True)
    return Story("", "Find it.", (Turn((ask,)),))


def named(name: str, story: Story, *hit: str) -> Story:
    return Story(name, story.task, story.turns, hit=frozenset(hit))


NOTES = ("one", "two", "three", "four", "five")
QUOTES = tuple(LOG[at : at + 90] for at in range(0, 9000, 1800))

HITS: tuple[Story, ...] = (
    Story("a chat on a long document", "", talk=chat(5), hit=frozenset({"TK301"})),
    Story("questions on one contract", "", talk=tuple(about(q) for q in ("Term?", "Price?", "Law?")), hit=frozenset({"TK301"})),
    Story("questions on one document of the user", "", talk=tuple(Say((user([said(CONTRACT), said(q)]),), f"On {q}", tokens=7000) for q in ("Term?", "Price?", "Law?", "Place?")), hit=frozenset({"TK301"})),
    Story("questions with a block of their own behind the contract", "", talk=tuple(Say((user([said(CONTRACT), said(f"Customer {n}."), said("Term?")]),), f"On {n}.", tokens=7000) for n in range(4)), hit=frozenset({"TK301"})),
    Story("the same mail sorted in two steps", "", talk=(Say("Mail 1.", "spam", system=SORT), Say("Reply to mail 1.", "Dear you.", system="Reply."), Say("Mail 1.", "spam", system=SORT)), hit=frozenset({"TK302"})),
    Story("rows with the same among them", "", talk=tuple(Say(row, f"kind of {row}") for row in ("red shoe", "hat", "red shoe", "coat", "red shoe")), hit=frozenset({"TK302"})),
    Story("two large among small", "", talk=tuple(sort(n, OPUS if n > 3 else HAIKU) for n in range(6)), hit=frozenset({"TK303"})),
    Story("large in the first half", "Sort.", (Turn(tuple(Ask("sort_agent", {"mail": f"m{n}"}, "ham", 900, model=OPUS) for n in range(2))), Turn(tuple(Ask("sort_agent", {"mail": f"m{n}"}, "ham", 900, model=HAIKU) for n in range(2, 4)), words="ham")), hit=frozenset({"TK103", "TK303"})),
    Story("large for short mails, and one long", "", talk=(*(sort(n) for n in range(3)), sort(4, OPUS), sort(5, OPUS, tokens=9000)), hit=frozenset({"TK303"})),
    named("a log carried through notes", debug(*NOTES), "TK304"),
    named("a log that was quoted once, and carried on", debug(QUOTES[0], *NOTES), "TK304"),
    named("a log read by another tool, and carried", debug(*NOTES, name="view_file"), "TK304"),
)  # fmt: skip

MISSES: tuple[Story, ...] = (
    Story("a chat with a cache", "", talk=chat(5, cached=True)),
    Story("questions on one contract, cached", "", talk=tuple(about(q, cached=True) for q in ("Term?", "Price?", "Law?"))),
    Story("questions on one contract at the same time", "", talk=tuple(about(q, beside=True, gap=2) for q in ("Term?", "Price?", "Law?"))),
    Story("questions on one contract, far apart", "", talk=tuple(about(q, gap=400_000) for q in ("Term?", "Price?", "Law?"))),
    Story("a prompt that begins with the time", "", talk=tuple(Say(f"Clause {n}?", f"It is {n}.", system=f"It is 10:0{n}. {CONTRACT}", tokens=7000) for n in range(5))),
    Story("the customer at the end of one long prompt", "", talk=tuple(Say("Term?", f"On {n}.", system=f"{CONTRACT} For customer {n}.", tokens=7000) for n in range(5))),
    Story("a short prompt before other texts", "", talk=tuple(Say(f"{n}{CONTRACT}", f"On {n}.", system="Sum up.", tokens=7000) for n in range(4))),
    Story("two questions on one contract", "", talk=(about("Term?"), about("Price?"))),
    Story("votes on one question", "", talk=tuple(Say("Is it spam?", "yes", more={"temperature": 1}) for _ in range(5))),
    Story("samples one after the other", "", talk=tuple(Say("A slogan, please.", f"Slogan {n}.") for n in range(5))),
    Story("votes of which one differs", "", talk=tuple(Say("Is it spam?", "no" if n == 3 else "yes", agent="voter") for n in range(5))),
    Story("the web asked again and again", "", talk=tuple(Say("Is the page green?", "Yes.", gap=3000, more={"tools": [SEARCH]}) for _ in range(4))),
    Story("asked again as the answer was cut", "", talk=(Say("As JSON?", '{"a":', stop="max_tokens", more={"max_tokens": 9}), Say("Else.", "So."), Say("As JSON?", '{"a":', more={"max_tokens": 9}))),
    Story("the same words to another model", "", talk=(Say("Mail 1.", "spam"), Say("Mail 2.", "ham"), Say("Mail 1.", "spam", system=SORT))),
    Story("the larger model where the smaller is not sure", "", talk=(sort(1), sort(2, says="unsure"), sort(2, OPUS), sort(3))),
    Story("two models compared", "", talk=tuple(sort(n, model) for n in range(3) for model in (HAIKU, OPUS))),
    Story("the larger model for long mails", "", talk=(*(sort(n, tokens=100) for n in range(3)), *(sort(n, OPUS, tokens=4000) for n in range(3, 5)))),
    Story("a page translated by a large model", "", talk=(*(sort(n, says="ein Wort " * 60) for n in range(3)), sort(4, OPUS, says="ein Wort " * 60))),
    Story("a large lead with small workers", "Sort.", (Turn(tuple(Ask("sort_agent", {"mail": f"m{n}"}, "ham", 900 + n, model=HAIKU) for n in range(3))),)),
    Story("a log that each note quotes from", debug().task, debug(*QUOTES).turns),
    Story("a log that the last notes quote from", debug().task, debug("one", "two", *QUOTES[:2], "three").turns),
    Story("rows of a query carried along", debug().task, debug(*NOTES, name="run_query").turns),
    Story("a log of a few pages", debug().task, debug(*NOTES, output=LOG[:9000]).turns),
    Story("a log carried through two notes", debug().task, debug("one", "two").turns),
)  # fmt: skip
