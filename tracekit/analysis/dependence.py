"""Whether one work needed another, and how that is known.

B depends on A, by the strongest evidence that there is:

1. *declared*: the author of B named A in `after=`.
2. *flow*: a distinctive value of A's output, unknown before A ended, is in B's input; or a line of it, or several words.
   What the request that asked for A already said was known, and so is what A was given. See `outputs`.
3. *resource*: both touch one path or name, and one of them changes it; or it cannot be told what a program that was
   run, or an agent that tests, touches.

Otherwise B is independent of A, with a confidence. A model passes on what it understood and not only what it read, so
the absence of a flow says less the more words B's input has that come from nowhere, and little where its wording points
back ("the findings", "based on"). `likely` needs: all outputs and inputs seen; words that were nearly all known before
A began; and the same kind of work as A's, which only looks at things, whose paths are known, or which is done to the next thing of
a list that was named; or, for another kind, nobody who changes anything, puts together what others made, or judges it. A
plain tool must have been given only what was known. Content that was not recorded, or redacted, means that nobody can tell.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from tracekit.analysis.footprint import Footprint
from tracekit.analysis.known import Known
from tracekit.analysis.likeness import begins_alike, begins_otherwise, has_one_form, tokens
from tracekit.analysis.outputs import MANY_WORDS, Outputs
from tracekit.analysis.profile import Profile
from tracekit.analysis.prompted import LONGEST_TEXT
from tracekit.analysis.roles import builds_on, changes_things, invents, judges, names_work
from tracekit.analysis.steps import (
    as_told,
    asks_opinion,
    does,
    instruction,
    is_listed,
    is_of_new_subject,
    is_one_task,
    is_put_together,
    only_answers,
    only_looks,
    step_of_program,
    step_of_several,
    turn_of_program,
    unnamed,
)
from tracekit.analysis.values import said_in
from tracekit.analysis.wording import (
    GOES_BACK,
    POINTS_AT_ONE,
    POINTS_BACK,
    found_nothing,
    is_beside,
    kind_of,
)

__all__ = ["Team", "Tie", "Verdict"]

Tie: TypeAlias = Literal["declared", "flow", "resource", "unknown", "likely", "possible", "unlikely"]
"""What ties B to A: the kind of dependence; `unknown` if it cannot be told; else how likely it is that nothing does."""

_MOST_NEW = 0.5
_MOST_NEW_OTHER_KIND = 0.25
_SIDES = frozenset(("against", "con", "contra", "contrary", "for", "opposing", "pro"))
"""Who is asked on a side of a debate answers the other."""
_REDACTED = re.compile(r"\[redacted:[^\[\]]{1,100}\]")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ties a work to others, and why: sentences without an end mark."""

    tie: Tie
    evidence: tuple[str, ...]

    @property
    def is_independent(self) -> bool:
        """Whether the work could have run beside the others, as far as that can be told."""
        return self.tie in ("likely", "possible", "unlikely")


