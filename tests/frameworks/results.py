"""Results of the frameworks' programs: kept in a file, and shown as a table."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Result", "load", "table"]

_COLUMNS = ("calls", "agents", "tools", "findings", "replays")


@dataclass
class Result:
    """One program with its framework's instrumentation off or on.

    Attributes:
        program: The program's name.
        spans: Whether the framework's own instrumentation is `off` or `on`.
        framework: The framework's distribution and version.
        seen: Values by column.
        faults: Under their columns, the values that differ from what is expected, and how.
        plain_s: CPU seconds without tracekit.
        recorded_s: CPU seconds with `tracekit run`, its own process included.
    """

    program: str
    spans: str
    framework: str = ""
    seen: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    plain_s: float = 0.0
    recorded_s: float = 0.0

    def expect(self, column: str, expected: object, seen: object, why: str = "") -> None:
        """Note what was seen, and whether it differs from what is expected."""
        self.seen[column] = seen
        if expected != seen:
            self.faults[column] = f"expected {expected}, got {seen}{f': {why}' if why else ''}"

    def keep(self, file: Path) -> None:
        """Add this result to those in `file`."""
        with file.open("a", encoding="utf-8") as kept:
            kept.write(json.dumps(asdict(self)) + "\n")


def load(file: Path) -> list[Result]:
    """Return the results in `file`, the latest of each program; none if there is no file."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    found = [Result(**json.loads(line)) for line in lines]
    return list({(result.program, result.spans): result for result in found}.values())


def table(results: Sequence[Result]) -> Iterator[str]:
    """Yield the lines of a Markdown table of `results`, a row a program."""
    yield f"| framework | program | {' | '.join(_COLUMNS)} | CPU seconds, off and on |"
    yield "|---" * (len(_COLUMNS) + 3) + "|"
    for name in sorted({result.program for result in results}):
        both = sorted((result for result in results if result.program == name), key=lambda result: result.spans)
        cells = [both[0].framework, name]
        cells += [_either(both, [_cell(result, column) for result in both]) for column in _COLUMNS]
        yield f"| {' | '.join([*cells, ', '.join(map(_cpu, both))])} |"


def _either(results: Sequence[Result], cells: Sequence[str]) -> str:
    """Return what both of `cells` say, or each with whether the instrumentation was off or on."""
    if len(cells) > 1 and len(set(cells)) == 1:
        return cells[0]
    return "; ".join(f"{result.spans}: {cell}" for result, cell in zip(results, cells, strict=True))


def _cell(result: Result, column: str) -> str:
    """Return a value for the table, bold where it is not what is expected."""
    seen = result.seen.get(column, "-")
    if isinstance(seen, list):
        words = ", ".join(f"{count} × {name}" if count > 1 else name for name, count in Counter(seen).items()) or "-"
    else:
        words = str(seen)
    if column == "replays" and column in result.faults:
        words = "diverged"
    if column == "calls":
        others = [
            f"{name}: {result.seen.get(name, fault)}" for name, fault in result.faults.items() if name not in _COLUMNS
        ]
        words += "".join(f" **{other}**" for other in others)
    return f"**{words}**" if column in result.faults else words


def _cpu(result: Result) -> str:
    """Return the CPU seconds without and with tracekit."""
    return f"{result.plain_s:.1f} → {result.recorded_s:.1f}" if result.plain_s else "-"
