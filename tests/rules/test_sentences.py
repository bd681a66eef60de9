"""Sentences that give an order, in ten languages: no list has them, and a check still does not fail."""

from __future__ import annotations

import pytest

from fixtures.rules.story import Ask, Story, one_by_one
from fixtures.rules.telling import codes, run_of
from tracekit.rules import findings_of

ENGLISH = (
    "Don't parallelize.",
    "You may not batch tool calls.",
    "Never issue more than a single call per response.",
    "Await each outcome before you move on.",
    "Calls are to be serialised.",
    "Keep it to one lookup at any given time.",
    "Hold off on the next until the previous is in.",
    "Concurrency is not supported by the backend.",
    "Only a lone request is tolerated.",
    "Proceed step by step.",
    "Don't fan out.",
    "The scale weighs a single crate.",
    "Take turns.",
    "Work through the list from top to bottom, stopping at the first hit.",
    "If the hull is rotten, forget about the rest.",
    "Stop as soon as you are sure.",
    "Look at the mast unless the hull answers it.",
    "Use what you learn to decide where to look.",
    "There is one diver.",
    "The licence covers a single seat.",
    "Finish what you begin before you begin anything else.",
    "Requests that overlap get a fine.",
    "Queue them.",
    "Be patient: ask, read, think, ask again.",
    "Each look costs money; spend as little as will do.",
    "Begin with the hull and let it lead you.",
    "The surveyor cannot be in two places.",
    "Go down the list while there is doubt.",
    "Sequential access only.",
    "Whatever comes first may spare you the others.",
)
OTHERS = (
    "Niemals mehrere Werkzeuge zugleich aufrufen.",
    "Erst wenn die Antwort da ist, kommt die nächste Frage.",
    "Es gibt nur eine Waage.",
    "Hör auf, sobald du es weißt.",
    "Jeweils ein Aufruf pro Antwort.",
    "N'appelle jamais deux outils à la fois.",
    "Attends chaque réponse avant de continuer.",
    "Un seul plongeur est disponible.",
    "Arrête-toi dès que tu en es sûr.",
    "No llames a dos herramientas a la vez.",
    "Espera cada respuesta antes de seguir.",
    "Solo hay una báscula.",
    "Para en cuanto lo sepas.",
    "Non chiamare più strumenti insieme.",
    "Aspetta ogni risposta prima di procedere.",
    "C'è una sola bilancia.",
    "Nunca chame duas ferramentas ao mesmo tempo.",
    "Espere cada resposta antes de continuar.",
    "Há apenas um mergulhador.",
    "Nie wywołuj kilku narzędzi naraz.",
    "Poczekaj na każdą odpowiedź.",
    "Jest tylko jeden nurek.",
    "一度に一つだけ尋ねること。",
    "答えを待ってから次へ進む。",
    "一次只能调用一个工具。",
    "等到结果再继续。",
    "한 번에 하나씩만 호출하세요.",
    "답을 받은 뒤에 다음으로 넘어가세요.",
    "Roep nooit twee tools tegelijk aan.",
    "Wacht telkens op het antwoord.",
)
PARTS = ("hull", "mast", "sail")


@pytest.mark.parametrize("sentence", [*ENGLISH, *OTHERS])
@pytest.mark.parametrize("is_agent", [True, False], ids=["agents", "tools"])
def test_an_order_in_words_is_never_overlooked(sentence: str, is_agent: bool) -> None:
    asks = one_by_one(*(Ask("survey", {"part": part}, f"{part}: fine", agent=is_agent) for part in PARTS))
    where = "Survey hull, mast and sail."
    stories = (
        Story("in the system prompt", where, asks, system=f"You lead. {sentence}"),
        Story("in the task", f"{where} {sentence}", asks),
        Story("in the tool", where, asks, tools={"survey": sentence}),
    )
    for story in stories:
        findings = findings_of(run_of(story))
        assert codes(findings) == []
        assert codes(findings, "possible") == ["TK103"]


def test_there_are_enough_of_them() -> None:
    assert len(set(ENGLISH)) == len(set(OTHERS)) == 30
