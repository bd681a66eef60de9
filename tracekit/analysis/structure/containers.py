"""Find the nodes whose calls have to be arranged."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from tracekit.analysis.structure.draft import Draft

__all__ = ["Container", "calls_within", "containers"]


class Container(NamedTuple):
    """A node whose `units` have to be arranged: its calls, each with the span that moves with it.

    That is the call itself, or the application's own span around it alone. `groups` are the nearest containers below it
    that only plain spans part from it, and that are plain spans themselves; and such spans around one call among
    others.
    """

    draft: Draft
    units: list[tuple[Draft, Draft]]
    groups: list[Container]

    @property
    def around(self) -> Draft:
        """The node itself, or the nearest one around it that is no plain span, as they stand now."""
        above = self.draft
        while above.kind == "span" and above.parent is not None:
            above = above.parent
        return above


def containers(root: Draft, within: dict[Draft, list[Draft]]) -> list[Container]:
    """Return every node with calls to be arranged, parents first.

    All can be found before any is filled: only a call with the spans around it alone moves then, or a whole container.
    """
    nearest: dict[Draft, Container | None] = {}
    found = []
    for draft in root.walk():
        if draft.kind in ("llm", "attempt"):
            continue
        above = nearest.get(draft.parent) if draft.kind == "span" and draft.parent is not None else None
        units = [(within[child][0], child) for child in draft.children if len(within[child]) == 1]
        # A span around one call moves with that call, as part of what is around the span.
        container = Container(draft, units, [])
        is_container = len(units) > 1 or (len(units) == 1 and draft.kind != "span")
        if above is not None and (is_container or (units and len(within[draft]) > 1)):
            above.groups.append(container)
        if is_container:
            found.append(container)
            above = container
        nearest[draft] = above
    return found


def calls_within(drafts: list[Draft]) -> dict[Draft, list[Draft]]:
    """Return the calls that each of `drafts` is or contains below plain spans; two stand for more."""
    within: dict[Draft, list[Draft]] = {}
    for draft in reversed(drafts):
        within[draft] = [draft] if draft.kind == "llm" else []
        if draft.kind == "span":
            calls = (call for child in draft.children for call in within[child])
            within[draft] = list(islice(calls, 2))
    return within
