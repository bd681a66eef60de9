"""The attributes of exported spans: every text is redacted, wherever it stands."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.planted import CREDENTIALS
from tracekit import semconv
from tracekit.privacy import Privacy, SpanFacts, SpanRules, span_attributes
from tracekit.privacy.own_rules import OwnRules
from tracekit.privacy.patterns import Pattern

PLAIN = Privacy(OwnRules({}))
OWN = Privacy(OwnRules({"first": Pattern(r"^word\Z")}))
FACTS = SpanFacts("llm", "a" * 32, "run", "lead", 1)


def exported(privacy: Privacy, attributes: dict[str, Any]) -> dict[str, Any]:
    return span_attributes(attributes, FACTS, SpanRules(False, privacy.text))


def places(secret: str) -> dict[str, dict[str, Any]]:
    others = {semconv.REQUEST_MODEL: "claude-sonnet-5", semconv.SERVER_PORT: 443, semconv.HTTP_METHOD: "POST"}
    return {
        "text": {**others, "x": secret},
        "list": {"x": ["plain", secret], **others},
        "nested": {**others, "x": {"y": [secret, 1]}},
        "mixed list": {**others, "x": [1, secret]},
        "url": {**others, semconv.URL_FULL: f"https://a/{quote(secret, safe='')}"},
        "query": {**others, semconv.URL_QUERY: f"q={secret.replace(' ', '+')}"},
    }


@pytest.mark.parametrize("secret", CREDENTIALS)
def test_no_credential_is_exported(secret: str) -> None:
    for name, attributes in places(secret).items():
        for _ in range(2):
            found = exported(PLAIN, attributes)
            assert any("[redacted:" in str(value) for value in found.values()), name
            assert not any(secret in str(value) for value in found.values()), name


def test_a_rule_of_the_users_sees_each_text_from_its_begin_to_its_end() -> None:
    found = exported(OWN, {"x": "word", "y": "a word", "z": ["plain", "word"]})
    assert found["x"] == "[redacted:first]"
    assert found["y"] == "a word"
    assert found["z"] == ["plain", "[redacted:first]"]


def test_what_a_wire_cannot_hold_is_put_in_form() -> None:
    odd = {
        "big": 1 << 70,
        "half": "\ud800",
        "nothing": None,
        "key": {1: "\ud800", ("a", 2): object},
        "floats": [1.5, 2.5],
    }
    found = exported(PLAIN, odd)
    assert found["big"] == str(1 << 70)
    assert found["half"] == "\\ud800"
    assert "nothing" not in found
    assert found["key"] == '{"1":"\\\\ud800","(\'a\', 2)":"<class \'object\'>"}'.replace("\\\\", "\\")
    assert found["floats"] == [1.5, 2.5]
