"""`check(run)`: what holds passes, what does not fails with a message that tells what was seen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.build import Builder, said, use, user
from tests.support.runs import write_runs
from tracekit import semconv
from tracekit.analysis.structure import structure
from tracekit.errors import RunNotFoundError, SettingsError
from tracekit.journal.catalog import segments_of
from tracekit.journal.export import export
from tracekit.model.events import Failure
from tracekit.model.tree import Run
from tracekit.testing import Check, check


def team(*, late: int = 0, answered: bool = True) -> Run:
    """A lead that asks draft and compliance at once, in this order, `late` ms apart; then merge, with a tool."""
    build = Builder()
    build.span("r", "run", 0, 3000, name="support")
    build.agent("lead", 100, 2900, "r")
    first = build.span("t1", "turn", 100, 2000, "lead")
    asks = [use("u1", "draft", path="a"), use("u2", "compliance", path="b")]
    build.call("c1", 100, 900, [user("Go.")], asks, parent=first)
    for number, (name, start) in enumerate((("draft", 1001 + late), ("compliance", 1000)), 1):
        tool = build.tool(f"w{number}", name, start, start + 500, first, call_id=f"u{number}")
        agent = build.agent(f"a{number}", start, start + 500, tool, lane=f"m.t{number}", name=name)
        build.call(f"l{number}", start, start + 400, [user(name)], [said("Done.")], parent=agent)
    second = build.span("t2", "turn", 2000, 2900, "lead")
    build.call("c2", 2000, 2100, [user("On.")], [said("Fine.")], parent=second)
    build.tool("w3", "look", 2200, 2210, second, arguments={"path": "x"})
    for id in ("c1", "c2", "l1", "l2"):
        used: dict[str, Any] = {semconv.INPUT_TOKENS: 100, semconv.RESPONSE_MODEL: "claude-opus-5-5"}
        if answered:
            used[semconv.OUTPUT_TOKENS] = 10
        build.spans[id].attributes.update(used)  # type: ignore[attr-defined]
    return structure(build.recording())


TREE = """
    lead
        draft
        compliance
        look
"""


def test_what_holds() -> None:
    run = team()
    checked = (
        check(run)
        .parallel("draft", "compliance")
        .serial("draft", "look")
        .serial("compliance", "look")
        .serial("look")
        .tree(TREE)
        .calls("lead", 2)
        .calls("draft", 1)
        .times("draft", 1)
        .times("look", 1)
        .times("nobody", 0)
        .retries(0)
        .cost_below(1.0)
        .tokens_below(441)
        .duration_below(3.001)
        .no_errors()
    )
    assert isinstance(checked, Check)
    assert checked.run is run


@pytest.mark.parametrize(
    ("late", "wrong", "said"),
    [
        (
            600,
            lambda each: each.parallel("draft", "compliance"),
            """\
draft and compliance were not at work at once, in run test (abababab):
  draft       1.601 s to 2.101 s
  compliance  1.000 s to 1.500 s
  draft worked 0.101 s after compliance had ended""",
        ),
        (
            480,
            lambda each: each.parallel("draft", "compliance"),
            """\
draft and compliance were not at work at once, in run test (abababab):
  draft       1.481 s to 1.981 s
  compliance  1.000 s to 1.500 s
  draft worked alone, but for a hand-over""",
        ),
        (
            0,
            lambda each: each.serial("draft", "compliance"),
            """\
draft and compliance were not at work one by one, in run test (abababab):
  draft       1.001 s to 1.501 s
  compliance  1.000 s to 1.500 s
  two were at work at once for 0.499 s""",
        ),
        (
            600,
            lambda each: each.serial("draft", "compliance"),
            """\
compliance came before draft, in run test (abababab):
  draft       1.601 s to 2.101 s
  compliance  1.000 s to 1.500 s""",
        ),
        (0, lambda each: each.parallel("draft"), "draft worked alone, but for a hand-over"),
        (
            0,
            lambda each: each.parallel("draft", "drift"),
            "drift was never at work; there were lead, compliance, draft and look",
        ),
        (
            0,
            lambda each: each.tree("lead\n  draft\n  look"),
            """\
