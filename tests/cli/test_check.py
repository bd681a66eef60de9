"""`tracekit check` and `tracekit rule`, as a user calls them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fixtures.make_rules import FOLDER, write
from fixtures.rules import hard
from fixtures.rules.story import Ask, Story, Turn
from tests.cli.test_run_guide import Shop
from tests.support.checking import run
from tests.support.cli import PROGRAMS, environment, nodes, tracekit, tracekit_json
from tests.support.manual import blocks, page
from tracekit.cli.render.findings import print_findings
from tracekit.collect.look import find, read_entry
from tracekit.demo.claude import ScriptedClaude
from tracekit.rules.check import findings_of

ROOT = Path(__file__).parent.parent.parent
SPLIT, BATCH = str(FOLDER / "TK103-hit.jsonl"), str(FOLDER / "TK102-hit.jsonl")
QUIET = str(FOLDER / "TK103-miss.jsonl")


@pytest.fixture(autouse=True)
def _elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without settings."""
    monkeypatch.chdir(tmp_path)


def found(*arguments: str) -> list[dict[str, Any]]:
    """The findings, as JSON."""
    findings: list[dict[str, Any]] = json.loads(run(*arguments, "--format", "json")[1])["findings"]
    return findings


# ── the guide's loop ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("mode", "code"), [("sync", "TK101"), ("serial", "TK102"), ("async", ""), ("threads", "")])
def test_the_guides_loop(mode: str, code: str, tmp_path: Path) -> None:
    with ScriptedClaude(Shop()) as claude:
        env = environment(tmp_path / "guide", claude.url)
        assert tracekit("run", str(PROGRAMS / "guide.py"), mode, env=env).returncode == 0
    done = tracekit("check", "--format", "json", env=env, cwd=tmp_path)
    checked = json.loads(done.stdout)
    shown = tracekit_json("show", "last", env=env)
    assert checked["run"] == shown["run"]["id"]
    assert [finding["code"] for finding in checked["findings"]] == ([code] if code else [])
    assert done.returncode == bool(code)
    assert shown["run"]["findings"] == len(checked["findings"])
    if code:
        (finding,) = checked["findings"]
        assert finding["confidence"] == "certain"
        # One by one, of which the longest is left.
        took_ms = [(node["end_ns"] - node["start_ns"]) / 1e6 for node in nodes(shown["root"], "tool")]
        assert finding["saved_ms"] == pytest.approx(sum(took_ms) - max(took_ms), rel=0.1)
        about = {node["id"] for kind in ("tool", "llm") for node in nodes(shown["root"], kind)} & set(finding["spans"])
        assert len(about) == (6 if code == "TK101" else 3)
        assert all(node["findings"] == [code] for node in nodes(shown["root"], "tool"))


# ── what it prints ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_text_is_a_line_a_finding_then_why_and_what_to_do() -> None:
    code, out, err = run(SPLIT)
    first, *rest = out.splitlines()
    assert code == 1
    assert err == ""
    assert first.startswith(
        "three analyses in three turns abababab: TK103 likely lead asked for 3 x analysis_agent in 3 turns"
    )
    assert first.endswith("[saves 6.00 s and $0.0006]")
    assert all(line.startswith("    ") for line in rest[:-3])
    # The output of a test is no terminal that has a bullet.
    assert "    - turn 3.01-6.01 s asked for analysis_agent shop/orders.py" in rest
    assert rest[-2].startswith("three analyses in three turns abababab: critical path: 10.0 s = analysis_agent ")
    assert rest[-1] == "1 finding: 1 likely."


def test_text_shows_as_much_evidence_as_one_reads(capsys: pytest.CaptureFixture[str]) -> None:
    seen = read_entry(find(SPLIT))
    (finding,) = findings_of(seen)
    print_findings([(seen, [replace(finding, evidence=tuple(f"reason {number}" for number in range(20)))])])
    out = capsys.readouterr().out
    assert re.findall(r"reason (\d+)", out) == [str(number) for number in range(12)]
    assert "and 8 more, which `--format json` lists\n" in out


