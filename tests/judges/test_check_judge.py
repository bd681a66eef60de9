"""`tracekit check --judge`, against a scripted Claude."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tracekit
from fixtures.make_rules import write
from tests.support.checking import run
from tests.support.judging import INDEPENDENT, MODEL, NOTES, PRICE, WEATHER, batches, prompt, says
from tracekit.demo.claude import Respond, ScriptedClaude, ScriptedResponse, error, message, text
from tracekit.errors import ReplayDivergence
from tracekit.journal.catalog import all_runs

ROOT = Path(__file__).parent.parent.parent
Judging = Callable[[Respond], ScriptedClaude]


@pytest.fixture(autouse=True)
def _elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without settings, and a key."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "test")
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def judging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Judging]:
    """Starts a scripted Claude, which the SDK asks from then on."""
    with contextlib.ExitStack() as stack:

        def start(respond: Respond) -> ScriptedClaude:
            claude = stack.enter_context(ScriptedClaude(respond))
            monkeypatch.setenv("ANTHROPIC_BASE_URL", claude.url)
            return claude

        yield start


@pytest.fixture
def weather(tmp_path: Path) -> str:
    """A run with a possible finding."""
    return str(write(WEATHER, tmp_path / "weather.jsonl"))


@pytest.fixture
def notes(tmp_path: Path) -> str:
    """Another one."""
    return str(write(NOTES, tmp_path / "notes.jsonl"))


def checked(*arguments: str) -> dict[str, Any]:
    """Return the JSON that a check prints."""
    found: dict[str, Any] = json.loads(run(*arguments, "--format", "json")[1])
    return found


# ── rulings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_possible_finding_becomes_likely_with_its_reason_and_is_asked_once(judging: Judging, weather: str) -> None:
    claude = judging(lambda _: INDEPENDENT)
    assert run(weather)[0] == 0
    assert claude.asked == []
    code, out, err = run(weather, "--judge")
    assert code == 1
    assert "TK103 likely" in out
    evidence = f"judged independent by {MODEL}: All three subjects stand in the task."
    assert evidence in " ".join(out.split())
    assert "labelled runs" in " ".join(run(weather)[1].split())
    assert "labelled runs" not in " ".join(out.split())
    assert f"judge: {MODEL} is asked about 1 possible finding, for at most $0.00" in err
    assert f"judge: {MODEL}: 1 now likely; 1 asked for $0.0001, 0 known from an earlier check" in err
    first = checked(weather, "--judge")
    (finding,) = first["findings"]
    assert finding["confidence"] == "likely"
    assert finding["evidence"][-1] == evidence
    assert finding["judged"] == {"judge": MODEL, "reason": "All three subjects stand in the task.", "quote": ""}
    summary = {"name": MODEL, "asked": 0, "cached": 1, "undecided": 0, "not_asked": 0, "usd": 0.0, "dependent": []}
    assert first["judge"] == summary
    assert run(weather, "--judge")[1] == out
    assert len(claude.asked) == 1


def test_the_request_holds_the_steps_and_a_schema(judging: Judging, weather: str) -> None:
    claude = judging(lambda _: INDEPENDENT)
    assert checked(weather, "--judge")["judge"]["usd"] == pytest.approx(PRICE)
    (asked,) = claude.asked
    body = asked.json()
    assert asked.path == "/v1/messages"
    assert sorted(body) == ["max_tokens", "messages", "model", "output_config", "system"]
    assert body["model"] == MODEL
    assert body["output_config"]["format"]["schema"]["required"] == ["reason", "verdict", "quote"]
    sent = prompt(asked)
    assert WEATHER.task in sent
    assert [sent.count(output) for output in ("No wind.", "1.09 dollars", "A strike on Monday.")] == [1, 1, 0]
    assert [sent.count(f'part="{part}"') for part in ("earlier", "earlier and later", "later")] == [1, 1, 1]


def test_a_dependent_one_is_left_out_with_its_quote(judging: Judging, weather: str, notes: str) -> None:
    judging(
        lambda asked: (
            says("dependent", "The news follow the weather.", "21  degrees. No wind")
            if "Rome" in prompt(asked)
            else INDEPENDENT
        )
    )
    code, out, err = run(weather, "--judge", "--explain")
    assert code == 0
    assert "Nothing found." in out.splitlines()
    assert "1 dependent and left out (--explain lists them)" in err
    assert f"TK103 judged dependent by {MODEL}: The news follow the weather.; needed: '21  degrees. No wind'" in out
    lines = [json.loads(line) for line in run(weather, notes, "--judge", "--format", "json")[1].splitlines()]
    assert [[finding["confidence"] for finding in line["findings"]] for line in lines] == [[], ["likely"]]
    assert [(line["judge"]["asked"], line["judge"]["cached"]) for line in lines] == [(0, 1), (1, 0)]
    (dropped,) = lines[0]["judge"]["dependent"]
    assert dropped["code"] == "TK103"
    assert dropped["judged"]["quote"] == "21  degrees. No wind"


NO_VERDICT = {
    "a quote that is not there": (says("dependent", "It needs it.", "22 degrees"), "its quote is in none of the earlier outputs"),
    "a quote of the last output": (says("dependent", "It needs it.", "A strike on Monday."), "its quote is in none"),
    "no quote": (says("dependent", "It needs it.", " "), "without a quote"),
    "no reason": (says("independent"), "without a reason"),
    "unclear": (says("unclear", "The task does not say."), "it cannot tell: The task does not say."),
    "no JSON": (message(text("They are independent."), model=MODEL), "its response is not JSON"),
    "no verdict": (message(text('{"verdict": "maybe"}'), model=MODEL), "its response has no verdict"),
    "no content": (message(model=MODEL), "its response is not JSON"),
    "a refusal": (message(text(""), model=MODEL, stop_reason="refusal"), "it refused to answer"),
}  # fmt: skip
AGAIN = {
    "cut": (says("independent", "They are.", stop_reason="max_tokens"), "its response was cut (max_tokens)"),
    "overloaded": (error(529, "overloaded_error", "Overloaded", {"x-should-retry": "false"}), "the API responded with 529 Overloaded"),
    "rate limit": (error(429, "rate_limit_error", "Slow down", {"x-should-retry": "false"}), "the API responded with 429 Slow down"),
    "too long": (error(400, "invalid_request_error", "prompt is too long"), "the API responded with 400 prompt is too long"),
    "no message": (ScriptedResponse(body=b"<html>", headers={"content-type": "text/html"}), "the response from the API's address is not a message"),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "note"), NO_VERDICT.values(), ids=NO_VERDICT)
def test_without_a_verdict_it_stays_possible_and_is_not_asked_again(
    answer: ScriptedResponse, note: str, judging: Judging, weather: str
) -> None:
    claude = judging(lambda _: answer)
    for asked in (1, 0):
        found = checked(weather, "--judge")
        (finding,) = found["findings"]
        assert finding["confidence"] == "possible"
        assert finding["judged"] is None
        assert finding["evidence"][-1].startswith(f"the judge {MODEL} gave no verdict: ")
        assert note in finding["evidence"][-1]
        assert (found["judge"]["asked"], found["judge"]["undecided"]) == (asked, 1)
    assert len(claude.asked) == 1


@pytest.mark.parametrize(("answer", "note"), AGAIN.values(), ids=AGAIN)
def test_what_another_try_may_mend_is_asked_again(
    answer: ScriptedResponse, note: str, judging: Judging, weather: str
) -> None:
    claude = judging(lambda asked: INDEPENDENT if asked.number else answer)
    (finding,) = checked(weather, "--judge")["findings"]
    assert finding["confidence"] == "possible"
    assert note in finding["evidence"][-1]
    assert checked(weather, "--judge")["findings"][0]["confidence"] == "likely"
    assert len(claude.asked) == 2


def test_an_api_that_does_not_answer_is_told(weather: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    (finding,) = checked(weather, "--judge")["findings"]
    assert "the API cannot be reached" in finding["evidence"][-1]


# ── the budget ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_budget_bounds_what_is_asked(judging: Judging, weather: str, notes: str) -> None:
    claude = judging(lambda _: INDEPENDENT)
    # Each question is estimated at $0.0012, for the most part its longest response.
    code, _, err = run(weather, notes, "--judge", "--judge-max-usd", "0.0013")
    assert code == 1
    assert "the budget of $0.0013 is reached: 1 possible finding not asked, for which at most $0.0012 more" in err
    assert "raise --judge-max-usd" in err
    assert len(claude.asked) == 1
    lines = [
        json.loads(line)
        for line in run(weather, notes, "--judge", "--judge-max-usd", "0", "--format", "json")[1].splitlines()
    ]
    assert [(line["judge"]["cached"], line["judge"]["not_asked"]) for line in lines] == [(1, 0), (0, 1)]
    assert "not asked, as the budget was reached" in lines[1]["findings"][0]["evidence"][-1]
    assert len(claude.asked) == 1


def test_what_a_response_really_costs_makes_room_for_the_next(judging: Judging, weather: str, notes: str) -> None:
    claude = judging(lambda _: INDEPENDENT)
    # One estimate and one response of $0.00015 and another estimate: the second fits after the first was paid.
    found = run(weather, notes, "--judge", "--judge-max-usd", "0.0014", "--format", "json")[1].splitlines()
    assert sum(json.loads(line)["judge"]["usd"] for line in found) == pytest.approx(2 * PRICE)
    assert len(claude.asked) == 2


def test_one_question_of_two_runs_is_asked_once(judging: Judging, weather: str) -> None:
    claude = judging(lambda _: INDEPENDENT)
    lines = [json.loads(line) for line in run(weather, weather, "--judge", "--format", "json")[1].splitlines()]
    assert [line["findings"][0]["confidence"] for line in lines] == ["likely", "likely"]
    assert [line["judge"]["asked"] for line in lines] == [1, 0]
    assert len(claude.asked) == 1


# ── what is sent ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_sent_and_stored_is_redacted(judging: Judging, tmp_path: Path, home: Path) -> None:
    from dataclasses import replace

    key = "sk-ant-api03-" + "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0z" * 2
    first, *others = WEATHER.turns
    secret = replace(first, asks=(replace(first.asks[0], output="Ask Ines Vega, room 7."),))
    path = write(replace(WEATHER, turns=(secret, *others)), tmp_path / "secret.jsonl")
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.redact]\nname = 'Ines Vega'\n")
    claude = judging(lambda _: says("dependent", f"Ines Vega has {key}.", "Ask [redacted:name], room 7."))
    found = checked(str(path), "--judge")
    assert found["findings"] == []
    assert "Ask [redacted:name], room 7." in prompt(claude.asked[0])
    assert b"Ines" not in claude.asked[0].body
    (stored,) = (home / "judged.jsonl").read_text().splitlines()
    assert "Ines" not in stored
    assert "sk-ant" not in stored
    assert (home / "judged.jsonl").stat().st_mode & 0o077 == 0
    assert "Ines" not in json.dumps(found["judge"]["dependent"])


def test_the_judges_calls_are_no_run(judging: Judging, weather: str) -> None:
    claude = judging(lambda _: INDEPENDENT)
    tracekit.init()
    assert run(weather, "--judge")[0] == 1
    assert len(claude.asked) == 1
    assert all_runs() == []


def test_nothing_is_sent_in_a_replay(judging: Judging, weather: str, monkeypatch: pytest.MonkeyPatch) -> None:
    claude = judging(lambda _: INDEPENDENT)
    with pytest.raises(ReplayDivergence), tracekit.replay(ROOT / "fixtures" / "runs" / "guide-serial.jsonl"):
        code, _, err = run(weather, "--judge")
    assert code == 2
    assert "this process belongs to a replay" in err
    for name in ("TRACEKIT_REPLAY", "TRACEKIT_CLOSED"):
        with monkeypatch.context() as patched:
            patched.setenv(name, "{}")
            code, _, err = run(weather, "--judge")
        assert code == 2
        assert "belongs to a replay" in err
    assert claude.asked == []


# ── mistakes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_missing_key_is_told_before_anything_is_sent(
    judging: Judging, weather: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claude = judging(lambda _: INDEPENDENT)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    code, _, err = run(weather, "--judge")
    assert code == 2
    assert "set ANTHROPIC_API_KEY, or run `tracekit check` without --judge" in err
    assert claude.asked == []


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [(401, "authentication_error", "invalid x-api-key"), (404, "not_found_error", f"model: {MODEL}")],
)
def test_a_refused_key_or_model_is_told(status: int, kind: str, said: str, judging: Judging, weather: str) -> None:
    judging(lambda _: error(status, kind, said))
    code, out, err = run(weather, "--judge")
    assert (code, out) == (2, "")
    assert f"Claude cannot be asked to judge: {status} {said}; look at the key" in err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("name = 'nobody'", "there is no judge 'nobody'; there is claude"),
        ("model = 'claude-unheard-of'", "the price of claude-unheard-of is unknown"),
        ("modle = 'x'", "has modle; it may have name, max-usd, model, client, patience"),
        ("max-usd = 'much'", "it must be an amount in US dollars, such as 0.05"),
        ("client = 'Client'", "the SDK has no client class 'Client'"),
        ("client = 7", "it must be a text"),
        ("patience = 'long'", "it must be a duration such as 2s"),
    ],
)
def test_settings_that_cannot_be_used_are_told(
    settings: str, said: str, judging: Judging, weather: str, tmp_path: Path
) -> None:
    claude = judging(lambda _: INDEPENDENT)
    (tmp_path / "pyproject.toml").write_text(f"[tool.tracekit.judge]\n{settings}\n")
    assert run(weather)[0] == 0
    code, _, err = run(weather, "--judge")
    assert code == 2
    assert said in err
    assert claude.asked == []


def test_the_options_of_a_judge_need_a_judge(weather: str) -> None:
    for options in (["--judge-batch"], ["--judge-name", "claude"], ["--judge-max-usd", "1"]):
        code, _, err = run(weather, *options)
        assert code == 2
        assert "need --judge: without it nothing is sent" in err
    assert "it must be an amount in US dollars" in run(weather, "--judge", "--judge-max-usd", "-1")[2]


def test_a_model_of_the_users_own_choice_and_price(judging: Judging, weather: str, tmp_path: Path) -> None:
    claude = judging(lambda _: INDEPENDENT)
    prices = '[tool.tracekit.prices."my-model"]\ninput = 1.0\noutput = 2.0\n'
    (tmp_path / "pyproject.toml").write_text(f'[tool.tracekit.judge]\nmodel = "my-model"\n{prices}')
    found = checked(weather, "--judge")
    assert found["judge"]["name"] == "my-model"
    assert claude.asked[0].json()["model"] == "my-model"


# ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_costs_half(judging: Judging, weather: str, notes: str) -> None:
    claude = judging(
        batches(lambda params: error(500, "api_error", "Oops") if "Rome" in str(params) else INDEPENDENT, waits=1)
    )
    code, out, err = run(weather, notes, "--judge", "--judge-batch", "--format", "json")
    assert code == 1
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["findings"][0]["confidence"] for line in lines] == ["possible", "likely"]
    assert "the API responded with api_error: Oops" in lines[0]["findings"][0]["evidence"][-1]
    assert [line["judge"]["usd"] for line in lines] == [0.0, pytest.approx(PRICE / 2)]
    assert "judge: waits for batch msgbatch_01judge, for 600 s at most" in err
    posted = [asked for asked in claude.asked if asked.method == "POST"]
    assert [asked.path for asked in posted] == ["/v1/messages/batches"]
    params = posted[0].json()["requests"][0]["params"]
    assert params["output_config"]["format"]["type"] == "json_schema"


def test_a_batch_that_takes_too_long_is_fetched_by_a_later_check(
    judging: Judging, weather: str, tmp_path: Path
) -> None:
    claude = judging(batches(lambda _: INDEPENDENT, waits=1))
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.judge]\npatience = '0s'\n")
    found = checked(weather, "--judge", "--judge-batch")
    (finding,) = found["findings"]
    assert finding["confidence"] == "possible"
    assert (
        "batch msgbatch_01judge has not ended; `tracekit check --judge --judge-batch` fetches it"
        in finding["evidence"][-1]
    )
    assert found["judge"]["usd"] is None
    assert checked(weather, "--judge", "--judge-batch")["findings"][0]["confidence"] == "likely"
    assert [asked.method for asked in claude.asked].count("POST") == 1
    asked = len(claude.asked)
    assert checked(weather, "--judge")["findings"][0]["confidence"] == "likely"
    assert len(claude.asked) == asked