the tree has changed, in run test (abababab):
--- expected
+++ seen
 lead
   draft
+  compliance
   look""",
        ),
        (
            0,
            lambda each: each.calls("lead", 4),
            "lead made 2 calls, not 4, in run test (abababab):\n  lead  0.100 s",
        ),
        (0, lambda each: each.times("look", 2), "look was at work 1 time, not 2"),
        (0, lambda each: each.times("lead", 0), "lead was at work 1 time, not 0"),
        (0, lambda each: each.retries(1), "there were 0 retries, not 1, in run test (abababab)"),
        (0, lambda each: each.cost_below(0.0001), "not less than $0.0001, in run test (abababab):\n  $0"),
        (0, lambda each: each.tokens_below(440), "it used 440 tokens, not fewer than 440"),
        (0, lambda each: each.duration_below(3), "it took 3.000 s, not less than 3 s"),
    ],
)
def test_what_does_not_hold(late: int, wrong: Callable[[Check], object], said: str) -> None:
    with pytest.raises(AssertionError) as caught:
        wrong(check(team(late=late)))
    assert said in str(caught.value)


def test_tree_is_in_the_order_asked_whoever_began_first() -> None:
    for late in (0, 200, 480, 700):
        check(team(late=late)).tree(TREE)


def test_an_unknown_price_is_not_below_anything() -> None:
    with pytest.raises(AssertionError, match="it is not known whether the run cost less than \\$9"):
        check(team(answered=False)).cost_below(9)


def test_errors_are_told_with_the_way_to_them() -> None:
    build = Builder()
    build.span("r", "run", 0, 100, name="r")
    build.agent("lead", 0, 90, "r")
    build.call("c", 0, 10, [user("Go.")], [said("x")], parent="lead")
    build.tool("t", "read", 20, 30, "lead")
    from dataclasses import replace

    build.spans["t"] = replace(build.spans["t"], status="error", failure=Failure("OSError", "no such file"))
    build.spans["c-a"] = replace(build.spans["c-a"], status="error", failure=Failure("529", "again"))
    with pytest.raises(AssertionError) as caught:
        check(structure(build.recording())).no_errors()
    assert str(caught.value) == "1 error, in run test (abababab):\n  lead > read: OSError: no such file"


def test_names_are_needed() -> None:
    wrongs: list[Callable[[], object]] = [lambda: check(team()).parallel(), lambda: check(team()).serial()]
    for wrong in wrongs:
        with pytest.raises(TypeError, match="give the names of the agents"):
            wrong()


class Owner:
    def __init__(self, run: object) -> None:
        self.run = run


def test_whatever_has_a_run_can_be_checked(home: Path, tmp_path: Path) -> None:
    (id,) = write_runs(1)
    export(segments_of(id), tmp_path / "run.jsonl")
    run = check(id).run
    path = tmp_path / "run.jsonl"
    for source in (run, id, id[:9], "job", "last", path, str(path), Owner(run), Owner(id)):
        assert check(source).run.id == id  # type: ignore[arg-type]
    for wrong in (Owner(None), Owner(lambda: None), 7, None, ""):
        with pytest.raises(TypeError, match="run"):
            check(wrong)  # type: ignore[arg-type]
    with pytest.raises(RunNotFoundError):
        check("nope")


FOUND = Path(__file__).parent.parent.parent / "fixtures" / "rules"


def test_findings_are_told_by_what_to_do() -> None:
    (hit,) = FOUND.glob("TK102*hit*")
    (miss,) = FOUND.glob("TK102*miss*")
    with pytest.raises(AssertionError, match="TK102"):
        check(hit).no_findings("TK1")
    with pytest.raises(AssertionError, match="TK102"):
        check(hit).no_findings()
    assert check(hit).no_findings("TK4").no_findings("straggler").run.id
    assert check(miss).no_findings("TK102").run.id
    with pytest.raises(SettingsError, match="TK9"):
        check(hit).no_findings("TK9")
