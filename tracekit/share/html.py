"""A run as one HTML page that needs nothing else: no network, no other file, no script but its own."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape
from importlib.resources import files
from string import Template

from tracekit.model.finding import Finding
from tracekit.model.text import printable
from tracekit.model.tree import Run
from tracekit.share.page_data import page_data

__all__ = ["html_page"]

_LONGEST_TITLE = 80


def html_page(run: Run, findings: Sequence[Finding]) -> bytes:
    """Return the page of `run` in UTF-8.

    Names and content are data of the page: its script sets them as text. The policy of the page allows its own script
    and style by their hashes, and nothing else.
    """
    style, script = _part("page.css"), f'"use strict";\n(() => {{\n{"".join(_scripts())}}})();\n'
    policy = (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page = Template(_part("page.html")).substitute(
        policy=policy,
        title=escape(f"{printable(run.name, most=_LONGEST_TITLE)} · tracekit"),
        style=style,
        data=_embedded(page_data(run, findings)),
        script=script,
    )
    return page.encode("utf-8", "backslashreplace")


def _embedded(data: object) -> str:
    """Return `data` as JSON that no tag or comment within can end; a lone surrogate is escaped by the encoder."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _scripts() -> Iterator[str]:
    folder = files("tracekit.share") / "page"
    for name in sorted(part.name for part in folder.iterdir() if part.name.endswith(".js")):
        yield f"{_part(name)}\n"


@cache
def _part(name: str) -> str:
    return (files("tracekit.share") / "page" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
