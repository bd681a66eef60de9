"""The question of a judge: whether later steps of an agent needed the output of earlier ones."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from hashlib import sha256

from tracekit.model.json_text import compact

__all__ = ["Question", "Ruling", "Step"]


@dataclass(frozen=True, slots=True)
class Step:
    """A tool call or a subagent's task: its name, its input as text, and its output, if recorded."""

    name: str
    given: str
    output: str | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question about dependence: whether a `later` step needed the output of an `earlier` one.

    `agent` is the name of the agent that requested all of them, `task` the text of its first message, and `said` the
    text of the response that requested the later steps.
    """

    agent: str
    task: str
    earlier: tuple[Step, ...]
    later: tuple[Step, ...]
    said: str

    @property
    def digest(self) -> str:
        """The SHA-256 of all texts of the question, in hex; the same in every process."""
        return sha256(compact(asdict(self)).encode("utf-8", "surrogatepass")).hexdigest()

    @property
    def is_recorded(self) -> bool:
        """True if the outputs of all earlier steps are recorded: without them nobody can judge."""
        return bool(self.earlier and self.later) and all(step.output is not None for step in self.earlier)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A judge's answer to a question.

    `quote` is the part of an earlier output that a later step needed, empty where the steps are independent. `reason`
    is the judge's own sentence, and `judge` the judge's name.
    """

    is_dependent: bool
    reason: str
    quote: str
    judge: str
