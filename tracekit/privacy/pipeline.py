"""One way for all that is kept or sent: the user's rules, the content mode, and the forms of credentials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from tracekit.model.events import Chunk, Event, Request, SpanBegin, SpanEnd
from tracekit.privacy.modes import Content, content_mode, kept_arguments
from tracekit.privacy.own_rules import OwnRules, own_rules, recorded_rules
from tracekit.privacy.texts import (
    Texts,
    has_encoded_url,
    json_body,
    rewritten_url,
    rewritten_value,
    texts_in,
    with_plain_urls,
)

if TYPE_CHECKING:
    from tracekit.privacy.content import ContentFilter

__all__ = ["Privacy", "SegmentPrivacy", "project_privacy", "recorded_privacy"]


def project_privacy() -> Privacy:
    """Return the privacy settings of this process: the project's rules, and the content mode of the environment.

    Raises:
        SettingsError: The rules cannot be used; recording without them could keep what must not be.
    """
    return Privacy(own_rules(), content_mode())


def recorded_privacy(redaction: Iterable[object], *, is_strict: bool = False) -> Privacy:
    """Return the rules that a recording's header lists as its `redaction`. The header may be a stranger's.

    Raises:
        PatternError: With `is_strict`, a rule cannot be used; else that rule is left out.
    """
    return Privacy(recorded_rules(redaction, is_strict=is_strict))


class Privacy:
    """Decide what of a run is kept or sent, by the user's `rules` and the `content` mode."""

    def __init__(self, rules: OwnRules, content: Content = "full") -> None:
        self.rules = rules
        self.content = content

    def described(self) -> list[Any]:
        """List the rules as a journal's header does."""
        from tracekit.privacy.credentials import RULE_NAMES  # noqa: PLC0415  loaded with the first text

        return [*RULE_NAMES, *self.rules.described()]

    def without_slow(self) -> Privacy:
        """Return a copy without the rules that took too long several times."""
        rules = self.rules.without_slow()
        return self if rules is self.rules else Privacy(rules, self.content)

    # ── texts and values ─────────────────────────────────────────────────────────────────────────────────────────

    def text(self, text: str) -> str:
        """Return `text` after the rules of the user and those for credentials."""
        from tracekit.privacy.credentials import redact  # noqa: PLC0415  see above

        return redact(self.rules.text(text))

    def value(self, value: Any) -> Any:
        """Return `value`, any JSON, with its texts and the keys of its objects after `text`."""
        return rewritten_value(value, self.text)

    def url(self, url: str, *, is_query: bool = False) -> str:
        """Return `url`, or a part or a span's name, after `text`, as it is and without percent encoding."""
        return rewritten_url(url, self.text, is_query=is_query)

    def arguments(self, arguments: Sequence[str]) -> list[str]:
        """Return of a program's arguments what may be kept."""
        return [self.text(each) for each in kept_arguments(arguments, self.content)]

    # ── events ───────────────────────────────────────────────────────────────────────────────────────────────────

    def for_segment(self) -> SegmentPrivacy:
        """Return what filters the events of one segment of a journal."""
        return SegmentPrivacy(self)

    def event(self, event: Event) -> Event:
        """Return `event` after all rules, for a sink that makes no lines."""
        return self._without_credentials(self.without_own(event))

    def request(self, request: Request) -> Request:
        """Return `request` after all rules, as a journal would have it.

        Raises:
            RuleTimeoutError: A rule takes too long, if the rules are strict.
        """
        event = self.event(SpanBegin("", None, "attempt", "", 0, "", request=request))
        assert isinstance(event, SpanBegin)
        return event.request or request

    def pieces(self, pieces: Sequence[bytes]) -> Sequence[bytes]:
        """Return the pieces of a response's body, redacted also where a secret spans several pieces."""
        from tracekit.privacy.joined import redacted_pieces  # noqa: PLC0415  only whoever reads a record joins pieces

        return redacted_pieces(pieces, self)

    def without_own(self, event: Event) -> Event:
        """Return `event` after the user's rules."""
        rules = self.rules
        if not rules:
            return event
        text = partial(rules.text, allowance=rules.allowance(_characters(event)))
        return Texts(text, partial(json_body, text=text)).of(event)

    @staticmethod
    def _without_credentials(event: Event) -> Event:
        from tracekit.privacy.credentials import body_without_credentials, is_plain, redact  # noqa: PLC0415  see above

        # One look at all texts: most events have nothing to redact.
        whole = texts_in(event)
        return event if whole is not None and is_plain(whole) else Texts(redact, body_without_credentials).of(event)


class SegmentPrivacy:
    """Filters the events of one segment, in their order. Credentials are redacted in the lines that are made of them."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._content = _content_filter(privacy)

    def over(self, event: Event) -> list[Event]:
        """Return what may be kept of `event`."""
        event = self._privacy.without_own(event)
        if has_encoded_url(event):
            from tracekit.privacy.credentials import redact  # noqa: PLC0415  see above

            # Percent encoding hides a credential from the line that is made of the event.
            event = with_plain_urls(event, redact)
        return [event] if self._content is None else self._content.over(event)


def _content_filter(privacy: Privacy) -> ContentFilter | None:
    """Return the filter that removes content from a segment's events, or None if all content is kept."""
    if privacy.content == "full":
        return None
    from tracekit.privacy.content import ContentFilter  # noqa: PLC0415  hardly anybody asks for it

    return ContentFilter(privacy.content, privacy.text)


def _characters(event: Event) -> int:
    """The size of an event's bodies; what else it holds is small."""
    match event:
        case SpanBegin(request=request):
            return len(request.body or b"") if request is not None else 0
        case SpanEnd(response=response):
            return len(response.body) if response is not None else 0
        case Chunk():
            return len(event.data)
    return 0