class Team:
    """Works that could have run together, to which one more is compared. Time and memory grow with what they said.

    `known` is asked what was known before, and what the members said is read, when there is something to compare.
    """

    def __init__(self, known: Callable[[], Known] = Known) -> None:
        self._know = known
        self._waiting: list[Profile] = []
        self._members: list[Profile] = []
        self._footprint = Footprint()
        self._given: set[str] = set()
        self._said = Outputs()
        self._unseen = ""
        self._names: dict[str, None] = {}
        self._kinds: set[str] = set()
        self._asked: set[tuple[str, str | None]] = set()
        self._has_tool = self._changes = self._writes_all = False
        self._is_declared = self._is_plain = True
        self._found_nothing = ""
        self._tells = ""

    @property
    def members(self) -> Sequence[Profile]:
        """Those that were added."""
        return self._members

    def has_asked(self, other: Profile) -> bool:
        """Whether a member of the same name was given the same."""
        return (other.work.name, other.given) in self._asked

    def add(self, member: Profile) -> None:
        """Add one to the works that run together."""
        self._asked.add((member.work.name, member.given))
        self._waiting.append(member)

    @cached_property
    def _known(self) -> Known:
        return self._know()

    def _read(self, member: Profile) -> None:
        name = member.work.name
        self._members.append(member)
        self._names[name] = None
        self._kinds.add(_kind(member))
        self._has_tool |= member.is_tool
        self._changes |= member.effects.changes
        self._writes_all |= member.effects.writes_all
        self._is_declared &= member.effects.is_declared
        self._is_plain &= member.is_plain
        self._tells = self._tells or (name if member.tells else "")
        self._found_nothing = self._found_nothing or (name if found_nothing(member.output or "") else "")
        self._footprint.add(member.effects, name)
        self._known.add(member.given or "")
        self._given |= member.said_given.values
        output = member.output
        if output is None or (member.given is None and not member.work.calls) or _REDACTED.search(output):
            self._unseen = self._unseen or name
        self._said.add(member)

    def need(self, other: Profile) -> Verdict | None:
        """What shows that `other` needed a member: the word of its author, or what flowed; None where nothing does."""
        for member in self._waiting:
            self._read(member)
        self._waiting.clear()
        declared = self._declared(other)
        if declared is not None:
            return declared
        flow = self._said.passed_to(other, self._known)
        return Verdict("flow", (flow,)) if flow else None

    def verdict(self, other: Profile, said_when_asked: str = "") -> Verdict:
        """What ties `other` to the members. `said_when_asked` is what the model said when it asked for it.

        Work that no answer asked for was set to work by code, which passes on what it read and does not reword it.
        """
        need = self.need(other)
        if need is not None:
            return need
        conflict = self._footprint.conflict(other.effects, other.work.name)
        if conflict is not None:
            return Verdict("resource", (conflict,))
        if self._unseen or other.given is None or _REDACTED.search(other.given):
            whose = f"what came of {self._unseen}" if self._unseen else f"what {other.work.name} was given"
            return Verdict("unknown", (f"cannot tell: {whose} was not recorded, or is redacted",))
        found = self._independence(other, said_when_asked)
        if found.tie == "likely" and other.work.asked is not None:
            name = unnamed(other, self._members, self._known.names)
            if name:
                return Verdict("possible", (*found.evidence, f"but nobody had named {name}"))
        return found

    # ── evidence for ─────────────────────────────────────────────────────────────────────────────────────────────

    def _declared(self, other: Profile) -> Verdict | None:
        named = self._names.keys() & other.work.comes_after
        if not named:
            return None
        return Verdict("declared", (f"{other.work.name} is declared to come after {', '.join(sorted(named))}",))

    # ── evidence against ─────────────────────────────────────────────────────────────────────────────────────────

    def _independence(self, other: Profile, said_when_asked: str) -> Verdict:
        given, name = other.given or "", other.work.name
        values = self._known.unknown(other.said_given.values)
        new = other.said_given.words - self._known.words
        if self._names.keys() == {name}:
            told = [f"nothing of what a {name} said is in what the next {name} was given"]
        else:
            told = [f"nothing of what {_listed(list(self._names))} said is in what {name} was given"]
        touched = other.effects.reads | other.effects.writes
        if touched:
            told.append(f"nobody else changes what {name} touches ({_listed(sorted(touched))})")
        if other.work.asked is None:
            return self._by_code(other, told)
        if values and is_put_together(other, self._members, self._known.names):
            values = frozenset()
        low = given.lower()
        points_back = (
            self._points_back(low, POINTS_BACK)
            or self._points_at_one(low)
            or self._points_back(said_when_asked.lower(), GOES_BACK)
        )
        if points_back:
            return Verdict("unlikely", (*told, f"but {_short(points_back)!r} points back"))
        control = self._nothing_found(other) or step_of_several(other, self._members, self._known)
        if not control and self._known.puts_after(as_told(other), as_told(self._members[-1])):
            control = f"but the task puts {name} after what was asked for before"
        if not control and (values or new):
            control = self._in_view_of(said_when_asked)
        if control:
            return Verdict("unlikely", (*told, control))
        if other.is_tool or self._has_tool:
            if other.is_tool and other.role not in ("reads", "tells"):
                return Verdict("unlikely", (*told, f"but nobody can tell what {name} does"))
            if not (other.said_given.values or other.said_given.words or self._is_named(other)):
                return Verdict("unlikely", (*told, "but what it was given says too little"))
            if values or new:
                return Verdict(
                    "unlikely", (*told, f"but it was given what was not known before ({_some(values, new)})")
                )
            told.append("all that it was given was known before")
            if self._kinds == {_kind(other)}:
                return Verdict("likely", tuple(told))
            return Verdict("possible", (*told, "but it does another kind of work, which may come after the other"))
        return self._between_agents(other, values, new, told)

    def _is_named_aspect(self, other: Profile) -> bool:
        """Whether it looks at what the others look at, under an aspect that was known, and is asked with the same words."""
        name, before = other.work.name, self._members[-1].given or ""
        aspect = re.split(r"[-_ ]", name.lower())[0]
        is_asked_alike = begins_alike(other.given or "", before) and not begins_otherwise(
            other.task, self._members[-1].task
        )
        return is_asked_alike and self._known.names(aspect) and all(is_beside(name, each) for each in self._names)

    def _is_asked_of_each(self, other: Profile) -> bool:
        """Whether several were asked the same, each of whom was named: specialists, none of whose work is a step of it."""
        if not asks_opinion(other) or any(member.given != other.given for member in self._members):
            return False
        asked = [re.split(r"[-_ ]", name.lower())[0] for name in (*self._names, other.work.name)]
        return all(self._known.names(name) and not names_work(name) and name not in _SIDES for name in asked)

    def _is_named(self, other: Profile) -> bool:
        """Whether what a tool was given, and the last one was not, is a name that was known, however short."""
        own = set(tokens(other.given or "")) - set(tokens(self._members[-1].given or ""))
        return bool(own) and all(len(word) > 1 and word.isalpha() and self._known.names(word) for word in own)

    def _nothing_found(self, other: Profile) -> str:
        if not self._found_nothing or is_listed(other, self._members[-1], self._known):
            return ""
        return f"but {self._found_nothing} came back with nothing: {other.work.name} may have been asked for instead"

    def _in_view_of(self, said_when_asked: str) -> str:
        """Why the model seems to have asked in view of a result: it spoke of one."""
        said = said_in(said_when_asked[:LONGEST_TEXT])
        values = sorted(value for value in said.values - self._known.values if value in self._said.values)
        words = sorted(word for word in said.words - self._known.words if word in self._said.words)
        if not values and len(words) < MANY_WORDS - 1:
            return ""
        return f"but the model spoke of what had come back when it asked ({_some(frozenset(values), frozenset(words))})"

    def _points_back(self, text: str, wording: re.Pattern[str]) -> str:
        """Words that mean something that came before, and that the members were not given alike."""
        for found in wording.finditer(text):
            if not any(found[0] in (member.given or "").lower() for member in self._members):
                return found[0]
        return ""

    def _points_at_one(self, text: str) -> str:
        """Words for one of several, which neither the members were told nor the task has."""
        found = POINTS_AT_ONE.search(text)
        return "" if found is None or self._known.has_name(found[0]) else found[0]

    def _by_code(self, other: Profile, told: list[str]) -> Verdict:
        changes = other.effects.changes or self._changes
        if self._kinds == {_kind(other)}:
            reason = step_of_program(other, self._members, self._given)
            if not reason and not only_looks(other):
                reason = self._may_do_more(other)
            return Verdict("possible", (*told, reason)) if reason else Verdict("likely", tuple(told))
        step = self._step_of_a_pipeline(other)
        if not changes and not step and not turn_of_program(other, self._members) and is_one_task(other, self._members):
            return Verdict("likely", (*told, "it is the same task, of something else"))
        if not (other.is_plain and self._is_plain):
            return Verdict("unlikely", (*told, "but their names do not tell what they do"))
        if changes:
            return Verdict("unlikely", (*told, "but one of them changes things"))
        if step:
            return Verdict("unlikely", (*told, step))
        if all(is_beside(other.work.name, each) for each in self._names):
            return Verdict("likely", tuple(told))
        return Verdict("possible", (*told, "but it does another kind of work, which may come after the other"))

    def _may_do_more(self, other: Profile) -> str:
        """Why work of the same kind that code set to work may do more than look at something; empty where it cannot."""
        last = self._members[-1]
        is_answer = only_answers(other) and only_answers(last) and has_one_form(other.task, last.task)
        return does(other) if is_answer else "but it is not said that it only looks at something"

    def _step_of_a_pipeline(self, other: Profile) -> str:
        """Why work of another kind is taken for a step that builds on those before; empty where it is not."""
        name = other.work.name
        if other.tells or self._tells:
            return f"but {name if other.tells else self._tells} puts together what others use or made"
        gatherer = next((each for each in self._names if builds_on(name, each)), None)
        if gatherer is not None:
            return f"but {name} may work on what {gatherer} gathered"
        if judges(name) and not other.said_given.values and not all(judges(each) for each in self._names):
            return f"but {name} judges, and is not told what"
        return ""

    def _doubt_of_one_kind(self, other: Profile, new: frozenset[str], told: list[str]) -> str:
        """Why work of the same kind, given what is `new`, may need what came before; empty where nothing tells of it."""
        asks, last = instruction(other), self._members[-1]
        if other.effects.writes_all or self._writes_all:
            return "but one of them changes things, and nobody can tell what"
        if begins_otherwise(other.task, last.task):
            return "but its task is another one"
        if changes_things(other.work.name, asks) and not other.effects.writes:
            return "but it changes things, and nobody can tell what"
        if invents(asks):
            return "but it makes something new, which may have to fit what was made before"
        if not only_looks(other):
            if does(other) or not is_listed(other, last, self._known):
                return does(other) or "but it is not said that it only looks at something"
            told.append("it is the same task, of something else that was named before")
        if new & self._said.words.keys():
            return f"but some of its words had come back ({_some(frozenset(), new & self._said.words.keys())})"
        if new and not other.said_given.values and is_of_new_subject(other, self._members, self._known.names):
            return f"but nobody had named what it is about ({_some(frozenset(), new)})"
        return ""

    def _between_agents(self, other: Profile, values: frozenset[str], new: frozenset[str], told: list[str]) -> Verdict:
        share = len(new) / max(1, len(other.said_given.words) + len(other.said_given.values))
        name = other.work.name
        if _kind(other) in self._kinds:
            told.append(f"{name} did the same kind of work before")
            doubt = self._doubt_of_one_kind(other, new, told)
            if not doubt and share > _MOST_NEW:
                doubt = f"but its task is worded anew ({_some(frozenset(), new)})"
            return Verdict("possible", (*told, doubt)) if doubt else Verdict("likely", tuple(told))
        if other.effects.is_declared and self._is_declared:
            return Verdict("likely", (*told, "their authors declare what each reads and writes"))
        if other.effects.changes or self._changes:
            return Verdict("unlikely", (*told, "but one of them changes things"))
        step = self._step_of_a_pipeline(other)
        is_beside_all = all(is_beside(name, each) for each in self._names)
        is_same_task = not step and not values and not new and is_one_task(other, self._members)
        if is_same_task:
            return Verdict("likely", (*told, "it is the same task, of something that was known before, too"))
        if not (other.is_plain and self._is_plain) and not is_beside_all:
            return Verdict("unlikely", (*told, "but their names do not tell what they do"))
        if step:
            return Verdict("unlikely", (*told, step))
        if self._is_asked_of_each(other):
            return Verdict("likely", (*told, "it is asked the same, and was named with the others"))
        if share <= _MOST_NEW and not new & self._said.words.keys() and self._is_named_aspect(other):
            return Verdict("likely", (*told, "its aspect was named before, and it is asked of the same"))
        if share <= _MOST_NEW_OTHER_KIND or len(new) <= 1:
            told.append("all that it was asked was known before")
            if is_beside_all:
                return Verdict("likely", tuple(told))
            return Verdict("possible", (*told, "but it does another kind of work, which may come after the other"))
        return Verdict("unlikely", (*told, f"but its task is worded anew ({_some(frozenset(), new)})"))


def _kind(profile: Profile) -> str:
    """By its name, what `profile` is one of several of; by its system prompt where its name was only made up."""
    is_unnamed = profile.work.node.kind == "agent" and profile.work.node.inferred
    return profile.system if is_unnamed and profile.system else kind_of(profile.work.name)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _some(values: frozenset[str] | set[str], words: frozenset[str]) -> str:
    return ", ".join([*sorted(values), *(f"{word}…" for word in sorted(words))][:4])


def _short(text: str) -> str:
    return text if len(text) <= 50 else text[:49] + "…"
