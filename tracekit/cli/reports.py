"""Print findings for programs: JSON, GitHub's annotations, SARIF."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from tracekit import __version__
from tracekit.cli.options import echo_json
from tracekit.model.change import Change
from tracekit.model.finding import Confidence, Finding, is_at_least
from tracekit.model.text import printable_lines
from tracekit.model.tree import Run
from tracekit.rules.baseline import fingerprints
from tracekit.rules.table import all_rules

__all__ = ["echo_findings", "echo_sarif", "finding_json", "github_lines", "judged_json", "sarif"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL = {"certain": "error", "likely": "warning", "possible": "note"}


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return the JSON of a finding. Scripts depend on it: names and types stay as they are."""
    shown = asdict(replace(finding, change=None, question=None, judged=None))
    for name in ("question", "judged", "rank"):
        del shown[name]
    change = None if finding.change is None else _change_json(finding.change)
    return {**shown, "evidence": list(finding.evidence), "spans": list(finding.spans), "change": change}


def _change_json(change: Change) -> dict[str, Any]:
    """Return the JSON of a change: spans with another begin, by offset from another span, and new durations."""
    return {
        "begins": {
            id: {"after_begin_of": other, "offset_ms": _ms(offset)} for id, (other, offset) in change.begins.items()
        },
        "durations_ms": {id: _ms(duration_ns) for id, duration_ns in change.durations.items()},
    }


def _ms(ns: int) -> float:
    return round(ns / 1e6, 6)


def judged_json(finding: Finding) -> dict[str, str] | None:
    """Return the JSON of the judge's ruling on `finding`, or None."""
    ruling = finding.judged
    return None if ruling is None else {"judge": ruling.judge, "reason": ruling.reason, "quote": ruling.quote}


def echo_findings(
    checked: Sequence[tuple[Run, Sequence[Finding]]], judge: Sequence[Mapping[str, Any]] | None = None
) -> None:
    """Print the findings of a run as an object; of several runs one object a line."""
    objects: list[dict[str, Any]] = [
        {"run": run.id, "findings": [finding_json(each) for each in findings]} for run, findings in checked
    ]
    if judge is not None:
        for shown, summary, (_, findings) in zip(objects, judge, checked, strict=True):
            for each, finding in zip(shown["findings"], findings, strict=True):
                each["judged"] = judged_json(finding)
            shown["judge"] = summary
    if len(objects) == 1:
        echo_json(objects[0])
        return
    for each in objects:
        click.echo(json.dumps(each, ensure_ascii=True))


def github_lines(run: Run, findings: Sequence[Finding], source: str, fail_on: Confidence) -> Iterator[str]:
    """Yield commands that GitHub Actions shows as annotations: an error for what fails, else a warning or a notice.

    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    """
    for finding in findings:
        kind = "error" if is_at_least(finding.confidence, fail_on) else "warning"
        if finding.confidence == "possible" and kind == "warning":
            kind = "notice"
        named = {"title": f"{finding.code} {finding.rule}", **({"file": source} if source else {})}
        text = "\n".join([f"{run.name} {run.id[:8]}: {finding.message}", *finding.evidence, finding.remedy])
        properties = ",".join(f"{name}={_escaped(value, ',:')}" for name, value in named.items())
        yield f"::{kind} {properties}::{_escaped(text)}"


def _escaped(text: str, more: str = "") -> str:
    """Return `text` with the characters that GitHub's commands reserve, and control characters, escaped."""
    text = printable_lines(text)
    for character in "%\r\n" + more:
        text = text.replace(character, f"%{ord(character):02X}")
    return text


def echo_sarif(checked: Sequence[tuple[Run, Sequence[Finding], str]]) -> None:
    """Print one SARIF log with all findings."""
    echo_json(sarif(checked))


def sarif(checked: Sequence[tuple[Run, Sequence[Finding], str]]) -> dict[str, Any]:
    """A SARIF 2.1.0 log: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html."""
    rules = all_rules()
    places = {rule.code: number for number, rule in enumerate(rules)}
    driver = {
        "name": "tracekit",
        "version": __version__,
        "rules": [
            {
                "id": rule.code,
                "name": rule.name,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.summary},
                "help": {"text": rule.text, "markdown": rule.text},
            }
            for rule in rules
        ],
    }
    results = [
        _result(finding, fingerprint, places[finding.code], run, source)
        for run, findings, source in checked
        for finding, fingerprint in zip(findings, fingerprints(run, findings), strict=True)
    ]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }


def _result(finding: Finding, fingerprint: tuple[str, ...], place: int, run: Run, source: str) -> dict[str, Any]:
    spans = {node.id: node for node in run.root.walk() if node.id in finding.spans}
    where = source or next((segment.path for segment in run.recording.segments), run.id)
    uri = Path(where).as_uri() if Path(where).is_absolute() else Path(where).as_posix()
    return {
        "ruleId": finding.code,
        "ruleIndex": place,
        "level": _LEVEL[finding.confidence],
        "message": {"text": "\n".join([finding.message, *finding.evidence, finding.remedy])},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
                "logicalLocations": [
                    {"name": spans[id].name, "fullyQualifiedName": f"{run.name}/{id}", "kind": "function"}
                    for id in finding.spans
                    if id in spans
                ],
            }
        ],
        "partialFingerprints": {"tracekit/v1": sha256("\n".join(fingerprint).encode()).hexdigest()},
        "properties": {
            "run": run.id,
            "confidence": finding.confidence,
            "saved_ms": finding.saved_ms,
            "saved_usd": finding.saved_usd,
        },
    }
