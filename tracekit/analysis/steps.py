"""Whether a work is one thing done to several, or the next step of something: what its task says of that, and its name.

A step may have been asked for only in view of what came of the one before, though it was given none of it: the next
round of a game, a version that halves what is left to search, a chapter, whatever is worked on with a glossary that
grows. Each function gives the reason as part of a sentence, empty where there is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tracekit.analysis.known import Known
from tracekit.analysis.likeness import (
    begins_alike,
    chooses,
    differs_in_numbers,
    has_one_form,
    is_made_alike,
    is_mended,
    is_wide,
    is_within,
    keeps_record,
    keeps_state,
    own_pieces,
    refers_back,
    says_more,
    stray_number,
    tells_a_story,
    template_of,
    tokens,
)
from tracekit.analysis.profile import Profile
from tracekit.analysis.roles import (
    acts,
    changes_things,
    converses,
    invents,
    looks,
    makes_report,
    names_work,
    processes,
    role_of,
)
from tracekit.analysis.values import is_number
from tracekit.analysis.wording import COUNTED, GOES_BACK, GOES_ON, MEASURES, ROUNDS, came_to_nothing, holds, kind_of

__all__ = [
    "as_told",
    "asks_opinion",
    "does",
    "instruction",
    "is_listed",
    "is_of_new_subject",
    "is_one_task",
    "is_put_together",
    "only_answers",
    "only_looks",
    "step_of_program",
    "step_of_several",
    "turn_of_program",
    "unnamed",
]

_AHEAD = re.compile(r"\bnext (?:\w+ )?(?:days?|weeks?|months?|quarters?|years?|decades?)\b", re.IGNORECASE)
"""A time to come, which counts no steps."""
_ASKS_FOR = frozenset(("query", "question", "search", "topic"))
"""Names under which an agent is given what it is to find out."""
_SHORT_NAME = re.compile(r"(?<=[a-z0-9,;:'\u2019)] )(?:[A-Z]{2,6}|[A-Z][a-z]{1,2})\b|^[A-Z]{2,6}$", re.MULTILINE)
_WELL_KNOWN = frozenset(
    re.findall(
        r"\w+",
        "AI API CEO CFO CI CLI CPU CSS CSV CTO DB DNS Dr EUR FAQ GB GDP GPU HR HTML HTTP ID IDs IP IT JS JSON KPI MB Mr Mrs Ms Mon "
        "Tue Wed Thu Fri Sat Sun Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec OK OS PC PDF PR QA RAM ROI SDK SEO SLA SQL SSL "
        "St TLS TV UI URL USB USD UTC UX VAT VIP XML YAML XSS "
        "AND AS ASC AVG BY CASE COUNT DESC ELSE END FROM GROUP HAVING IN INNER IS JOIN LEFT LIKE LIMIT MAX MIN NOT NULL ON OR "
        "ORDER SELECT SUM THEN UNION WHEN WHERE WITH",
    )
)
"""Short for what everybody knows, and words of queries."""
_GOES_ON_TALKING = frozenset(
    ("also", "and", "but", "no", "now", "ok", "okay", "or", "please", "so", "then", "thanks", "yes", "you")
)
"""With which words somebody goes on talking, who does not only hand over a text."""
_LEAST_SENTENCE = 5
_OPINION = re.compile(
    r"\b(?:views?|opinions?|thoughts|assessments?|advice|judge?ments?|recommendations?|take on|think of)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_FIRST_SENTENCES = 6
_FEW = 3
_SUBJECTS = frozenset(("it", "he", "she", "they"))
_NEAR = 4
"""To how many of the works before a task is compared: one that is asked again is asked again soon."""


def is_one_task(other: Profile, members: Sequence[Profile]) -> bool:
    """Whether `other` and each of `members` look at several things alike: nothing but what they look at differs."""
    if role_of(next(iter(tokens(other.given or "")), "")) in ("writes", "runs", "tells"):
        return False
    for member in members[-_NEAR:]:
        own = set(tokens(other.given or "")) ^ set(tokens(member.given or ""))
        if not has_one_form(other.task, member.task) or any(names_work(word) for word in own):
            return False
    return True


def only_looks(other: Profile) -> bool:
    """Whether, as far as can be told, it looks at something and says what there is; or it is known which path it changes."""
    if other.effects.is_declared or other.effects.writes or _ASKS_FOR & other.keys:
        return True
    told = [*_SENTENCE.split(other.given or "")[:_FIRST_SENTENCES], *_SENTENCE.split(other.system)[:_FIRST_SENTENCES]]
    return any(looks(other.work.name, each) or makes_report(each) for each in told)


def asks_opinion(profile: Profile) -> bool:
    """Whether it is asked in a sentence what it thinks or knows of something, and not only given a thing to work on."""
    asks = instruction(profile)
    return len(tokens(asks)) >= _LEAST_SENTENCE and bool(_OPINION.search(asks) or looks("", asks))


def only_answers(profile: Profile) -> bool:
    """Whether its model was offered no tools, so that it can do no more than answer what it was told."""
    if tokens(profile.given or "")[:1] in (("i",), ("we",)):
        # Somebody talks to it, and goes on from what it said.
        return False
    calls = profile.work.calls
    has_run = any(node.kind == "tool" and node is not profile.work.node for node in profile.work.within)
    return bool(calls) and not has_run and not profile.content.request(calls[0]).get("tools")


def is_listed(other: Profile, last: Profile, known: Known) -> bool:
    """Whether `other` is given what `last` was, but for the thing that a list which was known names next."""
    given, before = other.given or "", last.given or ""
    own, is_wordless = own_pieces(given, before), isinstance(other.task, dict)
    is_alike = has_one_form(other.task, last.task) or (is_wordless and other.keys == last.keys and len(own) <= _FEW)
    by_means = own and re.search(rf"\b(?:with|using|via)(?: an?| the)? {re.escape(own[0])}", given.lower())
    return is_alike and bool(own) and not by_means and all(map(known.names, own)) and known.lists(given, before)


def does(profile: Profile) -> str:
    """Why its task may have to wait for another of its kind, whatever it is given; empty where it says no such thing."""
    name, asks = profile.work.name, instruction(profile)
    if changes_things(name, asks) or any(
        changes_things("", told) for told in _SENTENCE.split(profile.system)[:_FIRST_SENTENCES]
    ):
        return "but it changes things, and nobody can tell what"
    if invents(asks):
        return "but it makes something new, which may have to fit what was made before"
    return "but what it does next may depend on how it went" if acts(name, asks) else ""


def instruction(profile: Profile) -> str:
    """The longest of the lines that it was given: what it is told to do."""
    return max((profile.given or "").splitlines(), key=len, default="")


def as_told(profile: Profile) -> str:
    """Who was asked, and what: a task may tell an order of either."""
    return f"{profile.work.name.replace('_', ' ')}\n{profile.given or ''}"


def step_of_several(other: Profile, members: Sequence[Profile], known: Known) -> str:
    """Why a model may have asked for `other` in view of what came of `members`."""
    name, given = other.work.name, other.given or ""
    if converses(name) and not (looks("", instruction(other)) and is_listed(other, members[-1], known)):
        return f"but {name} takes turns with somebody"
    if any(_varies(key, other, members) for key in ROUNDS & other.keys) or any(
        COUNTED.search(each.given or "") for each in (other, *members[:1])
    ):
        return f"but {name} is asked for step after step"
    goes_on = _goes_on(other, "\n".join((given, *other.keys)))
    if goes_on:
        return goes_on
    for member in members[-_NEAR:]:
        before = member.given or ""
        if kind_of(member.work.name) == kind_of(name) and (is_within(given, before) or holds(given, before)):
            return f"but {name} was asked for nearly the same again"
    back = refers_back(given, members[-1].given or "")
    if back:
        return f"but {back!r} may be what came of the work before"
    stray = stray_number(given, members[-1].given or "", known.names, known.has_range)
    return f"but nobody had named {stray}: it may have been chosen by what had come back" if stray else ""


def _varies(key: str, other: Profile, members: Sequence[Profile]) -> bool:
    """Whether the value of `key` is another one than a member was given."""
    values = [each.arguments.get(key) for each in (other, *members[-_NEAR:]) if isinstance(each.arguments, dict)]
    return any(value != values[0] for value in values)


def is_of_new_subject(other: Profile, members: Sequence[Profile], is_known: Callable[[str], bool]) -> bool:
    """Whether nothing that tells the task of `other` from that of `members` was named before: it may be a conclusion."""
    before = {word for member in members[-_NEAR:] for word in tokens(member.given or "")}
    own = [word for word in tokens(other.given or "") if word not in before and (len(word) > 1 or is_wide(word))]
    return bool(own) and not any(is_known(word) for word in own)


def unnamed(other: Profile, members: Sequence[Profile], is_known: Callable[[str], bool]) -> str:
    """A short name or an acronym in the task of `other` alone which was not named before; empty where there is none.

    Names that are short say little as words, but one who knows what nobody named may have read it in what came back.
    """
    before = members[-1].given or ""
    names = _SHORT_NAME.findall(other.given or "")
    return next((name for name in names if name not in _WELL_KNOWN and name not in before and not is_known(name)), "")


def is_put_together(other: Profile, members: Sequence[Profile], is_known: Callable[[str], bool]) -> bool:
    """Whether what `other` was given is made as for a member, of names that were known: the address of a page, a path."""
    return any(is_made_alike(other.given or "", member.given or "", is_known) for member in members[-_NEAR:])


def step_of_program(other: Profile, members: Sequence[Profile], named: set[str]) -> str:
    """Why work that code set to work may be a step or a round, and none on a thing of its own.

    `named` are the values that `members` were given.
    """
    by_turns = turn_of_program(other, members)
    if by_turns:
        return by_turns
    given, before = other.given or "", members[-1].given or ""
    if chooses(template_of(given, before)):
        return "but it is asked for a choice, of which the next may come"
    if any(not is_number(value) for value in other.said_given.values - named):
        return ""
    if says_more(given, before):
        return "but its task says more than the one before"
    if differs_in_numbers(given, before):
        return "but its task differs in numbers only, which the program may have worked out from what came back"
    if has_one_form(given, before):
        return ""
    # With one system prompt, the first word is enough to know the template by.
    has_one_role = bool(other.system) and other.system == members[-1].system
    is_one = has_one_role and (tokens(given)[:1] == tokens(before)[:1] or is_given_data(other, members[-1]))
    return "" if is_one or begins_alike(given, before) else "but its task is another one"


def is_given_data(other: Profile, last: Profile) -> bool:
    """Whether the system prompt says what is to be done, and both were given nothing but what it is to be done to.

    Data that is much alike may be one text in two versions.
    """
    words, others = tokens(other.given or ""), tokens(last.given or "")
    if (
        not words
        or not others
        or {words[0], others[0]} & _GOES_ON_TALKING
        or names_work(words[0])
        or names_work(others[0])
    ):
        return False
    shared, least = set(words) & set(others), min(len(set(words)), len(set(others)))
    is_told = any(processes(told) or makes_report(told) for told in _SENTENCE.split(other.system)[:_FIRST_SENTENCES])
    return is_told and 2 * len(shared) <= max(least, 2)


def turn_of_program(other: Profile, members: Sequence[Profile]) -> str:
    """Why work that code set to work may be one of several turns or rounds."""
    name, given, last = other.work.name, other.given or "", members[-1]
    if converses(name) and (last.work.name != name or not begins_alike(given, last.given or "")):
        return f"but {name} takes turns with somebody"
    if is_mended(given, last.given or ""):
        return "but it is nearly the same text, as one that was mended by what came back"
    asks = _AHEAD.sub("", template_of(given, last.given or ""))
    if GOES_ON & set(tokens(asks)) or COUNTED.search(asks):
        return "but its task counts rounds or steps"
    goes_on = _goes_on(other, asks)
    if goes_on:
        return goes_on
    if any(holds(given, member.given or "") for member in members[-_NEAR:]):
        return f"but {name} was asked for the same with something added"
    back = refers_back(given, last.given or "")
    found = GOES_BACK.search(asks.lower())
    if back or (found is not None and found[0] not in (last.given or "").lower()):
        return f"but {back or (found and found[0])!r} may be what came of the work before"
    if _SUBJECTS & set(tokens(given)[:_FEW]) and given.rstrip().endswith("?"):
        return f"but what {name} is asked is about something that was spoken of before"
    if came_to_nothing(last.output or ""):
        return f"but {last.work.name} came back with nothing: {name} may have been asked instead"
    return ""


def _goes_on(other: Profile, asks: str) -> str:
    state = keeps_state(asks) or keeps_record(other.system)
    if state:
        return f"but {state!r} may be what came of the work before"
    if MEASURES.search(f"{other.work.name}\n{asks}"):
        return f"but {other.work.name} may measure what others beside it would slow down"
    if tells_a_story(other.work.name, other.given or ""):
        return f"but {other.work.name} may go on from where the part before ended"
    return ""
