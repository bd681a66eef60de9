"""The lines of a session, put into the conversations of its agents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracekit.sources.claude_code.lines import AssistantPart, SessionLine, UserPart

__all__ = ["COPIED", "MAIN", "AgentLines", "agents_of"]

MAIN = ""
"""The key of the main conversation."""
COPIED = "\0copied"
"""The key of the lines that a fork took over: another session paid for their calls."""


@dataclass(eq=False, slots=True)
class AgentLines:
    """The lines of one agent by their times, and its metadata file if it has one."""

    key: str
    lines: list[SessionLine] = field(default_factory=list)
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def start_ns(self) -> int:
        """The time of the first line."""
        return self.lines[0].at_ns

    @property
    def last_ns(self) -> int:
        """The time of the last line."""
        return self.lines[-1].at_ns

    @property
    def prompt_digest(self) -> str:
        """The digest of the text with which the agent was started."""
        found = (line.content for line in self.lines if isinstance(line.content, UserPart))
        return next((part.text_digest for part in found if part.text_digest), "")

    @property
    def awaits_model(self) -> bool:
        """Return whether the last words are the user's or a tool's, so that the model was to answer."""
        said = (line.content for line in reversed(self.lines) if isinstance(line.content, UserPart | AssistantPart))
        last = next(said, None)
        return isinstance(last, UserPart) and (last.is_prompt or bool(last.result)) and not last.is_rejected

    def named(self, attribute: str) -> str:
        """Return a text of the metadata file, empty for none."""
        value = self.meta.get(attribute)
        return value if isinstance(value, str) else ""


def agents_of(lines: Iterable[SessionLine], metas: Mapping[str, Mapping[str, Any]]) -> dict[str, AgentLines]:
    """Return the agents of a session, the main conversation under `MAIN`.

    A line that several files hold counts once. What a progress line repeats of an agent counts where the agent has no
    file. A sidechain of a version that gave agents no ids is an agent for each of its roots.
    """
    known: dict[str, SessionLine] = {}
    for line in sorted(lines, key=lambda line: line.is_embedded):
        known.setdefault(line.uuid, line)
    roots: dict[str, str] = {}
    agents: dict[str, AgentLines] = {}
    copied = _copied(known)
    has_file = {line.agent for line in known.values() if line.agent and not line.is_embedded}
    for line in known.values():
        if line.is_embedded and line.agent in has_file:
            continue
        key = line.agent
        if not key and line.is_sidechain:
            key = f"sidechain-{_root(line, known, roots)}"
        if line.uuid in copied:
            key = COPIED
        agents.setdefault(key, AgentLines(key)).lines.append(line)
    for key, agent in agents.items():
        agent.lines.sort(key=lambda line: line.at_ns)
        agent.meta = metas.get(key, {})
    return agents


def _copied(known: Mapping[str, SessionLine]) -> set[str]:
    """Return the ids of the lines that a fork took over: another session's calls, and the lines above these."""
    copied: set[str] = set()
    for line in known.values():
        at = line if isinstance(line.content, AssistantPart) and line.content.is_copied else None
        while at is not None and at.uuid not in copied:
            copied.add(at.uuid)
            at = known.get(at.parent)
    results = (line for line in known.values() if isinstance(line.content, UserPart) and line.content.result)
    return copied | {line.uuid for line in results if line.parent in copied}


def _root(line: SessionLine, known: Mapping[str, SessionLine], roots: dict[str, str]) -> str:
    """Return the id of the line with which the sidechain of `line` began."""
    path: list[str] = []
    seen: set[str] = set()
    at: SessionLine | None = line
    root = line.uuid
    while at is not None and at.is_sidechain and at.uuid not in seen:
        if at.uuid in roots:
            root = roots[at.uuid]
            break
        seen.add(at.uuid)
        path.append(at.uuid)
        root = at.uuid
        at = known.get(at.parent)
    roots.update(dict.fromkeys(path, root))
    return root
