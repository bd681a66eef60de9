"""The ladder: a verdict on whether one step depends on another, and the confidence in its independence.

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
from typing import Literal, NamedTuple, TypeAlias

from tracekit.analysis.lineage.conflict import Footprint
from tracekit.analysis.lineage.effects import Effects
from tracekit.analysis.lineage.profile import Profile
from tracekit.analysis.lineage.sources import Sources
from tracekit.analysis.lineage.task import Context
from tracekit.analysis.lineage.values import weight
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


class Verdict(NamedTuple):
    """The kind of dependence of a step on others, with the evidence as sentences without an end mark."""

    tie: Tie
    evidence: tuple[str, ...]
    reason: Reason = ""

    @property
    def is_independent(self) -> bool:
        """Return whether no dependence was seen."""
        return self.tie == "none"


class Team:
    """Steps that could have run together, with which another step is compared.

    Time and memory grow with the length of their outputs.

    Args:
        context: What was known before the first of them. What the members were given is added to it.
        together: Tells where two kinds were asked for in one response.

    Attributes:
        rounds: The members, those that were added together in one.
        reason: Why they can be relied on to be independent of each other.
        evidence: What was said of them.
    """

    def __init__(self, context: Context | None = None, together: Together = lambda _one, _other: "") -> None:
        self.known = context or Context()
        self.rounds: list[Sequence[Profile]] = []
        self.reason: Reason = ""
        self.evidence: list[str] = []
        self._together = together
        self._footprint = Footprint()
        self._sources = Sources()
        self._unseen = ""
        self._names: dict[str, None] = {}
        self._kinds: dict[str, None] = {}
        self._asked: set[tuple[str, str | None]] = set()

    def takes(self, verdict: Verdict) -> bool:
        """Return whether steps of which this is the `verdict` belong with the members: independent, for the same reason."""
        return verdict.is_independent and (len(self.rounds) == 1 or verdict.reason == self.reason)

    def add(self, *members: Profile, verdict: Verdict | None = None) -> None:
        """Add steps that began together. `verdict` is the verdict on them, if there were steps before."""
        self.rounds.append(members)
        if verdict is not None:
            self.reason = verdict.reason
            self.evidence += verdict.evidence
        for member in members:
            self._read(member)

    def _read(self, member: Profile) -> None:
        name = member.work.name
        self._names[name] = None
        self._kinds[member.work.kind] = None
        self._asked.add((name, member.given))
        self._footprint.add(member.effects, name)
        self._sources.add(member)
        self.known.add(member.given or "")
        if _is_hidden(member.output) or (member.given is None and not member.work.calls):
            self._unseen = self._unseen or name

    def need(self, other: Profile, said: str = "") -> Verdict | None:
        """Return what shows that `other` needed a member: its author's word, or what flowed; None where nothing does.

        `said` is what the model said when it asked for `other`.
        """
        named = self._names.keys() & other.work.comes_after
        if named:
            told = f"{other.work.name} is declared to come after {', '.join(sorted(named))}"
            return Verdict("declared", (told,))
        flow = self._sources.passed_to(other, self.known) or self._sources.found_in(
            said, "what the model said when it asked", self.known
        )
        return Verdict("flow", (flow,)) if flow else None

    def verdict(self, other: Profile, said: str = "") -> Verdict:
        """Return the dependence of `other` on the members. `said` is the model's text before it requested `other`."""
        need = self.need(other, said)
        if need is not None:
            return need
        conflict = self._footprint.conflict(other.effects, other.work.name)
        if conflict:
            return Verdict("conflict", (conflict,))
        if self._unseen or _is_hidden(other.given):
            whose = f"what came of {self._unseen}" if self._unseen else f"what {other.work.name} was given"
            return Verdict("unknown", (f"cannot tell: {whose} was not recorded, or is redacted",))
        if (other.work.name, other.given) in self._asked:
            return Verdict("unknown", (f"{other.work.name} was asked for the same again",))
        return self._independence(other)

    def _independence(self, other: Profile) -> Verdict:
        name = other.work.name
        whose = f"a {name}" if self._names.keys() == {name} else ", ".join(list(self._names)[:3])
        told = f"nothing of what {whose} said is in what {name} was given"
        new = self._from_nowhere(other)
        if new:
            return Verdict("none", (told, f"but nobody had named {', '.join(new[:3])} before"))
        if self._footprint.is_disjoint(other.effects):
            return Verdict("none", (told, _effects_told(other.effects, name)), "effects")
        where = [self._together(kind, other.work.kind) for kind in self._kinds]
        if all(where):
            return Verdict("none", (told, where[0]), "together")
        return Verdict("none", (told,))

    def _from_nowhere(self, other: Profile) -> list[str]:
        """Return a name in a tool's input that appeared nowhere before the members: it may come from their outputs.

        What a model asks an agent to do is its own wording.
        """
        if not other.is_tool:
            return []
        values = {value for value in other.said_given.values if not self.known.knows(value)}
        words = other.said_given.words - self.known.words
        return sorted(values | ({f"{word}…" for word in words} if weight(words) >= 1 else set()))


def _effects_told(effects: Effects, name: str) -> str:
    """Say of which kind the known effects are."""
    touched = sorted(effects.reads | effects.writes)
    if touched:
        return f"nobody else changes what {name} touches ({', '.join(touched[:3])}; {effects.source})"
    if effects.reads_anything:
        return f"{name} changes nothing, and neither do the others ({effects.source})"
    return f"{name} touches nothing that others touch ({effects.source})"


def _is_hidden(text: str | None) -> bool:
    return text is None or is_redacted(text)
