"""Goes ways to the API: `python -m tests.programs.closing HOW PORT RECORDING NAMES`, which says how each of them ended.

HOW is `free` (no replay), `inside` (each way in a replay of its own, within this process), `blocked` (the same, where
the way leads to a host that is not the API's and all connections are refused), or `under` (`tracekit replay` runs it).
"""

import inspect
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import tracekit
from tests.programs.closing import children as _children  # noqa: F401  it adds its ways
from tests.programs.closing.connections import WAYS, Live
from tests.support.calling import QUESTION

HOW, PORT, RECORDING = sys.argv[1], int(sys.argv[2]), sys.argv[3]
API = f"http://127.0.0.1:{PORT}" if HOW != "blocked" else "http://127.0.0.1:9"


def ask() -> None:
    """Make the call that is in the recording."""
    import anthropic

    with anthropic.Anthropic(base_url=API, api_key="key", max_retries=0) as client:
        client.messages.create(**QUESTION)


def go(number: int, name: str) -> dict[str, Any]:
    """Go one way, as HOW says."""
    live, taken = Live(PORT, str(number)), WAYS[name]
    return replayed(taken, live) if HOW in ("inside", "blocked") else tried(lambda: walk(taken, live))


def walk(way: Callable[[Live], Any], live: Live) -> None:
    """Go the whole way."""
    steps = way(live)
    if isinstance(steps, Iterator):
        list(steps)


def replayed(way: Callable[[Live], Any], live: Live) -> dict[str, Any]:
    """Go the way within a replay, and what comes before its `yield` before that."""
    steps: Any = way(live) if inspect.isgeneratorfunction(way) else iter([None])
    next(steps)
    replay = tracekit.replay(RECORDING, block_network=HOW == "blocked")

    def body() -> None:
        with replay, tracekit.run("recorded"):
            ask()
            if inspect.isgeneratorfunction(way):
                next(steps, None)
            else:
                way(live)

    told = tried(body)
    why = replay.divergence.why if replay.divergence is not None else None
    return {**told, "mode": replay.mode, "why": why}


def tried(body: Callable[[], Any]) -> dict[str, Any]:
    """Run `body`, and tell what it raised."""
    try:
        body()
    except ImportError as error:
        return {"raised": None, "missing": error.name}
    except FileNotFoundError as error:
        return {"raised": "FileNotFoundError", "missing": error.filename}
    except BaseException as error:  # noqa: BLE001  a divergence is one, and what is raised is what is told
        return {"raised": type(error).__name__, "said": str(error)}
    return {"raised": None}


if __name__ == "__main__":
    if HOW == "under":
        ask()
    told: dict[str, Any] = {}
    for argument in sys.argv[4:]:
        number, _, name = argument.partition(":")
        told[name] = go(int(number), name)
    print(f"\nTOLD {json.dumps(told)}", file=sys.stderr)
