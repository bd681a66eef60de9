"""`tracekit help`: the list of pages, a page as Markdown or on a terminal, and unknown names."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.cells import cell_len
from rich.console import Console

from tests.support.cli import environment, tracekit
from tests.support.manual import PAGES, page
from tests.support.raw_terminal import RawTerminal, words
from tracekit.cli import help as help_command
from tracekit.cli.main import cli

TOPICS = help_command._TOPICS


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["help", *arguments])
    return done.exit_code, done.output


def test_the_list_has_every_page_and_its_title() -> None:
    assert sorted(TOPICS) == [path.stem for path in PAGES]
    lines = run()[1].splitlines()
    titles = {topic: page(topic).partition("\n")[0].removeprefix("# ") for topic in TOPICS}
    assert [line.split(maxsplit=1) for line in lines[: len(TOPICS)]] == [[name, text] for name, text in titles.items()]


@pytest.mark.parametrize("topic", TOPICS)
def test_a_page_is_printed_as_markdown_where_stdout_is_no_terminal(topic: str) -> None:
    assert run(topic) == (0, page(topic))


@pytest.mark.parametrize("topic", TOPICS)
def test_links_become_commands_and_code_stays_as_it_is(topic: str) -> None:
    shown = "".join(help_command._for_terminal(page(topic)))
    in_code = shown.split("```")[1::2]
    assert in_code == page(topic).split("```")[1::2]
    prose = "".join(shown.split("```")[::2])
    assert ".md)" not in prose
    assert "](#" not in prose
    assert "](.." not in prose


@pytest.mark.parametrize("topic", TOPICS)
@pytest.mark.parametrize("width", [50, 100])
def test_nothing_is_cut_in_a_narrow_terminal(topic: str, width: int) -> None:
    shown = help_command._formatted(page(topic), Console(width=width, highlight=False, emoji=False, no_color=True))
    assert shown.count("…") == page(topic).count("…")
    assert max(cell_len(line) for line in shown.splitlines()) <= width


def test_a_page_on_a_terminal_is_formatted_and_paged(tmp_path: Path) -> None:
    env = environment(tmp_path, PAGER="cat -n")
    with RawTerminal([sys.executable, "-m", "tracekit", "help", "look"], env, (100, 40)) as terminal:
        assert terminal.to_end() == 0
        text = words(terminal.raw)
    assert "     1\t" in text, "the pager numbers the lines"
    assert "Look at runs" in text
    assert "# Look at runs" not in text
    assert "```" not in text
    assert "tracekit help check" in text


def test_a_command_without_a_page_shows_its_options() -> None:
    code, out = run("ls")
    assert code == 0
    assert out.startswith("Usage: tracekit ls")
    assert "--limit" in out


@pytest.mark.parametrize(("name", "near"), [("reply", "replay"), ("journal", "journal-format"), ("shwo", "show")])
def test_an_unknown_name_gets_the_nearest(name: str, near: str) -> None:
    code, out = run(name)
    assert code == 2
    assert f"There is no page {name!r} in the manual. Did you mean {near!r}? `tracekit help` lists the pages." in out


def test_a_name_that_is_like_none(tmp_path: Path) -> None:
    done = tracekit("help", "xyzzy", env=environment(tmp_path))
    assert done.returncode == 2
    assert "There is no page 'xyzzy' in the manual. `tracekit help` lists the pages." in done.stderr
