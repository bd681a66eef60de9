"""The conversation of an agent, as what was known before each of its calls."""

from __future__ import annotations

from collections.abc import Sequence

from tracekit.analysis.content import Content, leaves
from tracekit.analysis.lineage.task import Context
from tracekit.model.tree import Node

__all__ = ["Conversation"]


class Conversation:
    """Collects what an agent's model was told and said, call by call: each message is read once, however long it is."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._context = Context()
        self._read = 0

    def before(self, asked: Node) -> Context:
        """Return what was known when `asked` was answered: all it sent, and the text of its answer. Ask in order."""
        messages = self._content.messages(asked)
        if not self._read:
            self._context.add(self._content.asked_text(asked))
        else:
            new = messages.between(min(self._read, max(0, len(messages) - 1)), len(messages))
            self._context.add("\n".join(leaf for message in new for leaf in leaves(message.value)))
        self._read = max(1, len(messages))
        self._context.add(self._content.answer_text(asked))
        return self._context

    def lists(self, items: Sequence[str]) -> bool:
        """Return whether one text that was known had all of `items` in a list."""
        return self._context.lists(items)
