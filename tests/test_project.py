"""The files of the project agree with each other: Python versions, the licence, workflows and folders."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github").rglob("*.yml"))


def minors(texts: list[str]) -> list[str]:
    return [found[0] for text in texts if (found := re.findall(r"3\.\d+$", text))]


def test_the_python_versions_are_the_same_everywhere() -> None:
    claimed = minors(PROJECT["classifiers"])
    assert f">={claimed[0]}" == PROJECT["requires-python"]
    matrix = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))["jobs"]["test"]["strategy"][
        "matrix"
    ]
    assert matrix["python"] == claimed
    assert f"Python {claimed[0]} or later" in (ROOT / "README.md").read_text("utf-8")


def test_the_licence_is_the_one_that_the_project_names() -> None:
    (name,) = PROJECT["license-files"]
    assert (ROOT / name).read_text("utf-8").startswith(f"{PROJECT['license']} License\n")


def test_the_readme_names_the_package() -> None:
    assert f"`{PROJECT['name']}`" in (ROOT / "README.md").read_text("utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_read_and_runs_what_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    for job in yaml.safe_load(text)["jobs"].values():
        assert job["runs-on"]
        assert all("run" in step or "uses" in step for step in job["steps"])
    for script in re.findall(r"(?<![\w/])\.ci/[\w.]+", text):
        assert (ROOT / script).exists(), script
    assert "was not run" in text or "example" in text


def test_each_folder_says_what_is_in_it() -> None:
    folders = [path for path in ROOT.iterdir() if path.is_dir() and list(path.glob("**/*.py"))]
    visible = sorted(path.name for path in folders if not path.name.startswith("."))
    assert visible == sorted(path.parent.name for path in ROOT.glob("[!.]*/README.md"))
    assert {"tracekit", "viewer", "tests", "fixtures", "grafana"} <= set(visible)
