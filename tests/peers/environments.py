"""The environments of tests/peers, one for each other instrumentation of the Anthropic SDK.

`.ci/peers` builds those that are missing.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field

from tests.support.environments import Environment, build_missing

__all__ = ["GUESTS", "PEERS", "Peer"]


@dataclass(frozen=True)
class Peer(Environment):
    """An instrumentation of the Anthropic SDK, and its environment.

    Attributes:
        scope: How the names of the instrumentation scopes begin under which it emits its spans.
    """

    scope: str = field(kw_only=True)


# The versions are fixed: a new release of a peer is met when somebody raises its number here, not in the middle of
# other work.
PEERS: tuple[Peer, ...] = (
    Peer(
        "openinference",
        ("openinference-instrumentation-anthropic==3.1.0", "opentelemetry-sdk>=1.45"),
        scope="openinference.instrumentation.anthropic",
    ),
    Peer(
        "traceloop",
        ("opentelemetry-instrumentation-anthropic==0.62.4", "opentelemetry-sdk>=1.45"),
        scope="opentelemetry.instrumentation.anthropic",
    ),
    Peer("logfire", ("logfire==5.2.0", "opentelemetry-sdk>=1.45"), scope="logfire"),
    Peer(
        "opentelemetry",
        ("opentelemetry-instrumentation-genai-anthropic==1.3b0", "opentelemetry-sdk>=1.45"),
        scope="opentelemetry.instrumentation.genai.anthropic",
    ),
)

GUESTS = Environment("guests", ("litellm==1.110.2", "mcp==2.3.0"), unpinned=("",))
"""Packages that ask Claude without the SDK, or start programs that do; all else there has the versions that they want."""


def main() -> int:
    """Build every environment that is missing."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    known = (*PEERS, GUESTS)
    parser.add_argument("peers", nargs="*", metavar="PEER", help=f"one of {', '.join(each.name for each in known)}")
    wanted = parser.parse_args().peers
    return int(not build_missing([each for each in known if not wanted or each.name in wanted]))


if __name__ == "__main__":
    sys.exit(main())
