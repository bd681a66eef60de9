"""The table of a project's settings is found however it is spelled, and nothing else of the file matters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tracekit.errors import SettingsError
from tracekit.settings import project_settings

SPELLINGS = (
    "[tool.tracekit.redact]\nmail = 'x'\n",
    "[project]\nname = 'a'\n\n  [ tool . \"tracekit\" . redact ]\nmail = 'x'\n",
    "[tool]\ntracekit.redact.mail = 'x'\n",
    "[ 'tool' ]\ntracekit = {redact = {mail = 'x'}}\n",
    "tool.tracekit.redact.mail = 'x'\n",
    "tool = {other = {a = 1}, tracekit = {redact = {mail = 'x'}}}\n",
    "\"tool\" . 'tracekit'.redact = {mail = 'x'}\n",
)


@pytest.mark.parametrize("text", SPELLINGS)
def test_the_table_is_found_however_it_is_spelled(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert project_settings(tmp_path).table == {"redact": {"mail": "x"}}


def test_a_file_without_the_table_need_not_be_toml(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\ndependencies = ['tracekit']\nname = a fault of another tool\n")
    assert project_settings(tmp_path).table == {}


def test_a_fault_in_a_file_with_the_table_is_reported(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.tracekit.redact]\nmail = x\n")
    with pytest.raises(SettingsError, match=r"pyproject\.toml cannot be read"):
        project_settings(tmp_path)