def test_nothing_found_is_success() -> None:
    assert run(QUIET) == (0, "Nothing found.\n", "")


def test_json_has_the_fields_of_the_contract() -> None:
    (finding,) = found(SPLIT)
    assert {name: type(value).__name__ for name, value in finding.items()} == {
        "code": "str",
        "rule": "str",
        "confidence": "str",
        "message": "str",
        "evidence": "list",
        "spans": "list",
        "saved_ms": "float",
        "saved_usd": "float",
        "remedy": "str",
        "change": "dict",
    }
    assert finding["rule"] == "split-turns"
    assert finding["saved_ms"] == 6000.0


def test_json_says_what_would_move_where() -> None:
    (finding,) = found(SPLIT)
    change, spans = finding["change"], {node.id: node for node in read_entry(find(SPLIT)).root.walk()}
    assert set(change) == {"begins", "durations_ms"}
    assert set(change["begins"]) == set(change["durations_ms"])
    for id, begin in change["begins"].items():
        assert spans[id].kind == spans[begin["after_begin_of"]].kind == "turn"
        assert begin["offset_ms"] > 0
        assert 0 < change["durations_ms"][id] < spans[id].duration_ns(0) / 1e6


def test_several_runs_are_a_line_each() -> None:
    _, out, _ = run(SPLIT, BATCH, QUIET, "--format", "json")
    assert [len(json.loads(line)["findings"]) for line in out.splitlines()] == [1, 1, 0]


def test_github_lines_are_workflow_commands() -> None:
    _, out, _ = run(BATCH, SPLIT, "--fail-on", "certain", "--format", "github")
    lines = out.splitlines()
    command = re.compile(r"::(error|warning|notice) title=TK\d{3} [a-z-]+,file=[^,:]+\.jsonl::\S")
    assert [found[1] for line in lines if (found := command.match(line))] == ["error", "warning"]
    assert "%0A" in lines[0]


def test_sarif_holds_to_its_schema() -> None:
    _, out, _ = run(BATCH, SPLIT, QUIET, "--format", "sarif")
    log = json.loads(out)
    schema = json.loads((ROOT / "tests/support/data/sarif-2.1.0.json").read_text())
    jsonschema.validate(log, schema)
    results = log["runs"][0]["results"]
    rules = log["runs"][0]["tool"]["driver"]["rules"]
    assert [(result["ruleId"], result["level"]) for result in results] == [("TK102", "error"), ("TK103", "warning")]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in results)


def test_what_flowed_is_explained() -> None:
    _, out, _ = run(QUIET, "--explain")
    assert (
        "lead: refactor_agent after analysis_agent: needed: 'C1' of what analysis_agent said is in what refactor_agent was given"
        in out
    )


# ── what it looks for ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--select", "TK1"], 1),
        (["--select", "TK2,TK3"], 0),
        (["--select", "split-turns"], 1),
        (["--ignore", "TK103"], 0),
        (["--min-saving", "7s"], 0),
        (["--min-saving", "5900ms"], 1),
        (["--fail-on", "certain"], 0),
        (["--fail-on", "possible"], 1),
        (["--select", "TK9"], 2),
        (["--min-saving", "soon"], 2),
        (["--fail-on", "maybe"], 2),
        (["no-such-run"], 2),
    ],
)
def test_exit_codes(arguments: list[str], code: int) -> None:
    assert run(SPLIT, *arguments)[0] == code


def test_a_file_that_is_no_journal_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text("no journal\n")
    assert run(str(tmp_path / "x.jsonl"))[0] == 2


