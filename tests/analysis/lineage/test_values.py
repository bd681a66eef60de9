"""Texts as distinctive values and words."""

from __future__ import annotations

import pytest

from tracekit.analysis.lineage.values import features_of, is_path, names_in, paths_in, tokens, weight


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("It is TCK-1041.", {"tck-1041"}),
        ("1,284.50 EUR", {"1284.5"}),
        ("since 2024, or 12", set()),
        ("see src/cart.py", {"src/cart.py", "cart.py"}),
        ("call getUserName now", {"getusername"}),
        ("commit 9f86d081884c7d65", {"9f86d081884c7d65", "9f86d08"}),
        ("e.g. the hull", set()),
        ("ann@example.org", {"ann@example.org", "example.org"}),
        ("nothing of note", set()),
    ],
)
def test_values(text: str, values: set[str]) -> None:
    assert features_of(text).values == values


def test_words_are_told_by_their_beginnings() -> None:
    assert features_of("Performances").words == features_of("performing").words == {"perfo"}
    assert features_of("a hen ran").words == set()
    assert features_of("調査結果").words == {"調査", "査結", "結果"}


def test_two_signs_without_a_space_are_worth_half_a_word() -> None:
    assert weight({"perfo", "hull"}) == 2
    assert weight({"調査", "結果"}) == 1


@pytest.mark.parametrize(
    ("text", "is_one"), [("src/cart.py", True), ("cart.py", True), ("a b/c", False), ("cart", False)]
)
def test_paths(text: str, is_one: bool) -> None:
    assert is_path(text) is is_one


def test_paths_and_names_in_texts() -> None:
    assert paths_in(["Read ./Docs/guide.md, then a.py: fast."]) == {"docs/guide.md", "a.py"}
    assert names_in(["orders", "two words", "x", "./out/"]) == {"orders", "out"}


def test_tokens() -> None:
    assert tokens("Hull, 3 masts! 船") == ["hull", "3", "masts", "船"]
