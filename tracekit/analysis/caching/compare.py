"""Two requests of a conversation, compared as the API's prompt cache compares them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, TypeAlias

from tracekit.analysis.caching.blocks import SECTIONS, Prefix, PromptBlock
from tracekit.analysis.caching.limits import LOOK_BACK
from tracekit.analysis.caching.settings import Setting

__all__ = ["Cause", "PromptDifference", "first_difference", "marker_fault"]

Cause: TypeAlias = Literal[
    "model",
    "host",
    "setting",
    "text",
    "tools",
    "order of tools",
    "order of keys",
    "markers",
    "look-back",
    "expired",
    "thinking dropped",
    "provider",
]
"""The reasons why a cached prefix was not read."""

_RUNS = ("tool_use", "tool_result")


@dataclass(frozen=True, slots=True)
class PromptDifference:
    """The first place at which a request differs from the one before it.

    `at` is the index of the block at or before which they differ. `before` and `after` are the blocks there, of the
    earlier and the later request; None where a request has no block there, or a `setting` differs.
    """

    cause: Cause
    at: int
    before: PromptBlock | None = None
    after: PromptBlock | None = None
    setting: str = ""

    @property
    def place(self) -> PromptBlock | None:
        """The block at this place: of two sections, tools come first, then the system prompt."""
        blocks = [block for block in (self.before, self.after) if block is not None]
        return min(blocks, key=lambda block: SECTIONS.index(block.section), default=None)


def first_difference(before: Prefix, after: Prefix, settings: Sequence[Setting]) -> PromptDifference | None:
    """Return the first difference in the prefix that `before` cached up to its last marker, or None."""
    cached = before.markers[-1] + 1 if before.markers else 0
    found = [PromptDifference("setting", before.start_of(each.section), setting=each.name) for each in settings]
    block = _first_block(before.blocks, after.blocks, cached)
    if block is not None:
        found.append(block)
    # Of what is at one place, a setting stands before the blocks.
    return min((each for each in found if each.at < cached), key=lambda each: each.at, default=None)


def _first_block(before: Sequence[PromptBlock], after: Sequence[PromptBlock], cached: int) -> PromptDifference | None:
    """Return the difference at the first of the first `cached` blocks that differs, or None."""
    for at, (one, other) in enumerate(zip_longest(before[:cached], after[:cached])):
        if one is not other and (one is None or other is None or _identity(one) != _identity(other)):
            return PromptDifference(_cause(before, after, at), at, one, other)
    return None


def _identity(block: PromptBlock) -> tuple[object, ...]:
    # The message counts: a block that moved to a message of its own is another prompt.
    return block.section, block.message, block.ordered


def _cause(before: Sequence[PromptBlock], after: Sequence[PromptBlock], at: int) -> Cause:
    one, other = before[at], after[at] if at < len(after) else None
    if other is not None and one.section == other.section and one.message == other.message:
        if one.content == other.content:
            return "order of keys"
        if one.section != "tools":
            return "text"
    if "tools" not in (one.section, other and other.section):
        return "text"
    olds, news = ([block for block in blocks if block.section == "tools"] for blocks in (before, after))
    if sorted(block.content for block in olds) == sorted(block.content for block in news):
        return "order of tools"
    return "tools" if {block.name for block in olds} != {block.name for block in news} else "text"


def marker_fault(before: Prefix, after: Prefix, *, runs_count_once: bool) -> Cause | None:
    """Return why `after`, which has all cached blocks of `before`, could not look them up, or None.

    `runs_count_once` is True if consecutive blocks of one kind, tool uses or tool results, count as one place for the
    look-back.
    """
    entry = before.markers[-1]
    behind = [marker for marker in after.markers if marker >= entry]
    if not behind:
        return "markers"
    places = min(_places(after.blocks, entry, marker, runs_count_once=runs_count_once) for marker in behind)
    if places > LOOK_BACK:
        return "look-back"
    return "markers" if before.ttl_ns != _ttl_at(after, behind) else None


def _places(blocks: Sequence[PromptBlock], entry: int, marker: int, *, runs_count_once: bool) -> int:
    """Return the number of places looked up from `marker` back to `entry`, both included."""
    places = 1
    for at in range(entry + 1, marker + 1):
        is_run = runs_count_once and blocks[at].kind in _RUNS and blocks[at].kind == blocks[at - 1].kind
        places += not is_run
    return places


def _ttl_at(prefix: Prefix, markers: Sequence[int]) -> int:
    """Return the lifetime that the first of `markers` requests."""
    ttl_ns = prefix.blocks[markers[0]].ttl_ns
    return ttl_ns or prefix.ttl_ns
