"""The identity of a run, known before anything has happened in it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

__all__ = ["ProcessRoot", "RunInfo", "Session"]


@dataclass(frozen=True, slots=True)
class ProcessRoot:
    """The root span of a run that is a whole process (`tracekit run`), known to each process that takes part."""

    id: str
    at_ns: int
    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The identity of a run: an id of 32 hex digits, a name, its begin, and its process if any.

    `rootless` says that it has no span of its own, as a call with nothing around it began it. `replay_of` is the id of
    the run that it replays. `unit` is the kind of what reached the program from outside and is this run: a request, a
    job or a cell; empty where the run is no such thing.
    """

    id: str
    name: str
    recorded_at_ns: int
    root: ProcessRoot | None = None
    rootless: bool = False
    replay_of: str | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """The data that `tracekit run` passes to its child, and to the child's children, in ``TRACEKIT_SESSION``.

    `hello` is a folder in which each process that records leaves a file named by its pid. `parent` is the span of the
    run in which a recorded process started this one; empty where that is the run's own. `offset_ns` is the difference
    between the epoch and the steady clock of the machine, the same for all processes of the run that share the `boot`
    of the machine.
    """

    run: RunInfo
    hello: str
    parent: str = ""
    boot: str = ""
    offset_ns: int | None = None

    def dumps(self) -> str:
        """The session as the text of an environment variable."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def loads(cls, text: str) -> Session:
        """The session that `dumps` wrote.

        Raises:
            ValueError: The text is not such a session.
        """
        try:
            data = json.loads(text)
            run, root = data["run"], data["run"]["root"]
            process = ProcessRoot(root["id"], root["at_ns"], tuple(root["argv"]))
            info = RunInfo(run["id"], run["name"], run["recorded_at_ns"], process)
            return cls(info, data["hello"], data.get("parent", ""), data.get("boot", ""), data.get("offset_ns"))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a tracekit session: {text!r}") from error
