"""Find the `tool_use` block that a subagent served.

Content is the first evidence: the subagent's last response is the block's result, or its prompt has the block's input.
The lane is the next, where that leaves more than one block: the lane of work that is already placed, then the order of
the lanes, if there are as many as blocks. Without evidence nothing is placed.

A tool is over when its result is known: work that was shown the result did not serve the block. Where a run ended well
and nobody returned a result, the block may be the asker's final response: work served it only if the block's input
chose the agent's name or system prompt, or if several were started for as many blocks. A call that was shown its words
came after it.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

from tracekit.analysis.structure.calls import LlmCall, ToolUse, texts_in
from tracekit.analysis.structure.conversations import Conversation
from tracekit.analysis.structure.draft import Draft
from tracekit.analysis.structure.lanes import common_lane
from tracekit.analysis.structure.prompts import Prompts
from tracekit.model.tree import Status

__all__ = ["STRENGTH", "Candidate", "Candidates", "ToolWindow", "WaitingTimes", "place", "windows_of"]

STRENGTH = {"result": 3, "prompt": 2, "name": 2, "lane": 1}
"""The kinds of evidence, each with its strength."""

_DISTINCTIVE = 4
"""Characters of a text of a block's input from which it is searched in a prompt."""
_TELLING = 12
"""Characters of a text that is evidence by itself, whatever else the block's input has."""
_FEW = 64
"""Number of works that are compared with a response one by one."""
_END = 1 << 63
"""A time after every other."""


@dataclass(slots=True, eq=False)
class ToolWindow:
    """The time between a response that requests tools and the request that returns their results.

    `is_quoted` is True if `brought` quotes the tool call as text: as the words of a user or as its own. `is_left` is
    True if the run is over and nobody returned a result; `is_final` if it also ended well, so that nobody was to return
    one. `is_form` is True if the tool only gave such a response its form: the model had to use one.
    """

    conversation: Conversation
    asked: LlmCall
    brought: LlmCall | None
    is_left: bool = False
    is_final: bool = False
    is_quoted: bool = False

    @property
    def is_form(self) -> bool:
        """True if the tool only gave the response its form."""
        return self.is_left and self.asked.is_forced

    @property
    def asker(self) -> str:
        """The lane that started the tools: above the asker's own if each of its requests has one of its own."""
        lane = self.asked.llm.lane
        return lane if self.brought is None else common_lane(lane, self.brought.llm.lane)

    def holds(self, start_ns: int) -> bool:
        """Return whether work that began at `start_ns` may have been requested by this response."""
        return self.asked.end_ns <= start_ns and (self.brought is None or start_ns < self.brought.start_ns)

    def is_beside(self, first: LlmCall) -> bool:
        """Return whether `first` is a parallel request of the program that does not serve this response.

        It is set up like the asker's call, was not started from there, and no result was ever returned: the tools may
        only give the responses their form.
        """
        asked = self.asked
        if self.brought is not None or not asked.offered:
            return False
        is_alike = first.offered == asked.offered and first.system == asked.system
        return is_alike and _branch(asked.llm.lane, first.llm.lane) is None

    def has_run(self, block: ToolUse) -> bool:
        """Return whether the tool that `block` requested has run."""
        if self.brought is None:
            return False
        return self.brought.brings(block.id) or (self.is_quoted and self.brought.quotes(block, self.asked))

    def result(self, block: ToolUse) -> str | None:
        """Return the text that was returned as the result of `block`."""
        if self.brought is None:
            return None
        result = self.brought.result(block.id)
        return result if result is not None or not self.is_quoted else self.brought.quoted_result(self.asked)


@dataclass(eq=False)
class Candidate:
    """A possible subagent: a conversation, or a recorded agent with the calls below it."""

    calls: list[LlmCall]
    start_ns: int
    lane: str
    name: str | None = None
    conversation: Conversation | None = None
    agent: Draft | None = None

    @property
    def first(self) -> LlmCall | None:
        """The first call, or None."""
        return self.calls[0] if self.calls else None

    @cached_property
    def said(self) -> str:
        """The text of the last response."""
        return self.calls[-1].text.strip() if self.calls else ""

    @cached_property
    def answers(self) -> list[list[list[str]]]:
        """The texts of the last response, each as it is and as JSON writes it.

        There is the text as a whole, and the values of a structured response: JSON, or the input of a tool.
        """
        if not self.calls:
            return []
        inputs = [block.input for block in self.calls[-1].blocks] or [_json_in(self.said)]
        values = [text for text in map(str.strip, texts_in(inputs)) if len(text) >= _DISTINCTIVE]
        told = [texts for texts in ([self.said], values) if sum(map(len, texts)) >= _TELLING]
        return [list(map(_written, texts)) for texts in told]


