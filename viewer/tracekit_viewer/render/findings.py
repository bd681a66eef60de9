"""The findings of a run as lines, with evidence and advice for the chosen one; marks in the tree."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tracekit_viewer.door import Finding, duration, is_at_least, money
from tracekit_viewer.render.bars import Pieces
from tracekit_viewer.render.forest import Forest
from tracekit_viewer.render.text import cells, fit, plain, wrap

__all__ = ["FLAG", "FindingLine", "Marks", "finding_rows", "marks_of", "places_of", "saving_of"]

FLAG = "⚑"
"""The sign of a finding."""

Marks = Mapping[str, Sequence[str]]
"""The codes that nodes bear, by the nodes' ids."""

_CONFIDENCE = {"certain": "warning", "likely": "warning", "possible": "quiet"}
_LONGEST = 4000
_MOST_EVIDENCE = 40
_INDENT = 4
_LEAST_MESSAGE = 8


class FindingLine(NamedTuple):
    """One line; `number` is the finding that it belongs to, counted from 0."""

    number: int
    pieces: Pieces


def finding_rows(
    found: Sequence[Finding], chosen: int, width: int, below: Sequence[Pieces] | None = None
) -> list[FindingLine]:
    """Return the findings as lines of `width` cells.

    The `chosen` finding is followed by `below`, or else by its evidence and remedy.
    """
    rows: list[FindingLine] = []
    for number, finding in enumerate(found):
        lines = [_head(finding, width, chosen=number == chosen)]
        if number == chosen:
            lines = [*lines, *below] if below is not None else list(_whole(finding, width))
        rows += [FindingLine(number, pieces) for pieces in lines]
    return rows


def saving_of(finding: Finding) -> str:
    """Return the saving in time and money; empty if neither is known."""
    parts = []
    if finding.saved_ms is not None:
        parts.append(duration(round(finding.saved_ms * 1e6)))
    if finding.saved_usd is not None and finding.saved_usd > 0:
        parts.append(money(finding.saved_usd))
    return " · ".join(parts)


def marks_of(forest: Forest, found: Sequence[Finding]) -> dict[str, list[str]]:
    """Return the codes of likely and certain findings by node; of nested nodes, only one is marked."""
    places = places_of(forest, (id for finding in found for id in finding.spans))
    by_place: dict[int, list[str]] = {}
    for finding in found:
        if is_at_least(finding.confidence, "likely"):
            for id in finding.spans:
                codes = by_place.setdefault(places[id], []) if id in places else []
                if finding.code not in codes:
                    codes.append(finding.code)
    shown: dict[str, list[str]] = {}
    for place, codes in by_place.items():
        above = {code for each in forest.path(place)[:-1] for code in by_place.get(each, ())}
        own = [code for code in codes if code not in above]
        if own:
            shown[forest.nodes[place].id] = own
    return shown


def places_of(forest: Forest, ids: Iterable[str]) -> dict[str, int]:
    """Return the places of the nodes `ids`. An attempt without a row has the place of its call."""
    wanted = set(ids)
    places: dict[str, int] = {}
    for place, node in enumerate(forest.nodes):
        if node.kind == "llm":
            places.update((below.id, place) for below in node.children if below.id in wanted)
        if node.id in wanted:
            places[node.id] = place
    return places


def _before(finding: Finding, *, chosen: bool) -> Pieces:
    return [
        ("▌" if chosen else " ", "cursor"),
        (f"{FLAG} {plain(finding.code, 12)} ", "strong" if chosen else ""),
        (f"{finding.confidence:<9}", _CONFIDENCE[finding.confidence]),
    ]


def _room(finding: Finding, width: int) -> int:
    """The cells that the line of a finding has for its message."""
    return max(_LEAST_MESSAGE, width - _cells(_before(finding, chosen=False)) - _cells(_aside(finding)))


def _aside(finding: Finding) -> Pieces:
    saved = saving_of(finding)
    return [(f"  saves {saved} " if saved else " ", "open")]


def _head(finding: Finding, width: int, *, chosen: bool, message: str | None = None) -> Pieces:
    """The line of a finding, with `message` or as much of its own as there is room for."""
    room = _room(finding, width)
    message = fit(plain(finding.message, _LONGEST), room) if message is None else message
    gap = " " * (room - cells(message))
    return [*_before(finding, chosen=chosen), (message, "" if chosen else "quiet"), (gap, ""), *_aside(finding)]


def _whole(finding: Finding, width: int) -> Iterator[Pieces]:
    """The line of a finding with its whole message, and below it why, and what to do."""
    message = plain(finding.message, _LONGEST)
    first = next(wrap(message, _room(finding, width)))
    yield _head(finding, width, chosen=True, message=first)
    hang = " " * _cells(_before(finding, chosen=True))
    rest = message[len(first) :].lstrip(" ")
    if rest:
        yield from ([(hang, ""), (line, "")] for line in wrap(rest, max(_LEAST_MESSAGE, width - len(hang) - 1)))
    for evidence in finding.evidence[:_MOST_EVIDENCE]:
        yield from _under("·", evidence, width, "quiet")
    if len(finding.evidence) > _MOST_EVIDENCE:
        yield from _under("·", f"and {len(finding.evidence) - _MOST_EVIDENCE} more", width, "quiet")
    yield from _under("→", finding.remedy, width, "")
    yield []


def _cells(pieces: Pieces) -> int:
    return sum(cells(text) for text, _ in pieces)


def _under(mark: str, text: str, width: int, style: str) -> Iterator[Pieces]:
    """A mark, and beside it the text, which goes on under itself."""
    head = f"{' ' * _INDENT}{mark} "
    for line in wrap(plain(text, _LONGEST), max(8, width - len(head) - 1)):
        yield [(head, "quiet"), (line, style)]
        head = " " * len(head)
