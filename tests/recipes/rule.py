"""The recipe for a rule of `tracekit check`: its module, place in the table, stories and manual row."""

from __future__ import annotations

from tests.recipes.scratch import Scratch

__all__ = ["add_rule"]

_MODULE = '''"""A call sent almost as much input as the model can take.

## What it finds

A call with more than 900,000 input tokens.

## Why it matters

The next turn may not fit.

## Example

    audit_agent   950,000 tokens of input

## What to do

Cut or summarise the history.

## Settings

None.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracekit.analysis.facts import Facts
from tracekit.model.finding import Finding
from tracekit.rules.rule import Rule

__all__ = ["RULE"]

_MOST_TOKENS = 900_000


def check(facts: Facts) -> Iterator[Finding]:
    """Yield a finding for each call with very much input."""
    for call in facts.calls:
        if call.tokens.input > _MOST_TOKENS:
            yield RULE.finding(
                "certain",
                f"a call of {call.model} sent {call.tokens.input:,} tokens of input",
                evidence=[f"{_MOST_TOKENS:,} tokens are close to the limit of the model"],
                spans=[call.id],
                remedy="Cut or summarise the history.",
            )


RULE = Rule("@CODE@", "@NAME@", check, __doc__)
'''

_STORIES = '''"""Runs for the rule @CODE@: four that it must find, and one that looks alike and must stay silent."""

from __future__ import annotations

from fixtures.rules.story import Ask, Story, Turn

CODE = "@CODE@"


def audit(tokens: int) -> tuple[Turn, ...]:
    """An agent whose call sends this many tokens."""
    return (Turn((Ask("audit_agent", {"folder": "src"}, "All is fine.", tokens=tokens),)),)


HITS: tuple[Story, ...] = tuple(
    Story(f"@NAME@ {tokens}", "Audit.", audit(tokens), hit=frozenset({CODE}))
    for tokens in (910_000, 930_000, 950_000, 970_000)
)
MISSES: tuple[Story, ...] = (Story("@NAME@, but not so much", "Audit.", audit(9_000)),)
'''


def add_rule(scratch: Scratch, code: str, name: str) -> list[str]:
    """Add the rule `code` called `name`, and return the tests that must pass."""
    module = name.replace("-", "_")

    def filled(text: str) -> str:
        return text.replace("@CODE@", code).replace("@NAME@", name)

    scratch.write(f"tracekit/rules/{module}.py", filled(_MODULE))
    table = "tracekit/rules/table.py"
    scratch.insert_after(table, "from tracekit.rules import (\n", f"    {module},\n")
    scratch.replace(
        table, ')\n"""The rules that tracekit brings', f'    {module}.RULE,\n)\n"""The rules that tracekit brings'
    )
    scratch.write(f"fixtures/rules/{module}.py", filled(_STORIES))
    labelled = "fixtures/rules/labelled.py"
    scratch.insert_after(labelled, "from fixtures.rules import (\n", f"    {module},\n")
    scratch.insert_after(labelled, "_FILES = (", f"{module}, ")
    scratch.insert_after("fixtures/make_rules.py", "MISSES = {\n", f'    "{code}": "{name}, but not so much",\n')
    row = next(line for line in scratch.run("-m", "tracekit", "rule", "--list").splitlines() if code in line)
    scratch.replace("tracekit/guide/check.md", "\n\n`tracekit rule TK103`", f"\n{row}\n\n`tracekit rule TK103`")
    scratch.run("-m", "fixtures.make_rules")
    return ["tests/rules/test_pages.py", "tests/rules/test_labelled.py"]
