"""Run the rules on a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tracekit.analysis.earlier import Earlier
from tracekit.analysis.facts import Facts
from tracekit.model.finding import CONFIDENCES, Finding
from tracekit.model.garbage import without_garbage_collection
from tracekit.model.tree import Run
from tracekit.rules.rule import Rule
from tracekit.rules.table import chosen

__all__ = ["Options", "findings_of", "in_order"]


@dataclass(frozen=True, slots=True)
class Options:
    """The settings of a check.

    `select` and `ignore` are codes, beginnings of codes or names of rules. `min_saving_ms` hides findings that save
    less time; None hides those that save less than a second and less than a twentieth of the run. `concurrency` is the
    number of tasks that may run at once. `tools` has the effects of the project's tools, by their names: see
    `TOOL_EFFECTS`.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    min_saving_ms: float | None = None
    concurrency: int | None = None
    tools: Mapping[str, str] = field(default_factory=dict)


def findings_of(
    run: Run,
    options: Options | None = None,
    *,
    rules: Sequence[Rule] | None = None,
    faults: list[str] | None = None,
    earlier: Earlier | None = None,
) -> list[Finding]:
    """Return the findings of the rules on `run`, the surest and the most costly first.

    Args:
        run: The run, with its exchanges: without them less can be told.
        options: What is looked for; everything by default.
        rules: The rules to go by; by default those that the options choose.
        faults: Takes a sentence for each rule that failed. Without it the error is raised.
        earlier: The same agents in earlier runs; by default none is known.

    Raises:
        SettingsError: The options name a rule that does not exist.
    """
    with without_garbage_collection():
        found = _found(run, options or Options(), rules, faults, earlier)
    return in_order(found)


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return `findings`, the surest and the most costly first."""
    return sorted(findings, key=_order)


def _found(
    run: Run, options: Options, rules: Sequence[Rule] | None, faults: list[str] | None, earlier: Earlier | None
) -> list[Finding]:
    least_ns = None if options.min_saving_ms is None else round(options.min_saving_ms * 1e6)
    facts = Facts(run, limit=options.concurrency, least_ns=least_ns, earlier=earlier, tools=options.tools)
    found: list[Finding] = []
    for rule in chosen(options.select, options.ignore) if rules is None else rules:
        try:
            found += [finding for finding in rule.check(facts) if _is_worth(finding, facts.least_ns)]
        except Exception as error:
            if faults is None:
                raise
            faults.append(f"{rule.code} failed on run {run.id[:8]}: {type(error).__name__}: {error}")
    return found


def _is_worth(finding: Finding, least_ns: int) -> bool:
    return finding.saved_ms is None or finding.saved_ms * 1e6 >= least_ns


def _order(finding: Finding) -> tuple[int, int, str, float]:
    return CONFIDENCES.index(finding.confidence), -finding.rank, finding.code, -(finding.saved_ms or 0.0)
