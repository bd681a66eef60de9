"""Draw the critical path of a run in one line.

For example ``10.0 s = lead 3.4 + analysis_agent 2.9 (1.7 avoidable) + others 3.7``.
"""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.analysis.timing.critical import critical_path
from tracekit.analysis.timing.shares import Share, shares_of
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.model.finding import Finding
from tracekit.model.text import printable
from tracekit.model.tree import RunTree

__all__ = ["path_line", "shares_text"]

_MOST = 4
"""Agents that are named; the time of more is summed up."""
_MS, _S = 1_000_000, 1_000_000_000


def path_line(tree: RunTree, findings: Sequence[Finding]) -> str:
    """Return the critical path of `tree` by agent; "" where no agent, or no time, is on it."""
    shares = shares_of(tree.root, critical_path(tree.root, TreeFacts(tree).schedule), findings)
    whole_ns = sum(share.time_ns for share in shares)
    if all(share.agent is None for share in shares) or not round(whole_ns / _unit(whole_ns)):
        return ""
    return f"critical path: {shares_text(shares)}"


def shares_text(shares: Sequence[Share]) -> str:
    """Return the sum of `shares`, which are in order, and its parts; the shown numbers add up."""
    whole_ns = sum(share.time_ns for share in shares)
    unit_ns = _unit(whole_ns)
    named = [share for share in shares[:_MOST] if share.time_ns >= unit_ns]
    others = shares[len(named) :]
    parts = [("no agent" if share.agent is None else printable(share.agent, most=40), share) for share in named]
    if others:
        rest = Share(None, sum(each.time_ns for each in others), sum(each.avoidable_ns for each in others))
        parts.append(("others", rest))
    rounded = _rounded([share.time_ns for _, share in parts], unit_ns)
    texts = []
    for (name, share), amount in zip(parts, rounded, strict=True):
        avoidable = share.avoidable_ns // unit_ns
        more = f" ({_amount(min(avoidable, amount), unit_ns)} avoidable)" if avoidable else ""
        if amount:
            texts.append(f"{name} {_amount(amount, unit_ns)}{more}")
    whole = _amount(sum(rounded), unit_ns)
    unit = {_MS: " ms", _S: ""}.get(unit_ns, " s")
    return f"{whole}{unit} = {' + '.join(texts)}"


def _unit(whole_ns: int) -> int:
    """Return the nanoseconds to which parts of `whole_ns` are rounded, as the whole is."""
    ms = whole_ns / _MS
    if ms < 999.5:
        return _MS
    if ms < 9_995:
        return 10 * _MS
    return 100 * _MS if ms < 59_950 else _S


def _rounded(times_ns: Sequence[int], unit_ns: int) -> list[int]:
    """`times_ns` in units, so rounded that they sum up to their rounded sum: the largest fractions are rounded up."""
    amounts = [time_ns // unit_ns for time_ns in times_ns]
    missing = round(sum(times_ns) / unit_ns) - sum(amounts)
    by_fraction = sorted(range(len(amounts)), key=lambda number: -(times_ns[number] % unit_ns))
    for number in by_fraction[: max(0, missing)]:
        amounts[number] += 1
    return amounts


def _amount(units: int, unit_ns: int) -> str:
    if unit_ns == _S:
        return f"{units // 60} m {units % 60:02d} s" if units >= 60 else f"{units} s"
    return str(units) if unit_ns == _MS else f"{units * unit_ns / _S:.{2 if unit_ns == 10 * _MS else 1}f}"
