"""The public names are what `__all__` says, each can be had, and none is a submodule's."""

from __future__ import annotations

import pkgutil
import tomllib
from pathlib import Path

import pytest

import tracekit

ROOT = Path(__file__).parent.parent


def test_all_is_sorted_and_importable() -> None:
    assert list(tracekit.__all__) == sorted(tracekit.__all__)
    for name in tracekit.__all__:
        assert getattr(tracekit, name) is not None
    assert dir(tracekit) == list(tracekit.__all__)


def test_every_error_is_public() -> None:
    from tracekit import errors

    assert set(errors.__all__) <= set(tracekit.__all__)


def test_no_public_name_is_a_submodules() -> None:
    modules = {module.name for module in pkgutil.iter_modules(tracekit.__path__)}
    assert not modules & set(tracekit.__all__)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        tracekit.nope  # noqa: B018


def test_the_version_stands_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == tracekit.__version__


def test_each_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    for requirement in [*project["dependencies"], *project["optional-dependencies"]["dev"]]:
        line = next(line for line in text.splitlines() if f'"{requirement}"' in line)
        assert "#" in line, requirement
