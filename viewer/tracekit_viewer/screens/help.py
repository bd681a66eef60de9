"""Every key, with the text of its binding, and the meanings of the marks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.keys import format_key
from textual.screen import ModalScreen, Screen
from textual.widgets import Static
from typing_extensions import override

__all__ = ["HelpScreen", "Key", "keys_of"]

_ORDER = (
    "Moving",
    "Folding",
    "Jumping",
    "Time",
    "Playback",
    "Replay",
    "Looking",
    "Layout",
    "Taking elsewhere",
    "Findings",
    "Agents",
)
_OURS = "tracekit_viewer."
_PLACES = {
    "Reading": "the detail pane",
    "Findings": "the findings",
    "Agents": "the table of agents",
    "Moving": "the rows",
    "Folding": "the tree",
    "Playback": "the line at the foot",
}
_LEGEND = (
    ("◆ ✦ ■ ↻ ∙", "agent, call of the model, tool, attempt, other span"),
    ("▄", "the model answers, in a stream from the first token on; or a tool runs"),
    ("▂", "it waits for the first token, or for what is below it"),
    ("▁", "it waits: between attempts, or in a lane for other agents"),
    ("▂▅█", "of the whole run, or of a group: how many ran at once"),
    ("█", "with C: it is on the critical path"),
    ("▸ ×", "at a bar's end: still open; interrupted, as its process was gone before it ended"),
    ("‹ ›", "it lies before, or after, the time that is seen"),
    ("✓ ✗ ● ◌", "in the list: ended well, failed, lives, interrupted"),
    ("⚑ TK102", "what was found about it, likely or certain; i tells more"),
    ("⌕", "its content has what is searched"),
    ("~", "concluded from requests and responses, not recorded"),
    ("≤", "it ran at some time within"),
)
_MOUSE = (
    ("click", "go there; on ▾ or ▸, fold; on a lane, go to its agent; in a playback, on the minimap, seek"),
    ("double click", "fold; on a bar, zoom to it"),
    ("drag", "on the bars or their axis: zoom to that time"),
    ("wheel", "scroll; with ctrl, zoom; with shift, move in time"),
)


@dataclass(frozen=True, slots=True)
class Key:
    """One thing that a key does.

    Attributes:
        group: What it is for.
        shown: Its keys as they are shown.
        does: What it does, as the help says it.
        command: What it does, as the command palette says it.
        keys: The names of its keys.
        run: Does it without a key.
        is_focused: Whether it belongs to the pane that has the focus.
        is_shadowed: Whether that pane has its keys do something else.
        place: Where it acts, if that is another pane.
    """

    group: str
    shown: str
    does: str
    command: str
    keys: tuple[str, ...]
    run: Callable[[], Awaitable[bool]]
    is_focused: bool = False
    is_shadowed: bool = False
    place: str = ""


def keys_of(screen: Screen[object]) -> list[Key]:
    """Return the keys of `screen`: all bindings of its widgets, of the screen and of the application."""
    app = screen.app
    keys: list[Key] = []
    seen: set[tuple[str, str]] = set()
    for node in (screen, *screen.query("*"), app):
        if isinstance(node, Screen) or not any(isinstance(above, HelpScreen) for above in node.ancestors_with_self):
            for binding in _bindings(node):
                if (binding.key, binding.action) not in seen and binding.description:
                    seen.add((binding.key, binding.action))
                    keys.append(_placed(_key(binding, node), node, screen))
    order = list(dict.fromkeys((*_ORDER, *(key.group for key in keys))))
    return sorted(keys, key=lambda key: order.index(key.group))


def _placed(key: Key, node: DOMNode, screen: Screen[object]) -> Key:
    """Return `key` with its relation to the pane that has the focus."""
    focused = screen.focused
    chain = [*focused.ancestors_with_self, screen.app] if focused is not None else [screen, screen.app]
    if node not in chain:
        return replace(key, place=_PLACES.get(key.group, "another pane"))
    active = screen.active_bindings
    is_shadowed = all(name in active and active[name].node is not node for name in key.keys)
    return replace(key, is_focused=node not in (screen, screen.app), is_shadowed=is_shadowed)


def _bindings(node: DOMNode) -> Iterator[Binding]:
    """Yield the bindings of the viewer's own classes of `node`; the group of each says its purpose."""
    for kind in type(node).__mro__:
        if kind.__module__.startswith(_OURS):
            for binding in vars(kind).get("BINDINGS", ()):
                yield binding if isinstance(binding, Binding) else Binding(*binding)


def _key(binding: Binding, node: DOMNode) -> Key:
    names = tuple(binding.key.split(","))
    shown = "  ".join(
        binding.key_display if binding.key_display and n == 0 else format_key(name) for n, name in enumerate(names)
    )
    group = binding.group.description if binding.group is not None else ("Everywhere" if node is node.app else "Here")
    does = binding.tooltip or binding.description
    # What some keys have in common, the help says once; as commands they need words of their own.
    command = does if binding.show else binding.description
    return Key(group, shown, does, command, names, partial(node.app.run_action, binding.action, node))


class HelpScreen(ModalScreen[None]):
    """Lists `keys` by what they are for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q", "dismiss", "Close", show=False)]
    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        #help {
            width: 76; max-width: 96%; height: auto; max-height: 94%;
            background: $surface; border: round $foreground 25%; padding: 0 2;
            border-title-color: $foreground; border-subtitle-color: $text-muted;
            scrollbar-size-vertical: 1;
        }
        Static { width: 1fr; height: auto; }
    }
    """

    def __init__(self, keys: list[Key]) -> None:
        super().__init__()
        self._keys = keys

    @override
    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help") as box:
            box.border_title = "Keys"
            box.border_subtitle = "? or esc closes"
            yield Static(self._text())

    def _text(self) -> Text:
        text = Text()
        true = [key for key in self._keys if not key.is_shadowed]
        # The keys of the pane that one is in come first, those of other panes last.
        true.sort(key=lambda key: (bool(key.place), not key.is_focused))
        for title, keys in groupby(true, key=lambda key: f"{key.group}, in {key.place}" if key.place else key.group):
            lines: dict[str, list[str]] = {}
            for key in keys:
                lines.setdefault(key.does, []).append(key.shown)
            _section(text, title, [(" ".join(shown), does) for does, shown in lines.items()])
        _section(text, "Mouse", _MOUSE)
        _section(text, "Marks", _LEGEND)
        return text


def _section(text: Text, title: str, lines: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> None:
    text.append(f"\n{title}\n" if text else f"{title}\n", "bold")
    for shown, does in lines:
        text.append(f"  {shown:<16}", "cyan")
        text.append(f"  {does}\n")
