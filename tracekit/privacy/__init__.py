"""The one place that decides what of a run is kept, and what of it leaves the machine.

Everything passes these steps, in this order; every sink uses the same code for them:

1. *Headers*: those that may carry credentials are never taken from a request or a response (`headers`).
2. *The user's rules*: ``[tool.tracekit.redact]`` (`own_rules`, with time limits in `patterns`).
3. *The content mode*: ``TRACEKIT_CONTENT`` (`modes`, applied by `content`).
4. *Credentials*: texts in the form of a key, token or password (`credential_rules`, applied by `credentials`), also
   percent-encoded in addresses (`texts`), and spelled out by several events of a stream (`joined`).

`pipeline` joins them as a `Privacy`, which every sink asks:

| sink | asks |
| --- | --- |
| journal, and with it the store, Parquet, `show` and the viewer | `for_segment`, `redact`, `pieces` |
| spans: our exporter, the application's exporter, metrics | `span_attributes`, `span_name`, `span_description` (`spans`) |
| replay | `event`, `request`, `value`, `url` of the recording's rules |
| judges | `text`, `is_withheld` |
| export | `pieces`, `suspects_in`, `own_suspects_in` (`suspects`) |
| messages about collectors | `scrubbed`, `public_address` (`endpoints`) |

Other packages import names from here, never from a module of this package: an import contract keeps that. Names are
loaded when they are first used, since the forms of credentials take a while to compile.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracekit.privacy.credentials import body_without_credentials, is_plain, redact, redact_bytes
    from tracekit.privacy.endpoints import public_address, scrubbed, secrets_of, without_user
    from tracekit.privacy.headers import SENT_HEADERS, kept_headers
    from tracekit.privacy.modes import CONTENT_VARIABLE, Content, content_mode
    from tracekit.privacy.own_rules import RuleTimeoutError
    from tracekit.privacy.patterns import Pattern, PatternError, PatternTimeoutError
    from tracekit.privacy.pipeline import Privacy, SegmentPrivacy, project_privacy, recorded_privacy
    from tracekit.privacy.placeholders import is_redacted, is_withheld
    from tracekit.privacy.spans import (
        SpanFacts,
        SpanRules,
        asks_for_content,
        span_attributes,
        span_description,
        span_name,
        span_rules,
    )
    from tracekit.privacy.suspects import own_suspects_in, suspects_in, suspects_in_pieces

__all__ = [
    "CONTENT_VARIABLE",
    "SENT_HEADERS",
    "Content",
    "Pattern",
    "PatternError",
    "PatternTimeoutError",
    "Privacy",
    "RuleTimeoutError",
    "SegmentPrivacy",
    "SpanFacts",
    "SpanRules",
    "asks_for_content",
    "body_without_credentials",
    "content_mode",
    "is_plain",
    "is_redacted",
    "is_withheld",
    "kept_headers",
    "own_suspects_in",
    "project_privacy",
    "public_address",
    "recorded_privacy",
    "redact",
    "redact_bytes",
    "scrubbed",
    "secrets_of",
    "span_attributes",
    "span_description",
    "span_name",
    "span_rules",
    "suspects_in",
    "suspects_in_pieces",
    "without_user",
]

_HOMES = {
    "credentials": ("body_without_credentials", "is_plain", "redact", "redact_bytes"),
    "endpoints": ("public_address", "scrubbed", "secrets_of", "without_user"),
    "headers": ("SENT_HEADERS", "kept_headers"),
    "modes": ("CONTENT_VARIABLE", "Content", "content_mode"),
    "own_rules": ("RuleTimeoutError",),
    "patterns": ("Pattern", "PatternError", "PatternTimeoutError"),
    "pipeline": ("Privacy", "SegmentPrivacy", "project_privacy", "recorded_privacy"),
    "placeholders": ("is_redacted", "is_withheld"),
    "spans": (
        "SpanFacts",
        "SpanRules",
        "asks_for_content",
        "span_attributes",
        "span_description",
        "span_name",
        "span_rules",
    ),
    "suspects": ("own_suspects_in", "suspects_in", "suspects_in_pieces"),
}
"""The module of each name."""


def __getattr__(name: str) -> Any:
    module = next((module for module, names in _HOMES.items() if name in names), None)
    if module is None:
        raise AttributeError(f"module 'tracekit.privacy' has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"tracekit.privacy.{module}"), name)
    return found
