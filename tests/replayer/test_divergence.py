"""The report of a divergence: where, what, and the words; short, and harmless on a terminal."""

import asyncio
import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anthropic
import pytest

from tests.support.replays import Watched, record, replay_of
from tracekit.demo.claude import ReceivedRequest, ScriptedResponse, message, text
from tracekit.errors import ReplayDivergence
from tracekit.model.recording import Recording
from tracekit.replayer.differences import differences, words_changed
from tracekit.replayer.session import Replay


class Numbered:
    """Answers each request with another number."""

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, asked: ReceivedRequest) -> ScriptedResponse:
        self.number += 1
        return message(text(str(self.number)))


def asking(*questions: dict[str, Any]) -> Callable[[str], list[str]]:
    def program(url: str) -> list[str]:
        with anthropic.Anthropic(base_url=url, api_key="key") as client:
            made = [client.messages.create(**question) for question in questions]
        return [answer.content[0].text for answer in made]

    return program


def question(words: Any = "hi", **more: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": words}]
    return {"model": "claude-sonnet-5", "max_tokens": 9, "system": "You help.", "messages": messages, **more}


def recorded(*questions: dict[str, Any]) -> Recording:
    with Watched(Numbered()) as claude:
        return record(lambda: asking(*questions)(claude.url))[1]


def diverge(run: Recording, *questions: dict[str, Any]) -> str:
    with pytest.raises(ReplayDivergence) as raised:
        replay_of(run, lambda: asking(*questions)("http://127.0.0.1:9"))
    return str(raised.value)


PLACE = "recorded > call"


def test_the_nearest_request_and_what_differs(home: Path) -> None:
    run = recorded(question("first"), question("second", system="You judge."), question("third"))
    said = diverge(run, question("first"), question("second", system="You judge harshly."))
    assert said.splitlines() == [
        "the replay left its recording: this request is not in the recording",
        "  nearest in the recording: recorded > agent-2 > turn 1 > call",
        "  asked: POST /v1/messages claude-sonnet-5",
        "  system:",
        "    - You judge.",
        "    + You judge harshly.",
    ]


@pytest.mark.parametrize(
    ("more", "lines"),
    [
        ({"model": "claude-opus-5-5"}, ["  model:", "    - claude-sonnet-5", "    + claude-opus-5-5"]),
        ({"max_tokens": 10}, ["  max_tokens:", "    - 9", "    + 10"]),
        ({"metadata": {"user_id": "u"}}, ["  metadata:", "    - (not there)", '    + {"user_id": "u"}']),
        ({"extra_headers": {"anthropic-beta": "x"}}, ["  anthropic-beta:", "    - (not there)", "    + x"]),
        ({"extra_query": {"beta": "true"}}, ["  query:", "    - ", "    + beta=true"]),
    ],
)
def test_each_field(more: dict[str, Any], lines: list[str], home: Path) -> None:
    said = diverge(recorded(question()), question(**more)).splitlines()
    assert said[3:] == lines


STATUS = "Job 7f3c9f0a-2f8e-4b1c-9a54-0d2b8c1f6e70 began at 2026-11-28T05:31:54Z, see 9e107d9d372bb6826bd81d35."
LATER = "Job 11111111-2f8e-4b1c-9a54-0d2b8c1f6e70 began at 2026-11-29T06:32:55Z, see e4d909c290d0fb1ca068ffad."


def test_where_only_ids_and_times_differ_it_is_said_how_to_pass_over_them(home: Path) -> None:
    run = recorded(question(STATUS))
    with pytest.raises(ReplayDivergence) as raised, Replay(run) as replay:
        asking(question(LATER))("http://127.0.0.1:9")
    said = str(raised.value)
    assert "the only difference is a UUID, a date and time and a hexadecimal id" in said
    assert "tracekit replay RUN --calibrate OTHER" in said
    assert replay.divergence is not None
    assert all(f"--ignore {shlex.quote(entry)}" in said for entry in replay.divergence.ignore)
    # The entries mend it.
    seen, replay = replay_of(run, lambda: asking(question(LATER))(""), ignore=replay.divergence.ignore)
    assert (seen, replay.mode) == (["1"], "followed")


@pytest.mark.parametrize(
    ("was", "now"),
    [(STATUS, LATER.replace("began", "ended")), ("2 files", "3 files"), ("Ann's cart", "Bob's cart")],
)
def test_a_change_of_words_or_amounts_is_not_explained_away(was: str, now: str, home: Path) -> None:
    run = recorded(question(was))
    said = diverge(run, question(now))
    assert "--ignore" not in said


def test_another_order_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = recorded(question("law press budget"), question("x", stop_sequences=["law", "press"]))
    assert "the same words in another order, as of a set" in diverge(run, question("budget law press"))
    assert "the same words in another order" in diverge(
        run, question("law press budget"), question("x", stop_sequences=["press", "law"])
    )
    assert "another order" not in diverge(run, question("law press budgets"))
    monkeypatch.setenv("PYTHONHASHSEED", "")
    seeded = replace(run, segments=tuple(replace(each, hash_seed=12) for each in run.segments))
    said = diverge(seeded, question("budget law press"))
    assert "PYTHONHASHSEED was 12 in the recording, and is not set here" in said


def test_already_used(home: Path) -> None:
    said = diverge(recorded(question()), question(), question())
    assert "each of its recorded responses was already used" in said


def test_never_made(home: Path) -> None:
    said = diverge(recorded(question(), question("b"), question("c")), question())
    assert "recorded, but not requested (2):" in said


def test_ambiguous(home: Path) -> None:
    """Whoever is first done goes on: in another order they ask for another's answer, and nothing tells whose."""

    async def main(url: str, waits: list[float]) -> list[str]:
        async with anthropic.AsyncAnthropic(base_url=url, api_key="key") as client:

            async def one(wait_s: float) -> str:
                await asyncio.sleep(wait_s)
                answer: Any = await client.messages.create(**question())
                return str(answer.content[0].text)

            return [await done for done in asyncio.as_completed([one(wait_s) for wait_s in waits])]

    with Watched(Numbered()) as claude:
        _, run = record(lambda: asyncio.run(main(claude.url, [0.01, 0.02, 0.03])))
    with pytest.raises(ReplayDivergence) as raised:
        replay_of(run, lambda: asyncio.run(main("http://127.0.0.1:9", [0.03, 0.02, 0.01])))
    said = str(raised.value)
    assert "several recorded responses match this request, they differ" in said
    assert "they were given to: " in said


HOSTILE = "\x1b[31mred\x1b]0;title\x07\u202eback \ud7ff\x00\r\n[bold]markup[/bold]"


def test_hostile_text_is_shown_and_not_acted_on(home: Path) -> None:
    run = recorded(question(f"before {HOSTILE} after", system=f"a {HOSTILE}"))
    said = diverge(run, question(f"before {HOSTILE} {HOSTILE}", system=f"b {HOSTILE}", metadata={"user_id": HOSTILE}))
    assert all(character.isprintable() or character == "\n" for character in said), said
    assert "[bold]" in said


def test_huge_texts_stay_short(home: Path) -> None:
    words = [f"w{number}" for number in range(50_000)]
    other = [*words[:25_000], "changed", *words[25_001:]]
    run = recorded(question(" ".join(words), system="s" * 300_000))
    said = diverge(run, question(" ".join(other), system="t" * 300_000))
    assert len(said) < 4000
    assert "… w24996 w24997 w24998 w24999 w25000 w25001 w25002 w25003 w25004 …" in said
    assert "+ … w24996 w24997 w24998 w24999 changed w25001" in said


def test_many_differences_and_calls_stay_short(home: Path) -> None:
    blocks = [{"type": "text", "text": f"block {number}"} for number in range(300)]
    run = recorded(question(blocks), *(question(f"call {number}") for number in range(40)))
    said = diverge(run, question([{**block, "text": f"other {block['text']}"} for block in blocks]))
    assert len(said.splitlines()) < 60
    assert "more places" in said
    assert len(diverge(run, question(blocks)).splitlines()) < 30


def test_as_json(home: Path) -> None:
    run = recorded(question(f"a {HOSTILE}"))
    replay = Replay(run)
    with pytest.raises(ReplayDivergence), replay:
        asking(question(f"b {HOSTILE}"))("http://127.0.0.1:9")
    assert replay.divergence is not None
    told = json.loads(json.dumps(replay.divergence.json()))
    assert set(told) == {
        "why",
        "path",
        "asked",
        "differences",
        "tools",
        "unplayed",
        "is_strange",
        "more",
        "ignore",
        "hints",
    }
    assert told["differences"] == [
        {"place": "messages[0].content", "recorded": f"a {HOSTILE}", "asked": f"b {HOSTILE}"}
    ]


def test_words() -> None:
    assert words_changed("a b c", "a x c") == ("a b c", "a x c")
    assert words_changed("a  b", "a b") == ("'a  b'", "'a b'")
    assert words_changed("", "a") == ("", "a")
    old, new = words_changed("x " * 1000, "x " * 1001)
    assert len(old) < 500
    assert len(new) < 500
    assert old != new


def test_values_of_other_kinds_differ() -> None:
    assert [tuple(each) for each in differences({"a": 1, "b": True}, {"a": 1.0, "b": 1})] == [
        ("a", 1, 1.0),
        ("b", True, 1),
    ]
    assert [tuple(each) for each in differences([1], [1, None])] == [("[1]", None, "null")]
    assert [tuple(each) for each in differences({"a": None}, {})] == [("a", "null", None)]
    assert [tuple(each) for each in differences({"x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}})] == [
        ("x", "in the order: a, b", "in the order: b, a")
    ]
