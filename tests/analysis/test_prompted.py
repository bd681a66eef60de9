"""The words of a request, with a history that is too long to be looked through as a whole."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.build import assistant, said, user
from tracekit.analysis import content
from tracekit.analysis.content import LONGEST_TEXT, Prompted, leaves, messages_text, shortened
from tracekit.model.history import RequestFields, asked_in


def request(*messages: dict[str, Any], **more: Any) -> RequestFields:
    return asked_in(json.dumps({"model": "m", "max_tokens": 9, "messages": list(messages), **more}).encode())


def test_leaves_are_strings_and_numbers_in_order_without_base64() -> None:
    image = {"type": "base64", "media_type": "image/png", "data": "iVBOR"}
    value = ["a", {"b": 1, "c": [2.5, True, None, ("d", {"e": "f"})]}, {"type": "image", "source": image}]
    assert leaves(value) == ["a", "1", "2.5", "d", "f", "image"]
    assert leaves("alone") == ["alone"]


@pytest.mark.parametrize(("text", "expected"), [("abcd", "abcd"), ("abcdef", "ab\nef")])
def test_a_long_text_is_its_begin_and_its_end(text: str, expected: str) -> None:
    assert shortened(text, 4) == expected


def test_a_text_is_found_in_any_case_wherever_it_stands() -> None:
    asked = request(
        user("The Harbour"),
        assistant(said("Noted.")),
        user("Go on."),
        system="You keep SHIPS.",
        tools=[{"name": "Look"}],
    )
    reader = Prompted()
    for text in ("harbour", "NOTED", "ships", "look"):
        assert reader.has_anywhere(asked, text)
        assert reader.has_anywhere(asked, text), "the same when it is remembered"
    assert not reader.has_anywhere(asked, "submarine")


def test_a_message_that_was_looked_through_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []
    lowered = Prompted._lowered

    def counted(self: Prompted, part: Any) -> str:
        if isinstance(part.value, dict):  # a message
            read.append(part.value)
        return lowered(self, part)

    monkeypatch.setattr(Prompted, "_lowered", counted)
    reader = Prompted()
    first = request(user("one"), assistant(said("two")))
    assert not reader.has_anywhere(first, "four")
    assert len(read) == 2
    longer = request(user("one"), assistant(said("two")), user("three"), assistant(said("four")))
    assert reader.has_anywhere(longer, "four")
    assert read[2:] == [user("three"), assistant(said("four"))]
    assert not reader.has_anywhere(first, "four"), "what a longer history has is not what this one has"


def test_it_forgets_the_texts_that_were_looked_for_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_MOST_SEARCHED", 2)
    reader = Prompted()
    asked = request(user("one"))
    for text in ("a", "b", "c"):
        reader.has_anywhere(asked, text)
    assert list(reader._found) == ["b", "c"]


def test_it_keeps_no_more_characters_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(content, "_KEPT_CHARACTERS", 100)
    monkeypatch.setattr(content, "_LONGEST_KEPT", 60)
    reader = Prompted()
    asked = request(*[user(f"{number}" * 20) for number in range(5)], user("z" * 500))
    assert reader.has_anywhere(asked, "zzz")
    assert 0 < reader._characters <= 100
    assert reader._characters == sum(map(len, reader._low.values()))


def test_of_a_very_long_history_the_begin_and_the_end_are_read() -> None:
    messages = [user("the task"), *[user(f"{number} " * (LONGEST_TEXT // 5)) for number in range(6)], user("the end")]
    text = messages_text(request(*messages))
    assert text.startswith("user\nthe task")
    assert text.endswith("the end")
    assert len(text) <= content.LONGEST_TASK + 1