def windows_of(conversation: Conversation, status: Status = "open") -> Iterator[ToolWindow]:
    """Yield the windows of `conversation`, one for each response that requests tools. `status` is that of the run."""
    for call, bringing in conversation.pairs():
        if call.blocks and call.llm.end_ns is not None:
            is_left = bringing is None and status in ("ok", "error")
            is_quoted = bringing is not None and conversation.quoting.get(id(call)) is bringing
            yield ToolWindow(conversation, call, bringing, is_left, is_left and status == "ok", is_quoted)


class Candidates:
    """The possible subagents of a container in the order of their begins, found by the windows in which they began."""

    def __init__(self, works: Iterable[Candidate]) -> None:
        self._in_order = sorted(works, key=lambda work: work.start_ns)
        self._begins = [work.start_ns for work in self._in_order]
        self.prompts = Prompts([work.first for work in self._in_order])

    def inside(self, window: ToolWindow) -> list[Candidate]:
        """Return the works that may have served the response of `window`, in order."""
        low = bisect_left(self._begins, window.asked.end_ns)
        if window.brought is None:
            few = len(self._in_order) - low <= _FEW
            places = range(low, len(self._in_order)) if few else sorted(set(self._told(window, low)))
        else:
            places = range(low, bisect_left(self._begins, window.brought.start_ns))
        inside = (self._in_order[place] for place in places)
        return [work for work in inside if work.conversation is not window.conversation]

    def _told(self, window: ToolWindow, low: int) -> Iterator[int]:
        """Yield the places, from `low` on, of works with any evidence that they served a response without results.

        Thousands of calls may request tools only for the form of the response, and every later work is in the window of
        each.
        """
        below = self._below.get(window.asked.llm.lane, ())
        yield from below[bisect_left(below, low) :]
        for block in window.asked.blocks:
            named = self._named.get(block.name, ())
            yield from named[bisect_left(named, low) :]
            texts = sorted(_looked_for(block), key=len, reverse=True)
            for text in (*texts[:1], *(text for text in texts[1:] if len(text) >= _TELLING)):
                yield from self.prompts.having(text, low)

    @cached_property
    def _below(self) -> Mapping[str, list[int]]:
        """The places of the works that began below each lane."""
        below: dict[str, list[int]] = {}
        for place, work in enumerate(self._in_order):
            parts = work.lane.split(".")
            for length in range(1, len(parts)):
                below.setdefault(".".join(parts[:length]), []).append(place)
        return below

    @cached_property
    def _named(self) -> Mapping[str | None, list[int]]:
        named: dict[str | None, list[int]] = {}
        for place, work in enumerate(self._in_order):
            named.setdefault(work.name, []).append(place)
        return named


class WaitingTimes:
    """The times in which works that serve one block wait for tools that they requested themselves."""

    def __init__(self, windows: Iterable[ToolWindow]) -> None:
        in_order = sorted(windows, key=lambda window: window.asked.end_ns)
        ends = (_END if window.brought is None else window.brought.start_ns for window in in_order)
        self._begins = [window.asked.end_ns for window in in_order]
        self._latest_ends = list(accumulate(ends, max))

    def hold(self, work: Candidate) -> bool:
        """Return whether another of the works waited when `work` began."""
        # A work whose first call took no time began when it asked for its own tools.
        is_at_once = work.first is not None and work.first.end_ns <= work.start_ns
        before = (bisect_left if is_at_once else bisect_right)(self._begins, work.start_ns)
        return before > 0 and self._latest_ends[before - 1] > work.start_ns


def place(works: Sequence[Candidate], window: ToolWindow, prompts: Prompts) -> dict[int, tuple[ToolUse, str]]:
    """Return the block that each work in `window` served and the evidence, by the `id()` of the work."""
    placed: dict[int, tuple[ToolUse, str]] = {}
    blocks = window.asked.blocks
    inputs = {block.number: _looked_for(block) for block in blocks} if works else {}
    results = {block.number: window.result(block) for block in blocks} if works and window.brought else {}
    for work in works:
        named = [block for block in blocks if block.name == work.name] if work.name else []
        candidates: Sequence[ToolUse] = [block for block in named or blocks if not _is_after(work, block, window)]
        by_result = [block for block in candidates if _is_result(work, results.get(block.number))]
        open_ones = by_result or [each for each in candidates if not _has(work, results.get(each.number), prompts)]
        looked_for = [(block, inputs[block.number]) for block in open_ones]
        tells_nothing = window.is_form or (work.calls and window.is_beside(work.calls[0]))
        by_prompt = [] if tells_nothing else _by_prompt(work, looked_for, prompts, is_final=window.is_final)
        if len(by_result) == 1:
            placed[id(work)] = (by_result[0], "result")
        elif len(by_prompt) == 1:
            placed[id(work)] = (by_prompt[0], "prompt")
        elif len(named) == 1:
            placed[id(work)] = (named[0], "name")
    if not window.is_form:
        # Where each request of the asker has a lane of its own, calls of the program have lanes beside the tools'.
        texts = [] if window.asker == window.asked.llm.lane else list(results.values())
        is_later = (
            any(_is_after(work, block, window) for block in blocks) or any(_has(work, text, prompts) for text in texts)
            for work in works
        )
        in_time = [work for work, late in zip(works, is_later, strict=True) if not late or id(work) in placed]
        _place_by_lane(in_time, window, placed)
    return placed


