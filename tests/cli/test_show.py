"""The output of `tracekit show` and `ls`: its width, its form in a pipe, and harmless hostile texts."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.cells import cell_len
from syrupy.assertion import SnapshotAssertion
from tracekit_viewer.render.title import Title, title_of

from tests.support.build import Builder, assistant, result, said, use, user
from tests.support.cli import environment, tracekit
from tests.support.trees import node, run_of, team_run
from tracekit import semconv
from tracekit.analysis.diff import compare
from tracekit.analysis.structure import structure
from tracekit.analysis.timing.path_line import shares_text
from tracekit.analysis.timing.shares import Share
from tracekit.cli.options import echo_json
from tracekit.cli.render.diff import print_diff
from tracekit.cli.render.path import print_path
from tracekit.cli.render.runs import print_runs
from tracekit.cli.render.tree import print_tree
from tracekit.cli.shape import show_json
from tracekit.formatting import format_duration, format_number
from tracekit.model.summary import summary_of
from tracekit.model.text import printable
from tracekit.model.tree import Run
from tracekit.share.markdown import markdown
from tracekit.share.svg import svg

ASK = user("Analyse the shop.")


def team(*, alive: bool = False) -> Run:
    """A lead and two subagents, a retry, a blocking call, an abandoned stream, and a call that never ended."""
    b = Builder(alive=alive, exited=False)
    blocks = [use("t1", "analysis_agent", path="shop/cart.py"), use("t2", "analysis_agent", path="shop/orders.py")]
    b.call("lead1", 0, 900, [ASK], blocks)
    b.call("cart", 950, 2000, [user("Analyse shop/cart.py")], [said("cart is fine")])
    b.call("orders", 2010, 4100, [user("Analyse shop/orders.py")], [said("orders are not")])
    b.span("first", "attempt", 2010, 2020, "orders", attributes={semconv.HTTP_STATUS: 529})
    b.span("second", "attempt", 2620, 2630, "orders", attributes={semconv.HTTP_STATUS: 200, semconv.WAIT_MS: 600.0})
    brought = user([result("t1", "cart is fine"), result("t2", "orders are not")])
    b.call("lead2", 4150, None, [ASK, assistant(*blocks), brought])
    usage = {semconv.INPUT_TOKENS: 12_345, semconv.OUTPUT_TOKENS: 678, semconv.REQUEST_MODEL: "claude-sonnet-5-5"}
    for id in ("lead1", "cart", "orders", "lead2"):
        b.spans[id].attributes.update(usage)  # type: ignore[attr-defined]  # the builder made it a dict
    b.spans["cart"].attributes[semconv.SYNC_IN_EVENT_LOOP] = True  # type: ignore[index]
    b.spans["orders"].attributes[semconv.OUTCOME] = semconv.Outcome.CLOSED  # type: ignore[index]
    return structure(b.recording())


def drawn(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    encoding: str = "utf-8",
    render: Callable[[Run], None] = print_tree,
) -> str:
    buffer = io.BytesIO()
    out = io.TextIOWrapper(buffer, encoding=encoding, write_through=True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys, "stdout", out)
    render(run)
    monkeypatch.undo()
    return buffer.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_a_tree_fits_its_width(width: int, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion) -> None:
    text = drawn(team(), monkeypatch, width)
    assert max(map(cell_len, text.splitlines())) <= width
    assert text == snapshot


@pytest.mark.parametrize("width", [80, 120])
def test_in_full_every_span_has_a_line(
    width: int, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    text = drawn(team(), monkeypatch, width, render=partial(print_tree, full=True))
    assert text == snapshot


def test_costs_are_shown_at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    title, _, rows = drawn(team(), monkeypatch, 80).partition("TIME\n")
    assert "$0.1259" in title
    assert "$0.1259" in rows.splitlines()[0]


@pytest.mark.parametrize("width", [80, 120, 200])
def test_bars_have_half_of_what_facts_leave(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = drawn(team(), monkeypatch, width).partition("TIME\n")[2].splitlines()[0]
    facts = whole.index(" s ") + 3 - whole.index("$")
    assert 2 * (whole.count("─") + 1) >= width - facts - 20


def test_what_stands_before_the_first_agent_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(node("run", "r", 0, 3000, node("agent", "a", 1300, 2000, node("llm", "m", 1300, 2000))))
    lines = drawn(run, monkeypatch, 100).splitlines()
    assert "+1.30 s start-up, +1.00 s after" in lines[2]
    assert lines[-1].endswith("━" * 20), "the bar of the agent goes from end to end"


def test_many_alike_have_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    workers = [node("tool", "worker", 0, 10 + number, id=f"w{number}", cost_usd=0.001) for number in range(300)]
    failed = node("tool", "worker", 0, 5, status="error", id="failed")
    run = run_of(node("run", "r", 0, 500, node("agent", "a", 0, 500, *workers, failed)))
    lines = drawn(run, monkeypatch, 160).splitlines()
    row = next(line for line in lines if "worker" in line)
    assert "worker ✗ 1 failed × 301  p50 159 ms · max 309 ms" in row
    assert len(lines) < 10
    assert len(drawn(run, monkeypatch, 160, render=partial(print_tree, full=True)).splitlines()) > 300


def test_arguments_that_differ_tell_calls_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(team_run(), monkeypatch, 160)
    assert "analysis_agent shop/cart.py" in text, "not the task, which is the same for all"


def test_a_terminal_without_unicode(monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion) -> None:
    text = drawn(team(alive=True), monkeypatch, 100, "ascii")
    assert text == snapshot


def test_a_list_of_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    print_runs([summary_of(team())])
    header, line = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "RUN",
        "NAME",
        "RECORDED",
        "STATUS",
        "TIME",
        "AGENTS",
        "CALLS",
        "RETRIES",
        "IN",
        "OUT",
        "FINDINGS",
        "COST",
    ]
    assert line.split()[:2] == ["abababab", "test"]
    assert line.split()[4:] == ["interrupted", "4.15", "s", "3", "4", "2", "49.4k", "2712", "·", "$0.1259"]


def test_a_replay_is_marked_wherever_a_run_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = replace(team(), replay_of="f" * 32, replay="diverged")
    heads = (drawn(run, monkeypatch, 120), svg(run, ()), markdown(run, ()).replace("\\", ""))
    assert all("↻ diverged · " in head and "($0.1259)" in head for head in heads), heads
    capsys.readouterr()
    print_diff(compare(run, run))
    assert capsys.readouterr().out.count("↻ diverged · ") == 2
    title = title_of(Title(run, 3, 4, 0, live=False, following=False), 120)
    assert {"  ↻ diverged", "($0.1259)"} <= {text for text, _ in title}


def test_replays_sources_and_unknown_outputs_in_a_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    run = summary_of(team())
    unknown = replace(run, source="claude-code", output_tokens=0, is_output_partial=True, findings=3)
    print_runs([replace(run, replay_of=run.id, replay="followed"), unknown])
    header, replay, imported = capsys.readouterr().out.splitlines()
    assert header.split()[-2:] == ["COST", "SOURCE"]
    assert "↻ followed" in replay
    assert replay.split()[-1] == "($0.1259)"
    assert imported.split()[-4:] == ["?", "3", "$0.1259", "claude-code"]


HOSTILE = [
    "\x1b[2J\x1b[Hclear",
    "\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]52;c;aGk=\x07",
    "\x9b31mred",
    "a\rforged row",
    "two\nlines",
    "\u202egnp.exe",
    "zero\u200bwidth\ufeff",
    "[red]markup[/red]",
    "half \ud83d surrogate",
    "bell\x07 back\x08",
    "wide 漢字 🙂",
    "x" * 100_000,
]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_words_of_models_and_tools_stay_words(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    b = Builder()
    b.agent("lead", 0, 100, name=words)
    b.call("a", 0, 10, [ASK], [use("t1", words)], parent="lead")
    b.spans["a"].attributes[semconv.REQUEST_MODEL] = words  # type: ignore[index]
    b.tool("t", words, 11, 20, "lead")
    b.span("s", "span", 21, 22, "lead", name=words)
    text = drawn(structure(b.recording()), monkeypatch, 100, render=partial(print_tree, full=True))
    lines = text.split("\n")
    assert len(lines) == 11, "a row was forged or lost"
    assert not re.search(
        "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]", text
    )
    assert max(map(cell_len, lines)) <= 100
    if "markup" in words:
        assert words in text


def test_printable_leaves_ordinary_text_alone() -> None:
    for text in ("plain", "käse", "漢字", "🙂", "a b", "→", ""):
        assert printable(text) == text
    assert printable("abc", most=2) == "ab…"


def test_quantities() -> None:
    ms = 1_000_000
    shown = [
        format_duration(n)
        for n in (
            0,
            1_600_000,
            940 * ms,
            999_600_000,
            2610 * ms,
            12_000 * ms,
            59_960 * ms,
            200_000 * ms,
            3_900_000 * ms,
        )
    ]
    assert shown == ["0.0 ms", "1.6 ms", "940 ms", "1.00 s", "2.61 s", "12.0 s", "1 m 00 s", "3 m 20 s", "1 h 05 m"]
    assert [format_number(n) for n in (0, 9_999, 12_345, 999_499, 999_500, 1_234_567)] == [
        "0",
        "9999",
        "12.3k",
        "999.5k",
        "1.0M",
        "1.2M",
    ]


# ── the critical path ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("width", "encoding"), [(60, "utf-8"), (120, "utf-8"), (100, "ascii")])
def test_the_critical_path_is_a_table(
    width: int, encoding: str, monkeypatch: pytest.MonkeyPatch, snapshot: SnapshotAssertion
) -> None:
    text = drawn(team(), monkeypatch, width, encoding, print_path)
    assert max(map(cell_len, text.splitlines())) <= width
    assert text == snapshot


def test_the_table_of_a_hostile_run_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    words = "\x1b[2J\nforged\u202e"
    b = Builder()
    b.agent("lead", 0, 100, name=words)
    b.tool("t", words, 0, 60, "lead")
    b.span("s", "span", 60, 100, "lead", name=words)
    text = drawn(structure(b.recording()), monkeypatch, 100, render=print_path)
    assert len(text.splitlines()) == 6
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e]", text)


def test_json_has_the_path_and_the_margins_of_each_span() -> None:
    run = team()
    shown = show_json(run)
    steps = shown["critical_path"]
    assert set(steps[0]) == {"id", "agent", "start_ns", "end_ns"}
    assert {step["agent"] for step in steps} == {"lead", "analysis_agent"}
    assert sum(step["end_ns"] - step["start_ns"] for step in steps) == run.last_ns - steps[0]["start_ns"]
    by_id = {}
    stack = [shown["root"]]
    while stack:
        each = stack.pop()
        by_id[each["id"]] = each
        stack += each["children"]
    # One after the other: each decided its own time.
    assert (by_id["cart"]["slack_ns"], by_id["cart"]["drag_ns"]) == (0, 1050 * 1_000_000)


def share(agent: str | None, ms: float, avoidable_ms: float = 0) -> Share:
    return Share(agent, round(ms * 1e6), round(avoidable_ms * 1e6))


@pytest.mark.parametrize(
    ("shares", "text"),
    [
        ([share("lead", 340)], "340 ms = lead 340"),
        (
            [share("a", 3400), share("b", 2900, 1700), share("c", 2000), share(None, 1000), share("e", 700, 690)],
            "10.0 s = a 3.4 + b 2.9 (1.7 avoidable) + c 2.0 + no agent 1.0 + others 0.7 (0.6 avoidable)",
        ),
        # 3.335 three times: rounded one by one they would be a hundredth more than the whole.
        ([share("a", 3335), share("b", 3335), share("c", 3315)], "9.98 s = a 3.34 + b 3.33 + c 3.31"),
        ([share("a", 140_000, 60_000), share("b", 60_000)], "3 m 20 s = a 2 m 20 s (1 m 00 s avoidable) + b 1 m 00 s"),
        ([share("a", 1000), share("b", 2)], "1.00 s = a 1.00"),
    ],
)
def test_parts_of_the_path_add_up_as_they_are_shown(shares: list[Share], text: str) -> None:
    assert shares_text(shares) == text


@pytest.mark.slow
def test_colours_only_on_a_terminal_and_never_with_no_color(tmp_path: Path) -> None:
    from tracekit.demo.claude import ScriptedClaude, message, text

    script = tmp_path / "agent.py"
    script.write_text(
        "import anthropic\nwith anthropic.Anthropic() as c:\n"
        "    c.messages.create(model='claude-sonnet-5', max_tokens=9, messages=[{'role': 'user', 'content': 'hi'}])\n"
    )
    with ScriptedClaude(lambda asked: message(text("hello"))) as claude:
        env = environment(tmp_path / "home", claude.url, TERM="xterm-256color")
        env.pop("NO_COLOR", None)
        tracekit("run", str(script), env=env)
    assert "\x1b" not in tracekit("show", env=env).stdout
    assert "\x1b[" in on_terminal(["show"], env)
    assert "\x1b[3" not in on_terminal(["show"], {**env, "NO_COLOR": "1"})


def on_terminal(arguments: list[str], env: dict[str, str]) -> str:
    """Return the output of `tracekit` on a terminal."""
    main, side = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tracekit", *arguments], env=env, stdout=side, stderr=side, stdin=side
    ):
        os.close(side)
        printed = b""
        while True:
            try:
                data = os.read(main, 65536)
            except OSError:
                break
            if not data:
                break
            printed += data
    os.close(main)
    return printed.decode()


@pytest.mark.slow
def test_a_run_may_be_deeper_and_longer_than_python_s_stack(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    b, depth = Builder(), 10_000
    parent = b.agent("lead", 0, 3 * depth)
    for level in range(depth):
        parent = b.span(f"s{level}", "span", level, 2 * depth - level, parent)
        b.tool(f"x{level}", "look", level, level + 1, parent)
    run = structure(b.recording())
    lines = drawn(run, monkeypatch, 100).splitlines()
    # The lines about the whole and the critical path, the columns' names, and the legend.
    assert len(lines) == 4 + sum(1 for _ in run.root.walk())
    assert max(map(cell_len, lines)) <= 100
    echo_json(show_json(run))
    assert capsys.readouterr().out.count('"kind": ') == sum(1 for _ in run.root.walk())


@pytest.mark.parametrize(
    "data", [{}, [], None, "é\n", 1.5, {"a": [], "b": {"c": [1, [True]], "d": {}}}, {1: 2, None: ()}]
)
def test_json_is_indented_as_python_does(data: object, capsys: pytest.CaptureFixture[str]) -> None:
    echo_json(data)
    assert capsys.readouterr().out == json.dumps(data, indent=2) + "\n"
