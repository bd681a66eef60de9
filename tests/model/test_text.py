"""Text from models and tools, made fit for a row: nothing acts, nothing hides, and what people write stays readable."""

from __future__ import annotations

import random
import sys
import unicodedata

import pytest
from rich.cells import cell_len

from tests.support.hostile import CLASSES, SURROGATES
from tracekit.model.text import printable

READABLE = [
    "plain ASCII, with (all) its [signs] {and} ~tildes~",
    "Grüße aus Zürich, naïve façade, Đặng Việt",
    "Привет, κόσμε, שלום עולם, مرحبا",
    "漢字かな交じり文、한국어 텍스트",
    "नमस्ते दुनिया, வணக்கம், สวัสดีชาวโลก",
    "→ ✓ ✗ • … — “quotes” €",
    "🙂 🚀 🇩🇪",
    "e\u0301 with a mark",
]


@pytest.mark.parametrize("text", READABLE)
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a␛[31mb"),
        ("bell\x07del\x7fnul\x00", "bell␇del␡nul␀"),
        ("two\nlines\tand\rmore", "two⏎lines→and␍more"),
        ("\x9b31m", "\\u{9b}31m"),
        ("\u202egnp.exe", "\\u{202e}gnp.exe"),
        ("pay\u200bpal\ufeff", "pay\\u{200b}pal\\u{feff}"),
        ("half \ud83d", "half \\u{d83d}"),
        ("\ue0b0", "\\u{e0b0}"),
        ("a\u2028b", "a\\u{2028}b"),
        ("x" + "\U000e0061" * 40, "x\\u{e0061}\\u{e0061}\\u{e0061}+37"),
        ("e" + "\u0301" * 30, "e" + "\u0301" * 4 + "\\u{301}" * 3 + "+23"),
        ("\u0301", "\\u{301}"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("❤\ufe0f 👍🏽 1\ufe0f\u20e3", "❤ 👍 1\u20e3"),
        ("a\u200db", "a\\u{200d}b"),
        ("می\u200cخواهم", "میخواهم"),  # noqa: RUF001  Persian
        ("a\ufe0f", "a\\u{fe0f}"),
        ("葛\U000e0100", "葛"),
        ("\u1112\u1161\u11ab", "한"),
        ("\u3164", "\\u{3164}"),
        ("no\u00a0break", "no break"),
        ("[bold]x[/]", "[bold]x[/]"),
    ],
)
def test_what_acts_or_hides_is_seen(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut_before_it_costs() -> None:
    assert printable("x" * 10_000_000, most=5) == "xxxxx…"
    assert printable("\u202e" * 10_000_000, most=5) == "\\u{202e}" * 3 + "+2…"


def test_no_character_alone_acts_or_takes_no_room() -> None:
    unassigned, private = range(0x40000, 0xE0000, 251), range(0xF0000, sys.maxunicode, 251)  # planes of one kind each
    for code in (*range(0x40000), *unassigned, *range(0xE0000, 0xF0000), *private, sys.maxunicode):
        shown = printable(chr(code))
        assert _is_fit(shown), hex(code)
        assert cell_len(shown) >= 1, hex(code)


def test_no_mixture_acts_hides_or_has_two_widths() -> None:
    source = random.Random(20261122)
    odd = "".join([*CLASSES.values(), SURROGATES]) + "\u200c\u200d\ufe0f\u0301\u1161🏽🇩👩❤aक्می 漢"
    for _ in range(3_000):
        characters = [
            source.choice(odd) if source.random() < 0.8 else chr(source.randrange(sys.maxunicode + 1))
            for _ in range(source.randrange(1, 60))
        ]
        text = "".join(characters)
        shown = printable(text)
        assert _is_fit(shown), ascii(text)
        assert printable(shown) == shown, ascii(text)
        assert cell_len(shown) == sum(map(cell_len, shown)), ascii(text)
        marks = max((len(run) for run in _runs_of_marks(shown)), default=0)
        assert marks <= 4, ascii(text)


def _is_fit(shown: str) -> bool:
    return not any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for character in shown)


def _runs_of_marks(text: str) -> list[str]:
    runs = [""]
    for character in text:
        if unicodedata.category(character).startswith("M"):
            runs[-1] += character
        elif runs[-1]:
            runs.append("")
    return runs
