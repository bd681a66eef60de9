"""One way for all that is kept or sent: the user's rules, the content mode, and the forms of credentials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from tracekit.model.aws import are_frames, rewritten_frames
from tracekit.model.events import Chunk, Event, Request, SpanBegin, SpanEnd
from tracekit.privacy.content import Content, ContentFilter, content_mode, kept_arguments
from tracekit.privacy.own_rules import OwnRules, own_rules
from tracekit.privacy.texts import URL_ATTRIBUTES, Texts, json_body, rewritten_url

__all__ = ["Privacy", "SegmentPrivacy", "body_without_credentials", "project_privacy", "without_credentials"]


def project_privacy() -> Privacy:
    """Return what holds in this process: the project's rules, and the content mode of the environment.

    Raises:
        SettingsError: The rules cannot be used; recording without them could keep what must not be.
    """
    return Privacy(own_rules(), content_mode())


class Privacy:
    """Decide what of a run is kept or sent, by the user's `rules` and the `content` mode."""

    def __init__(self, rules: OwnRules, content: Content = "full") -> None:
        self.rules = rules
        self.content = content

    def described(self) -> list[Any]:
        """List the rules as a journal's header does."""
        from tracekit.privacy.credentials import RULE_NAMES  # noqa: PLC0415  loaded with the first text

        return [*RULE_NAMES, *self.rules.described()]

    def text(self, text: str) -> str:
        """Return `text` after the rules of the user and those for credentials."""
        from tracekit.privacy.credentials import redact  # noqa: PLC0415  see above

        return redact(self.rules.text(text))

    def arguments(self, arguments: Sequence[str]) -> list[str]:
        """Return of a program's arguments what may be kept."""
        return [self.text(each) for each in kept_arguments(arguments, self.content)]

    def for_segment(self) -> SegmentPrivacy:
        """Return what filters the events of one segment."""
        return SegmentPrivacy(self)

    def without_own(self, event: Event) -> Event:
        """Return `event` after the user's rules."""
        rules = self.rules
        if not rules:
            return event
        text = partial(rules.text, allowance=rules.allowance(_characters(event)))
        return Texts(text, partial(json_body, text=text)).of(event)

    def without_own_in(self, request: Request) -> Request:
        """Return `request` after the user's rules.

        Raises:
            RuleTimeoutError: A rule takes too long, if the rules are strict.
        """
        event = self.without_own(SpanBegin("", None, "attempt", "", 0, "", request=request))
        assert isinstance(event, SpanBegin)
        return event.request or request


class SegmentPrivacy:
    """Filters the events of one segment, in their order. Credentials are redacted in the lines that are made of them."""

    def __init__(self, privacy: Privacy) -> None:
        self._privacy = privacy
        self._content = ContentFilter(privacy.content, privacy.text)

    def over(self, event: Event) -> list[Event]:
        """Return what may be kept of `event`."""
        event = self._privacy.without_own(event)
        if isinstance(event, SpanBegin) and _is_encoded(event):
            event = _with_plain_address(event)
        return self._content.over(event)


def _is_encoded(event: SpanBegin) -> bool:
    if "%" in event.name:
        return True
    request = event.request
    return request is not None and ("%" in request.path or "%" in request.query or "+" in request.query)


def _with_plain_address(event: SpanBegin) -> SpanBegin:
    """Return `event` without the credentials that percent encoding hides from the line that is made of it."""
    from tracekit.privacy.credentials import redact  # noqa: PLC0415  see above

    request = event.request
    if request is not None:
        path, query = rewritten_url(request.path, redact), rewritten_url(request.query, redact, is_query=True)
        request = replace(request, path=path, query=query)
    attributes = {
        name: rewritten_url(str(value), redact) if name in URL_ATTRIBUTES else value
        for name, value in event.attributes.items()
    }
    return replace(event, name=rewritten_url(event.name, redact), attributes=attributes, request=request)


def without_credentials(event: Event) -> Event:
    """Return `event` with a placeholder for each credential, for a sink that makes no lines."""
    from tracekit.privacy.credentials import redact  # noqa: PLC0415  see above

    return Texts(redact, body_without_credentials).of(event)


def body_without_credentials(body: bytes) -> bytes:
    """Return `body`, of a request or of a response, with a placeholder for each credential."""
    from tracekit.privacy.credentials import redact_bytes  # noqa: PLC0415  see above

    return rewritten_frames(body, redact_bytes) if are_frames(body) else redact_bytes(body)


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