def _place_by_lane(works: Sequence[Candidate], window: ToolWindow, placed: dict[int, tuple[ToolUse, str]]) -> None:
    """Place the rest of the works by the lanes that the asker started."""
    asker = window.asker
    branches: dict[str, list[Candidate]] = {}
    for work in works:
        branch = _branch(asker, work.lane)
        if branch is not None:
            branches.setdefault(branch, []).append(work)
    for branch_works in branches.values():
        served = {placed[id(work)][0].id: placed[id(work)][0] for work in branch_works if id(work) in placed}
        if len(served) == 1:
            block = next(iter(served.values()))
            for work in branch_works:
                placed.setdefault(id(work), (block, "lane"))
    if len(branches) != len(window.asked.blocks) or (window.is_final and len(branches) == 1):
        return
    ordered = sorted(branches, key=_lane_order)
    in_order = dict(zip(ordered, window.asked.blocks, strict=True))
    if any(
        id(work) in placed and placed[id(work)][0] is not in_order[branch]
        for branch in ordered
        for work in branches[branch]
    ):
        # What the work said contradicts the order, so the order tells nothing.
        return
    for branch in ordered:
        for work in branches[branch]:
            placed.setdefault(id(work), (in_order[branch], "lane"))


def _branch(asker: str, lane: str) -> str | None:
    """Return the lane directly under `asker` on the way to `lane`, or None."""
    if not lane.startswith(asker + "."):
        return None
    return lane[len(asker) + 1 :].partition(".")[0]


def _lane_order(branch: str) -> tuple[str, int]:
    return branch[:1], int(branch[1:]) if branch[1:].isdigit() else 0


def _is_after(work: Candidate, block: ToolUse, window: ToolWindow) -> bool:
    """Return whether the work was shown the result of `block` that the asker got, or took the history over."""
    if work.first is not None and window.conversation.quoting.get(id(window.asked)) is work.first:
        return not _is_result(work, window.result(block))
    if work.first is None or len(work.first.messages) <= 1 or not work.first.brings(block.id):
        return False
    return window.brought is None or work.first.result(block.id) == window.result(block)


def _has(work: Candidate, result: str | None, prompts: Prompts) -> bool:
    """Return whether the work's prompt has `result`, and that is long enough to be evidence."""
    text = (result or "").strip()
    return work.first is not None and len(text) >= _TELLING and prompts.has(work.first, text)


def _is_result(work: Candidate, result: str | None) -> bool:
    """Return whether the work's response, or each value of a structured one, is `result` or part of it."""
    if result is None:
        return False
    if work.said and work.said == result.strip():
        return True
    return any(all(any(text in result for text in written) for written in texts) for texts in work.answers)


def _written(text: str) -> list[str]:
    """Return `text` as it is, and as JSON writes it where that differs."""
    return list(dict.fromkeys((text, *(json.dumps(text, ensure_ascii=ascii)[1:-1] for ascii in (True, False)))))


def _json_in(text: str) -> Any:
    """Return the JSON value of `text`, or None if it is none."""
    if not text.startswith(("{", "[")):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _looked_for(block: ToolUse) -> list[str]:
    """Return the texts of the block's input by which it is recognised in a prompt."""
    texts = (text.strip() for text in block.texts)
    return [text for text in texts if len(text) >= _DISTINCTIVE]


def _by_prompt(
    work: Candidate, looked_for: Sequence[tuple[ToolUse, list[str]]], prompts: Prompts, *, is_final: bool
) -> list[ToolUse]:
    """Return the blocks whose input is in the work's prompt: every text of it, else a long one."""
    first = work.first
    if first is None:
        return []

    def has(text: str) -> bool:
        return text in first.system if is_final else prompts.has(first, text)

    whole = [block for block, texts in looked_for if texts and all(map(has, texts))]
    return whole or [block for block, texts in looked_for if any(len(text) >= _TELLING and has(text) for text in texts)]