def test_settings_and_suppressions_of_the_project(tmp_path: Path) -> None:
    settings = tmp_path / "pyproject.toml"
    settings.write_text('[tool.tracekit.check]\nfail-on = "certain"\n')
    assert run(SPLIT)[0] == 0
    settings.write_text('[tool.tracekit.check]\nmin-saving = "10s"\n')
    assert run(SPLIT) == (0, "Nothing found.\n", "")
    accepted = (
        '[[tool.tracekit.check.suppress]]\nrule = "TK103"\nwhere = "analysis_agent"\nreason = "they share a cache"\n'
    )
    settings.write_text(accepted)
    code, out, err = run(SPLIT)
    assert (code, out) == (0, "Nothing found.\n")
    assert "TK103 is accepted: they share a cache" in err
    settings.write_text(accepted.replace("analysis_agent", "other_agent"))
    assert run(SPLIT)[0] == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[tool.tracekit.check.suppress]]\nrule = "TK103"\n', "has no reason"),
        ('[tool.tracekit.check]\nselect = "TK1"\n', "must be a list"),
        ('[tool.tracekit.check]\nselect = ["TK9"]\n', "means no rule"),
        ("[tool.tracekit.check]\nfail_on = 1\n", "it may have select"),
        ("[tool.tracekit.check]\nconcurrency = 0\n", "from 1 on"),
        ("[tool.tracekit.chek]\nconcurrency = 2\n", "has chek; it may have check, judge, prices, redact"),
        ("[tool]\ntracekit = 3\n", "must be a table"),
    ],
)
def test_settings_that_cannot_be_meant_are_told(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    code, _, err = run(SPLIT)
    assert code == 2
    assert said in err


def test_the_concurrency_of_the_project_bounds_what_is_promised(tmp_path: Path) -> None:
    assert found(SPLIT)[0]["saved_ms"] == 6000.0
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.check]\nconcurrency = 2\n")
    # Two turns fall away and two of three run at once; the third waits for a place.
    assert found(SPLIT)[0]["saved_ms"] == 4000.0


def test_a_baseline_leaves_what_is_new_or_dearer(tmp_path: Path) -> None:
    code, out, err = run(SPLIT, "--baseline", SPLIT)
    assert (code, out) == (0, "Nothing found.\n")
    assert "1 as in the baseline" in err
    assert run(SPLIT, "--baseline", QUIET)[0] == 1
    slower = next(story for story in hard.HITS if story.name == "three analyses in three turns")
    asks = [turn.asks[0] for turn in slower.turns]
    dear = write(longer(slower, asks), tmp_path / "dear.jsonl")
    assert run(str(dear), "--baseline", SPLIT)[0] == 1
    assert run(SPLIT, "--baseline", str(dear))[0] == 0


def longer(story: Story, asks: list[Ask]) -> Story:
    return replace(story, turns=tuple(Turn((replace(ask, ms=2 * ask.ms),)) for ask in asks))


def test_a_rule_of_the_users_own(tmp_path: Path) -> None:
    """Install the rule of the manual as a package, and run it."""
    (block,) = [block for block in blocks(page("check"), "python") if "Rule" in block]
    (tmp_path / "site" / "long_answer-1.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "long_answer.py").write_text(block.replace("> 4000", "> 1"))
    told = tmp_path / "site" / "long_answer-1.dist-info"
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: long-answer\nVersion: 1\n")
    (told / "entry_points.txt").write_text("[tracekit.rules]\nX101 = long_answer:RULE\n")
    env = environment(tmp_path, PYTHONPATH=str(tmp_path / "site"))
    done = tracekit("check", QUIET, "--select", "X", "--format", "json", env=env, cwd=tmp_path)
    assert {finding["code"] for finding in json.loads(done.stdout)["findings"]} == {"X101"}
    assert "| X101 | `long-answer` |" in tracekit("rule", "--list", env=env, cwd=tmp_path).stdout


# ── rule ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_rules_page_and_the_table(tmp_path: Path) -> None:
    env = environment(tmp_path)
    page = tracekit("rule", "split-turns", env=env).stdout
    assert page.startswith("# TK103 split-turns\n\nThe model asked one at a time")
    assert tracekit("rule", "tk103", env=env).stdout == page
    assert tracekit("rule", env=env).stdout == tracekit("rule", "--list", env=env).stdout
    done = tracekit("rule", "TK999", env=env)
    assert done.returncode == 2
    assert "there is no rule 'TK999'" in done.stderr
