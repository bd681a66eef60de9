"""The types of lines that Claude Code writes and that no run needs."""

from __future__ import annotations

__all__ = ["IGNORED_TYPES"]

IGNORED_TYPES = frozenset(
    (
        "agent-color", "agent-name", "agent-setting", "ai-title", "api-request-blob", "api-request-shape",
        "artifact-autoreact-ledger", "artifact-comment-monitor", "atis-latch", "attachment", "attribution-snapshot",
        "bridge-session", "content-replacement", "continued-in", "custom-title", "data-flow-incomplete",
        "data-flow-records", "derived-from", "dev-mods", "ended-by-model", "file-history-delta", "file-history-snapshot",
        "fork-context-ref", "frame-link", "history-suppression", "hybrid-organization", "isolation-latch", "last-prompt",
        "memory-mode", "mode", "observer-ref", "permission-mode", "pr-link", "progress", "queue-operation", "relocated",
        "repl-mode", "resume-head-vouch", "session-owner", "summary", "system", "tag", "tools-used", "worktree-state",
    )
)  # fmt: skip
"""Types of lines that hold nothing of the tree beyond their place in the chain, or that are read elsewhere."""
