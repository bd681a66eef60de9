"""How findings speak of quantities and names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tracekit.analysis.batches import Work
from tracekit.analysis.content import leaves
from tracekit.model.tree import Node

__all__ = ["at", "counted", "listed", "plural", "seconds", "span_of", "subject", "times", "tokens"]


def seconds(nanoseconds: int) -> str:
    """A duration: ``340 ms``, ``2.61 s``, ``3 min 20 s``."""
    ms = nanoseconds / 1e6
    if ms < 999.5:
        return f"{ms:.0f} ms"
    if ms < 59_995:
        return f"{ms / 1000:.2f} s" if ms < 9_995 else f"{ms / 1000:.1f} s"
    whole = round(ms / 1000)
    return f"{whole // 60} min {whole % 60} s"


def at(nanoseconds: int, origin_ns: int) -> str:
    """A moment as seconds since `origin_ns`: ``1.20``."""
    return f"{(nanoseconds - origin_ns) / 1e9:.2f}"


def span_of(node: Node, origin_ns: int) -> str:
    """When `node` ran, as seconds since `origin_ns`: ``1.20-2.21 s``."""
    end = "…" if node.end_ns is None else at(node.end_ns, origin_ns)
    return f"{at(node.start_ns, origin_ns)}-{end} s"


def plural(number: int, one: str, many: str = "") -> str:
    """A count with its word: ``1 turn``, ``2 turns``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def tokens(number: int) -> str:
    """A count of tokens: ``812 tokens``, ``12,400 tokens``."""
    return f"{number:,} token{'' if number == 1 else 's'}"


def counted(works: Iterable[Work]) -> str:
    """The names of `works`, with how many there are of each: ``3 x analysis_agent, test_agent``."""
    names = Counter(work.name for work in works)
    return listed([name if count == 1 else f"{count} x {name}" for name, count in names.items()])


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in a row: ``a, b and c``; the first ones and how many more where there are many."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def subject(work: Work) -> str:
    """What tells `work` from its like: the shortest that it was given, rather a path or an id than a sentence."""
    texts = [text.strip() for text in leaves(work.arguments) if text.strip()]
    return min(texts, key=lambda text: (" " in text, len(text)), default="")[:60]


def times(works: Sequence[Work], origin_ns: int, most: int = 8) -> list[str]:
    """When each of `works` ran, a line each: ``analysis_agent shop/cart.py 1.20-2.21 s``."""
    lines = [" ".join(filter(None, (work.name, subject(work), span_of(work.node, origin_ns)))) for work in works[:most]]
    return lines + ([f"and {len(works) - most} more"] if len(works) > most else [])
