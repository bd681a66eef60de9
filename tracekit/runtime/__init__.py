"""A thin runtime for teams of agents.

- `team.py`: `Orchestrator` and `Result`, a team and what a run of it gives.
- `subagent.py`: `Subagent`, what an agent is.
- `work.py`: an agent at work: ask, dispatch what was asked for, return the results, ask again.
- `tools.py`: functions, the SDK's tools and dicts as tools; results as content.
- `inputs.py`: what a subagent takes, and whether an input fits.
- `workspace.py`: the shared folder and its three tools.
- `ask.py`: one call of the model, by whichever client, and what the calls used.
- `threads.py`: code that blocks, off the event loop; coroutines, for code without one.
- `record.py`: the spans, and what is noted on them.
"""

from __future__ import annotations

from tracekit.runtime.subagent import Subagent
from tracekit.runtime.team import Orchestrator, Result

__all__ = ["Orchestrator", "Result", "Subagent"]
