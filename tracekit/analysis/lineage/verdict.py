"""Whether one step needed another, and how sure it is that it did not: the ladder.

B depends on A, by the strongest evidence that there is:

1. *declared*: the author of B named A in `after=`.
2. *flow*: something of A's output that was not known before stands in what B was given, or in what the model said just
   before it asked for B: see `sources`.
3. *conflict*: both touch one path or name, and one of them writes it: see `conflict`.

Where content was not recorded, or is redacted, nobody can tell (*unknown*). Otherwise no dependence was *seen*, and that
it can be relied on needs a reason of its own: all effects are known and disjoint (a), or the same agent asked for steps
of these kinds in one response elsewhere (b). A judge may give a third (c).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tracekit.analysis.lineage.conflict import Footprint
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.sources import Sources
from tracekit.analysis.lineage.task import Context
from tracekit.analysis.lineage.together import kind_of
from tracekit.analysis.lineage.values import names_in, weight
from tracekit.analysis.prompted import leaves
from tracekit.privacy import is_redacted

__all__ = ["MOST_COMPARED", "Reason", "Team", "Tie", "Together", "Verdict"]

Tie: TypeAlias = Literal["declared", "flow", "conflict", "unknown", "none"]
"""The kind of dependence; `unknown` where it cannot be told, `none` where none was seen."""
Reason: TypeAlias = Literal["effects", "together", ""]
"""Why the absence of a dependence can be relied on: (a) known effects, (b) asked together elsewhere; empty for nothing."""
Together: TypeAlias = Callable[[str, str], str]
"""Says where an agent asked for steps of two kinds in one response; empty where it never did."""

MOST_COMPARED = 2_000
"""Steps of a run that a rule compares with those before: reading what they said takes time."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ties a step to others, and why: sentences without an end mark."""

    tie: Tie
    evidence: tuple[str, ...]
    reason: Reason = ""

    @property
    def is_independent(self) -> bool:
        """Whether no dependence was seen."""
        return self.tie == "none"


def _never(_: str, __: str) -> str:
    return ""


class Team:
    """Steps that could have run together, to which one more is compared. Time and memory grow with what they said.

    Args:
        context: Gives what was known before the first of them, when there is something to compare. What the members
            were given is added to it.
        together: Tells where two kinds were asked for in one response.
    """

    def __init__(self, context: Callable[[], Context] = Context, together: Together = _never) -> None:
        self._context_of = context
        self._context: Context | None = None
        self._together = together
        self._waiting: list[Profile] = []
        self._footprint = Footprint()
        self._sources = Sources()
        self._unseen = ""
        self._invents = False
        self._names: dict[str, None] = {}
        self._kinds: dict[str, None] = {}
        self._asked: set[tuple[str, str | None]] = set()

    def add(self, member: Profile) -> None:
        """Add a step."""
        self._waiting.append(member)

    def has_asked(self, other: Profile) -> bool:
        """Return whether a member was asked for the same as `other`."""
        self._read_all()
        return (other.work.name, other.given) in self._asked

    def need(self, other: Profile, said: str = "") -> Verdict | None:
        """Return what shows that `other` needed a member: its author's word, or what flowed; None where nothing does.

        `said` is what the model said when it asked for `other`.
        """
        self._read_all()
        named = self._names.keys() & other.work.comes_after
        if named:
            told = f"{other.work.name} is declared to come after {', '.join(sorted(named))}"
            return Verdict("declared", (told,))
        known = self._known()
        flow = self._sources.passed_to(other, known) or self._sources.spoken_of(said, known)
        return Verdict("flow", (flow,)) if flow else None

    def verdict(self, other: Profile, said: str = "") -> Verdict:
        """Return what ties `other` to the members. `said` is what the model said when it asked for it."""
        need = self.need(other, said)
        if need is not None:
            return need
        conflict = self._footprint.conflict(other.effects, other.work.name)
        if conflict:
            return Verdict("conflict", (conflict,))
        if self._unseen or _is_hidden(other.given):
            whose = f"what came of {self._unseen}" if self._unseen else f"what {other.work.name} was given"
            return Verdict("unknown", (f"cannot tell: {whose} was not recorded, or is redacted",))
        return self._independence(other)

    def _independence(self, other: Profile) -> Verdict:
        name = other.work.name
        whose = f"a {name}" if self._names.keys() == {name} else _listed(list(self._names))
        told = f"nothing of what {whose} said is in what {name} was given"
        # What a model asks agents to do is its own wording; what it gives a tool it has from somewhere.
        new = [] if self._invents and not other.is_tool else self._from_nowhere(other)
        if new:
            return Verdict("none", (told, f"but nobody had named {_listed(new)} before"))
        if self._footprint.is_disjoint(other.effects):
            return Verdict("none", (told, _effects_told(other)), "effects")
        where = [self._together(kind, kind_of(other.work)) for kind in self._kinds]
        if all(where):
            return Verdict("none", (told, where[0]), "together")
        return Verdict("none", (told,))

    def _from_nowhere(self, other: Profile) -> list[str]:
        """Return what a model gave `other` that nobody had named before the members: it may come from what they said.

        Code passes on what it has, and what it has is not in the record.
        """
        if other.work.asked is None:
            return []
        known = self._known()
        names = (name for name in names_in(leaves(other.arguments)) if not name.isdigit())
        named = {name for name in names if not known.knows(name) and not known.has(name)}
        values = {value for value in other.said_given.values if not known.knows(value)}
        words = other.said_given.words - known.words
        return sorted(named | values | ({f"{word}…" for word in words} if weight(words) >= 1 else set()))

    def _known(self) -> Context:
        if self._context is None:
            self._context = self._context_of()
        return self._context

    def _read_all(self) -> None:
        for member in self._waiting:
            self._read(member)
        self._waiting.clear()

    def _read(self, member: Profile) -> None:
        name = member.work.name
        self._names[name] = None
        self._kinds[kind_of(member.work)] = None
        self._asked.add((name, member.given))
        self._footprint.add(member.effects, name)
        self._invents = self._invents or bool(self._from_nowhere(member))
        self._known().add(member.given or "")
        if member.work.asked is None:
            # Code fills what it passes on into prompts that it has.
            self._known().add(member.system)
        if _is_hidden(member.output) or (member.given is None and not member.work.calls):
            self._unseen = self._unseen or name
        self._sources.add(member)


def _effects_told(other: Profile) -> str:
    """Say of which kind the known effects are."""
    effects, name = other.effects, other.work.name
    touched = sorted(effects.reads | effects.writes)
    if touched:
        return f"nobody else changes what {name} touches ({_listed(touched)}; {effects.source})"
    if effects.reads_anything:
        return f"{name} changes nothing, and neither do the others ({effects.source})"
    return f"{name} touches nothing that others touch ({effects.source})"


def _is_hidden(text: str | None) -> bool:
    return text is None or is_redacted(text)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
