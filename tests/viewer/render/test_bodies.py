"""Rows of text, JSON, facts and tables: they fit, lose nothing, and cost only the part that is shown."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from rich.cells import cell_len
from tracekit_viewer.render.block import STEP, Block, Body, rows_of
from tracekit_viewer.render.bodies import Json, KeyValues, Lines, SideBySide, Table, Text
from tracekit_viewer.render.text import fit, plain, wrap

from tests.support.hostile import CLASSES


def lines(body: Body, width: int = 60, most: int = STEP) -> list[str]:
    return ["".join(text for text, _ in line) for line in body.shown(width, most).lines]


# ── text ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_wrapping_keeps_words_and_indentation() -> None:
    rows = list(wrap("    a line of code that is longer than the row it stands on", 40))
    assert rows == ["    a line of code that is longer than", "    the row it stands on"]
    assert list(wrap("x" * 25, 10)) == ["x" * 10, "x" * 10, "x" * 5]
    assert list(wrap("漢" * 8, 5)) == ["漢漢", "漢漢", "漢漢", "漢漢"]
    assert list(wrap("", 10)) == [""]
    assert list(wrap("a\tb\r", 10)) == ["a   b"]


def test_wrapping_loses_nothing_at_any_width() -> None:
    source = random.Random(7)
    letters = "ab cé漢🙂\u0301 " + "\t"
    for _ in range(400):
        text = "".join(source.choices(letters, k=source.randrange(0, 900)))
        width = source.randrange(1, 90)
        rows = list(wrap(text, width))
        assert all(cell_len(row) <= width for row in rows)
        if width > 1:
            kept = "".join(rows).replace(" ", "")
            assert kept.replace("\\u{301}", "").replace("\u0301", "") == _letters(text), (width, text)


def _letters(text: str) -> str:
    return "".join(character for character in text if character not in " \t\u0301")


@pytest.mark.parametrize("words", CLASSES.values(), ids=CLASSES)
@pytest.mark.parametrize("width", [1, 2, 7, 60])
def test_hostile_text_fits(words: str, width: int) -> None:
    bodies: list[Body] = [Text(words), Json({words: [words, {words: words}]}), KeyValues(((words, words),))]
    bodies += [Lines((((words, "text"),),)), Table((words, words), (((words, "text"), (words, "text")),))]
    for body in bodies:
        for row in lines(body, width=max(8, width)):
            assert cell_len(row) <= max(8, width), body
            assert plain(row, len(row)) == row
    assert cell_len(fit(words, width)) <= width


def test_a_long_text_says_how_much_is_left() -> None:
    text = Text("\n".join(str(number) for number in range(100)))
    shown = text.shown(60, 12)
    assert len(shown.lines) == 12
    assert shown.left == "88 more lines"
    assert len(Text("\n".join("12345678901234")).shown(60, 12).lines) == 14, "a row or two are shown, not told of"
    assert text.shown(60, 200).left == ""


def test_what_nobody_sees_of_an_enormous_line_is_not_touched() -> None:
    class Counting(str):
        __slots__ = ()
        taken = 0

        def __getitem__(self, key: Any) -> str:
            found = str.__getitem__(self, key)
            Counting.taken += len(found)
            return found

    text = Counting("x" * 10_000_000)
    assert [len(row) for row in list(zip(wrap(text, 80), range(12), strict=False))] == [2] * 12
    assert Counting.taken < 10_000


# ── JSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_json_is_an_outline_in_which_texts_keep_their_lines() -> None:
    value = {
        "path": "a.py",
        "n": 3,
        "s": "12",
        "e": "",
        "no": None,
        "code": "def x():\n    pass",
        "l": [{"a": 1, "b": [2]}, []],
    }
    assert lines(Json(value)) == [
        "path: a.py",
        "n: 3",
        's: "12"',
        'e: ""',
        "no: null",
        "code:",
        "  def x():",
        "      pass",
        "l:",
        "  - a: 1",
        "    b:",
        "      - 2",
        "  - []",
    ]
    assert lines(Json([])) == ["[]"]
    assert lines(Json("just text")) == ["just text"]


def test_deep_and_large_json_is_cut_where_it_is_folded() -> None:
    deep: Any = "bottom"
    for _ in range(900):
        deep = {"k": [deep]}
    assert all(cell_len(row) <= 60 for row in lines(Json(deep)))
    wide = Json({str(number): number for number in range(100_000)})
    assert wide.shown(60, 8).left == "20.0k+ more lines"


# ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_block_folds_unfolds_and_unfolds_further() -> None:
    block = Block("k", (("head", "strong"),), body=Text("line\n" * (STEP + 50)), folded=3)
    folded, opened, further = (rows_of(block, 40, opened) for opened in range(3))
    assert [row.does for row in folded] == ["fold", "", "", "", "more", ""]
    assert len(opened) == 1 + STEP + 1 + 1
    assert opened[-2].does == "more"
    assert len(further) == 1 + STEP + 50 + 1 + 1
    assert further[-2].does == "fold"


def test_a_block_without_rows_of_its_body_has_a_mark() -> None:
    block = Block("k", (("head", "strong"),), body=Text("body"), folded=0, apart=False)
    assert [("".join(text for text, _ in row.line)) for row in rows_of(block, 40, 0)] == ["▸ head"]
    assert [("".join(text for text, _ in row.line)) for row in rows_of(block, 40, 1)] == ["▾ head", "│ body"]


def test_two_bodies_stand_side_by_side_where_there_is_room() -> None:
    beside = SideBySide("given", Json({"a": 1}), "returned", Text("one\ntwo"))
    assert lines(beside, 100)[1].startswith("a: 1")
    assert lines(beside, 100)[1].endswith("│ one")
    assert lines(beside, 60) == ["given", "a: 1", "returned", "one", "two"]
    assert json.dumps(lines(beside, 100)).count("two") == 1
