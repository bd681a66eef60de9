"""A real notebook in a real kernel: `%load_ext tracekit`, `%%trace`, and runs that show their trees."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.cli import environment
from tests.support.waiting import LONG_S
from tracekit.demo.claude import ScriptedClaude, message, reply, text

nbformat = pytest.importorskip("nbformat", reason="a notebook is made with nbformat")
nbconvert = pytest.importorskip("nbconvert", reason="nbconvert runs the notebook")

pytestmark = [pytest.mark.notebooks, pytest.mark.filterwarnings("default")]

ASK = "messages.create(model='claude-sonnet-5-5', max_tokens=9, messages=[{'role': 'user', 'content': 'Hello'}])"
CELLS = {
    "load": "%load_ext tracekit\nimport anthropic, tracekit\nclient, later = anthropic.Anthropic(), anthropic.AsyncAnthropic()",
    "sync": f"%%trace greeting\nwith tracekit.agent('lead'):\n    answer = client.{ASK}\nanswer.content[0].text",
    "async": f"%%trace later\nanswer = await later.{ASK}\n(await later.{ASK}).content[0].text",
    "empty": "%%trace nothing\n6 * 7",
    "error": "%%trace broken\nwith tracekit.agent('lead'):\n    1 / 0",
    "show": "tracekit.load('greeting')",
    "sql": "tracekit.sql('SELECT name, status, calls FROM runs ORDER BY recorded_at').fetchall()",
    "replayed": "tracekit.load('greeting').run",
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The notebook with the outputs of its cells."""
    home = tmp_path_factory.mktemp("notebook")
    made = nbformat.v4.new_notebook()
    made.cells = [
        nbformat.v4.new_code_cell(source, metadata={"tags": ["raises-exception"]}) for source in CELLS.values()
    ]
    with (
        ScriptedClaude(lambda asked: reply(asked, message(text("Yes.")))) as claude,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in environment(home / "home", claude.url, JUPYTER_PLATFORM_DIRS="1", HOME=str(home)).items():
            patch.setenv(name, value)
        processor = nbconvert.preprocessors.ExecutePreprocessor(timeout=LONG_S, kernel_name="python3")
        processor.preprocess(made, {"metadata": {"path": str(home)}})
    return made


def outputs(notebook: Any, cell: str) -> list[Any]:
    return list(notebook.cells[list(CELLS).index(cell)].outputs)


def test_a_cell_is_one_run_and_shows_its_tree(notebook: Any) -> None:
    assert outputs(notebook, "load") == []
    shown, value = outputs(notebook, "sync")
    assert ">lead<" in shown.data["text/html"]
    assert ">greeting<" in shown.data["text/html"]
    assert value.data["text/plain"] == "'Yes.'"


def test_a_cell_that_awaits_is_one_run(notebook: Any) -> None:
    shown, value = outputs(notebook, "async")
    assert "ok · " in shown.data["text/html"]
    assert " · 2 calls" in shown.data["text/html"]
    assert value.data["text/plain"] == "'Yes.'"


def test_a_cell_that_records_nothing_says_so(notebook: Any) -> None:
    shown, value = outputs(notebook, "empty")
    assert "Nothing was recorded" in shown.data["text/plain"]
    assert value.data["text/plain"] == "42"


def test_a_cell_that_fails_shows_its_run_and_fails(notebook: Any) -> None:
    shown, error = outputs(notebook, "error")
    assert "ZeroDivisionError" in shown.data["text/html"]
    assert error.output_type == "error"
    assert error.ename == "ZeroDivisionError"


def test_runs_show_themselves(notebook: Any) -> None:
    for cell in ("show", "replayed"):
        (shown,) = outputs(notebook, cell)
        assert ">lead<" in shown.data["text/html"]
    (rows,) = outputs(notebook, "sql")
    assert "[('greeting', 'ok', 1), ('later', 'ok', 2), ('broken', 'error', 0)]" in rows.data["text/plain"].replace(
        "\n", ""
    )


def test_the_notebook_as_a_page_has_the_tree(notebook: Any, tmp_path: Path) -> None:
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    assert page.count('class="tk"') == 5
