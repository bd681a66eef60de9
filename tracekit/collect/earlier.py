"""Earlier runs of a run's agents, from the store, which is brought up to date on first use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from tracekit.analysis.earlier import MOST_RUNS, AgentId, Earlier, Practice
from tracekit.collect.look import up_to_date
from tracekit.collect.scan import scan
from tracekit.errors import TracekitError
from tracekit.journal.home import home, runs_folder
from tracekit.model.tree import Run
from tracekit.store import queries
from tracekit.store.rows import PracticeRow
from tracekit.store.store import Store

__all__ = ["earlier_runs"]

_BUDGET_S = 1.0
"""Seconds for runs beyond the newest ones.

The newest are collected however long it takes, so that a check repeats its result.
"""


def earlier_runs(run: Run, tell: Callable[[Iterable[str]], None]) -> Earlier:
    """The runs of the home folder that were recorded before `run`, by the agents in them.

    Args:
        run: The run whose agents are looked up.
        tell: Shows the user why earlier runs cannot be read, and that some are not collected yet.
    """
    is_fresh = False

    def read(agent: AgentId) -> Iterable[Practice]:
        nonlocal is_fresh
        try:
            if not is_fresh:
                is_fresh = True
                found = scan(runs_folder())
                if found:
                    tell(up_to_date(found=found, needed=MOST_RUNS + 1, budget_s=_BUDGET_S))
            return _practices(run, agent)
        except TracekitError as error:
            tell([f"earlier runs are not compared: {error}"])
            return ()

    return Earlier(read)


def _practices(run: Run, agent: AgentId) -> list[Practice]:
    store = Store(home())
    if not store.exists:
        return []
    own = [run.id, *([run.recording.replay_of] if run.recording.replay_of else [])]
    with store.reading() as connection:
        rows = queries.practices_of(connection, *agent, before_ns=run.recorded_at_ns, without=own, most=MOST_RUNS)
    return [_practice(row) for row in rows]


def _practice(row: PracticeRow) -> Practice:
    return Practice(
        AgentId(row.agent, row.prompt),
        row.tools,
        frozenset(json.loads(row.offered)),
        frozenset(json.loads(row.called)),
        frozenset((one, other) for one, other in json.loads(row.together)),
        row.is_whole,
    )
