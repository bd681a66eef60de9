"""The context in which something was asked for."""

from __future__ import annotations

import pytest

from tracekit.analysis.lineage.task import Context


@pytest.mark.parametrize(
    ("text", "items", "is_list"),
    [
        ("Compare Nordwind, Seeblick und Talstern.", ("Nordwind", "Seeblick", "Talstern"), True),
        ("Compare Nordwind and Seeblick.", ("Nordwind", "Seeblick"), True),
        ('["hull", "mast", "sail"]', ("hull", "sail"), True),
        ("- hull\n- mast\n- sail", ("hull", "mast", "sail"), True),
        ("部品は船体、帆柱、帆です。", ("船体", "帆柱"), True),
        ("The hull is old. Nobody has ever seen the mast.", ("hull", "mast"), False),
        ("The hull is what the owner asked us about before he sold the mast", ("hull", "mast"), False),
        ("shop/cart.py is long. Nobody likes shop/mail.py either.", ("shop/cart.py", "shop/mail.py"), True),
        ("Compare Nordwind.", ("Nordwind", "Seeblick"), False),
        ("Compare Nordwind.", ("Nordwind",), False),
    ],
)
def test_lists(text: str, items: tuple[str, ...], is_list: bool) -> None:
    assert Context([text]).lists(items) is is_list


def test_items_of_two_texts_are_no_list() -> None:
    assert not Context(["Look at hull, mast.", "Look at sail, oar."]).lists(["hull", "sail"])


def test_what_was_known() -> None:
    context = Context(["Look at src/cart.py for TCK-1041."])
    assert context.knows("tck-1041")
    assert context.knows("elsewhere/cart.py")
    assert not context.knows("tck-1042")
    assert context.has("LOOK AT")


def test_very_much_text_keeps_its_values_and_words() -> None:
    context = Context(["The first is TCK-1041."])
    for number in range(90):
        context.add(f"{number} " + "x" * 100_000)
    assert context.knows("tck-1041")
    assert not context.has("the first is")
