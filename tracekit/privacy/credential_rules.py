r"""The forms of credentials, as their issuers document them, and the literal signs by which texts are passed over.

Every pattern takes time that is linear in the text. It begins with a literal, which `re` finds at the speed of memory;
all that it tries from there is bounded, or ends where the next literal could begin. What a pattern takes holds no quote
and no half of an escape, so that it works on JSON text as on plain text, where a line break before a credential may
stand as the two characters ``\n``.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tracekit.privacy.placeholders import placeholder

__all__ = ["GROUPS", "CredentialRule", "Group"]

_WORD = r"[A-Za-z0-9_\-]"
_QUOTE = r"\\{0,7}[\"']?"
_SIGNED = rf"{_QUOTE}[ \t]{{0,4}}[:=][ \t]{{0,4}}{_QUOTE}"
"""Between a name and its value: a quote that JSON may have escaped, a colon or an equals sign, and a quote again."""


class CredentialRule(NamedTuple):
    """A form of credentials: `put` replaces each match of `pattern`, and the `before` characters before it."""

    name: str
    pattern: re.Pattern[str]
    put: str | Callable[[re.Match[str]], str]
    before: int = 0


class Group(NamedTuple):
    """Rules of which none can match where `sign` matches nothing.

    A sign begins with a literal that is rare in prose, `literal` or longer, so a text without credentials costs a few
    passes over it at the speed of memory.
    """

    literal: str
    sign: str
    rules: Sequence[CredentialRule]


def _rule(name: str, *patterns: str, kept: str = "", before: int = 0) -> list[CredentialRule]:
    put = f"{kept}{placeholder(name)}"
    return [CredentialRule(name, re.compile(pattern, re.ASCII), put, before) for pattern in patterns]


def _apart(start: str, inside: str = r"A-Za-z0-9") -> str:
    """A pattern for `start`, of fixed width, that is not the end of a longer word made of `inside`.

    It begins with the literal, which lets `re` look for it fast. An escape before it belongs to no word.
    """
    return rf"{start}(?:(?<![{inside}]{start})|(?<=\\[bfnrt]{start})|(?<=\\u[0-9A-Fa-f]{{4}}{start}))"


def _after(*starts: str) -> str:
    """A pattern for a place at which one of `starts`, each of fixed width, ends."""
    return "(?:" + "|".join(start if start.startswith("(?") else f"(?<={start})" for start in starts) + ")"


# ── prefixes that end in a hyphen or an underscore ───────────────────────────────────────────────────────────────────

_HYPHEN = Group(
    "-",
    rf"-(?={_WORD}{{10}})"
    + _after("sk-", "gl[a-z]{2}-", "gl[a-z]{3}-", "gl[a-z]{4}-", "glagent-", "xox[a-z]-", "xapp-", "pypi-", "GOCSPX-"),
    (
        *_rule("anthropic-key", rf"sk-ant-{_WORD}{{16,}}"),
        *_rule("openai-key", rf"{_apart('sk-', 'A-Za-z0-9_-')}(?!ant-)(?=[A-Za-z_-]*+\d){_WORD}{{32,}}"),
        # https://docs.gitlab.com/security/tokens/#token-prefixes
        *_rule(
            "gitlab-token",
            rf"gl(?:pat|oas|dt|rt|rtr|cbt|ptt|ft|imt|agent|wt|soat|ffct)-{_WORD}{{20,}}(?:\.[a-z0-9]{{2}}\.[a-z0-9]{{7,12}})?",
        ),
        # https://docs.slack.dev/authentication/tokens
        *_rule("slack-token", rf"{_apart('xox[a-z]-')}[A-Za-z0-9%/+-]{{10,}}", r"xapp-\d-[A-Za-z0-9-]{20,}"),
        # a macaroon, as the documentation of the Python Package Index describes it
        *_rule("pypi-token", rf"pypi-AgE{_WORD}{{40,}}"),
        *_rule("google-oauth-secret", rf"GOCSPX-{_WORD}{{24,}}"),
    ),
)

_UNDERSCORE = Group(
    "_",
    # What follows is random, so there is a capital or a digit in it soon: names of code have none.
    r"_(?=[A-Za-z0-9_]{10})(?=[a-z_]{0,15}+[A-Z0-9])(?<!toolu_)(?<!msg_)"
    + _after(
        "gh[pousr]_",
        "github_pat_",
        "[sr]k_live_",
        "[sr]k_test_",
        "whsec_",
        "npm_",
        "hf_",
        "api_org_",
        "do[oprt]_v1_",
        "dckr_pat_",
        "dckr_oat_",
        "glsa_",
        "gsk_",
        "shp(?:at|ca|pa|ss)_",
        "lsv2_(?:pt|sk)_",
    ),
    (
        # https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats
        *_rule("github-token", rf"{_apart('gh[pousr]_')}[A-Za-z0-9]{{36,}}", r"github_pat_[A-Za-z0-9_]{22,}"),
        # https://docs.stripe.com/keys and https://docs.stripe.com/webhooks
        *_rule("stripe-key", rf"{_apart('sk_live_')}[A-Za-z0-9]{{16,}}", rf"{_apart('rk_live_')}[A-Za-z0-9]{{16,}}"),
        *_rule("stripe-key", rf"{_apart('sk_test_')}[A-Za-z0-9]{{16,}}", rf"{_apart('rk_test_')}[A-Za-z0-9]{{16,}}"),
        *_rule("webhook-secret", rf"{_apart('whsec_')}[A-Za-z0-9+/]{{24,}}={{0,2}}"),
        # https://github.blog/changelog/2021-09-23-npm-has-a-new-access-token-format
        *_rule("npm-token", rf"{_apart('npm_')}[A-Za-z0-9]{{36,}}"),
        # https://huggingface.co/docs/hub/security-tokens
        *_rule("hugging-face-token", rf"{_apart('hf_')}[A-Za-z0-9]{{30,}}", rf"{_apart('api_org_')}[A-Za-z0-9]{{30,}}"),
        # https://docs.digitalocean.com/reference/api/oauth
        *_rule("digitalocean-token", rf"{_apart('do[oprt]_v1_')}[a-f0-9]{{64}}"),
        *_rule("docker-token", r"dckr_[op]at_[A-Za-z0-9_-]{20,}"),
        *_rule("grafana-token", rf"{_apart('glsa_')}[A-Za-z0-9]{{32}}_[A-Fa-f0-9]{{8}}"),
        *_rule("groq-key", rf"{_apart('gsk_')}[A-Za-z0-9]{{48,}}"),
        *_rule("shopify-token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}"),
        *_rule("langsmith-key", r"lsv2_(?:pt|sk)_[a-f0-9]{32}_[a-f0-9]{10}"),
    ),
)


# ── prefixes in capitals, and tokens with points ─────────────────────────────────────────────────────────────────────

_CAPITAL_A = Group(
    "A",
    rf"A(?:(?:[KS]IA|BIA|CCA)[A-Z0-9]{{16}}|Iza{_WORD}{{35}}|C[0-9a-f]{{32}}|GE-SECRET-KEY-1)",
    (
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        *_rule(
            "aws-access-key",
            *(rf"{_apart(start, 'A-Z0-9')}[A-Z0-9]{{16}}(?![A-Z0-9])" for start in ("AKIA", "ABIA", "ACCA")),
        ),
        *_rule("aws-session-key", rf"{_apart('ASIA', 'A-Z0-9')}[A-Z0-9]{{16}}(?![A-Z0-9])"),
        # One after another is one match, so that no placeholder lays the next one bare.
        *_rule("google-key", rf"{_apart('AIza')}{_WORD}{{35}}(?:AIza{_WORD}{{35}})*"),
        *_rule("twilio-account", rf"{_apart('AC')}[0-9a-f]{{32}}(?![0-9A-Za-z])"),
        *_rule("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}"),
    ),
)
_CAPITAL_S = Group(
    "S",
    rf"S(?:G\.{_WORD}{{16}}|K[0-9a-f]{{32}})",
    (
        # https://www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys
        *_rule("sendgrid-key", rf"SG\.{_WORD}{{16,32}}\.{_WORD}{{32,}}"),
        # https://www.twilio.com/docs/glossary/what-is-a-sid
        *_rule("twilio-key", rf"{_apart('SK')}[0-9a-f]{{32}}(?![0-9A-Za-z])"),
    ),
)
_CAPITAL_J = Group(
    "J",
    rf"J(?:(?<=eyJ){_WORD}{{8}}|QQJ9)",
    (
        *_rule("jwt", rf"{_apart('eyJ', 'A-Za-z0-9_-')}{_WORD}{{8,}}+\.eyJ{_WORD}{{8,}}+\.{_WORD}{{8,}}"),
        # https://learn.microsoft.com/purview/sit-defn-azure-cognitive-service-key: a signature at a fixed place.
        *_rule("azure-key", r"JQQJ9[9D](?<=[A-Za-z0-9]{52}JQQJ9[9D])[A-Za-z0-9]{20,26}", before=52),
    ),
)
_CAPITAL_Q = Group(
    "Q",
    rf"Q(?:(?<=\dQ)~{_WORD}|oJb3JpZ2lu|oGZXIvYXdz)",
    (
        # https://learn.microsoft.com/purview/sit-defn-client-secret-api-key
        *_rule("azure-client-secret", r"Q~(?<=[A-Za-z0-9_~.\-]{3}\dQ~)[A-Za-z0-9_~.\-]{31,34}", before=4),
        *_rule("aws-session-token", r"(?:IQoJb3JpZ2lu|FQoGZXIvYXdz)[A-Za-z0-9/+=]{40,}"),
    ),
)
# https://docs.cloud.google.com/docs/authentication/token-types
_GOOGLE = Group(
    "ya29.", rf"ya29\.{_WORD}{{16}}", _rule("google-token", rf"{_apart('ya29')}\.[A-Za-z0-9_.\-]{{19,}}{_WORD}")
)


# ── by what stands before ────────────────────────────────────────────────────────────────────────────────────────────


def _basic(match: re.Match[str]) -> str:
    """Redact what decodes to a name and a password; the word "basic" stands before much else."""
    text = match[1].rstrip("=")
    if len(text) % 4 == 1:
        # No base64 has one character more than whole quads.
        return match[0]
    # Not by an exception: one for each would take long in a text that is full of them.
    pair = binascii.a2b_base64(text + "=" * (-len(text) % 4)).decode("utf-8", "replace")
    is_pair = ":" in pair and "\ufffd" not in pair and pair.isprintable()
    return "asic [redacted:basic]" if is_pair else match[0]


_BEARER = Group(
    "earer ",
    r"earer [A-Za-z0-9_\-.~+/=]{16}",
    _rule("bearer", r"earer (?<=[Bb]earer )[A-Za-z0-9_\-.~+/=]{16,}", kept="earer "),
)
_COLON = r"(?:[A-Za-z0-9+/]{4})*?(?:O[g-v]|[A-Za-z0-9+/](?:[DTjz][o-r]|[A-Za-z0-9+/][AEIMQUYcgkosw048]6))"
"""Base64 in which a colon stands, as the first, second or third byte of a quad: without it nothing need be decoded."""
_BASIC = Group(
    "asic ",
    r"asic (?=[a-z]{0,12}+[A-Z0-9+/=])[A-Za-z0-9+/]{8}",
    (
        CredentialRule(
            "basic", re.compile(rf"asic (?<=[Bb]asic )(?={_COLON})([A-Za-z0-9+/]{{8,8192}}+={{0,2}})"), _basic
        ),
    ),
)
_AUTHORIZATION = Group(
    "uthorization",
    rf"uthorization(?:_token)?{_SIGNED}[A-Za-z0-9]",
    (
        # What an MCP server is called with: https://platform.claude.com/docs/en/agents-and-tools/mcp-connector
        *_rule(
            "authorization", r"(uthorization_token\\{0,7}\"[ ]{0,4}:[ ]{0,4}\\{0,7}\")[^\s\"\\\[]{1,4096}", kept=r"\1"
        ),
        *_rule(
            "authorization",
            rf"(uthorization{_SIGNED}(?:[A-Za-z][A-Za-z0-9-]{{1,20}} )?)"
            r"(?=[^\d\s\"'\\,;\[\]<>{}()$]{0,40}+\d)[^\s\"'\\,;\[\]<>{}()$]{8,4096}",
            kept=r"\1",
        ),
    ),
)
_COOKIE = Group(
    "ookie",
    rf"ookie{_SIGNED}[A-Za-z0-9_.$-]{{1,64}}=",
    _rule(
        "cookie",
        rf"(ookie{_SIGNED})(?:[A-Za-z0-9_.$-]{{1,64}}+=[^;\s\"'\\\[]{{0,64}}+;[ ]?){{0,4}}[A-Za-z0-9_.$-]{{1,64}}+="
        r"[^;\s\"'\\\[]{8,4096}+[^\n\r\"'\\]{0,4096}",
        kept=r"\1",
    ),
)
# https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
_WEBHOOK = Group(
    "hooks",
    r"hooks(?:\.slack|/\d{17})",
    _rule(
        "webhook",
        r"(hooks\.slack(?:-gov)?\.com/[a-z]{4,12}/)[A-Za-z0-9/_+-]{20,256}",
        rf"(hooks/\d{{17,20}}/){_WORD}{{60,}}",
        kept=r"\1",
    ),
)

_VALUE = r"[A-Za-z0-9_\-/+.~=:!@#%^&*]"
_SECRET = rf"(?=[A-Za-z_\-/+.~=:!@#%^&*]{{0,48}}+\d)(?=[0-9_\-/+.~=:!@#%^&*]{{0,48}}+[A-Za-z]){_VALUE}"
"""Begins a value that has both a letter and a digit."""
_KEYS = _after(
    *(
        f"{name}KEY="
        for name in ("API_", "API", "ACCESS_", "SECRET_", "PRIVATE_", "SIGNING_", "ACCOUNT_", "ENCRYPTION_")
    )
)
_EQUALS = Group(
    "=",
    r"=(?=[\"'\\]{0,4}[^\s\"'\\\[]{3})(?<=[A-Za-z]=)"
    + _after(
        "[tsd]Key=",
        "[?&;\"'\\s6]sig=",
        _KEYS,
        "TOKEN=",
        "SECRET=",
        "PASSWORD=",
        "PASSWD=",
        "authToken=",
        ";Password=",
        ";Pwd=",
    ),
    (
        # https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string
        *_rule("azure-key", r"(Key=)(?<=[tsd]Key=)[A-Za-z0-9+/]{40,}={0,2}", kept=r"\1"),
        # https://learn.microsoft.com/rest/api/storageservices/create-service-sas
        *_rule("azure-sas", r"(sig=)(?<=[?&;\"'\s6]sig=)[A-Za-z0-9%+/]{40,}=?", kept=r"\1"),
        *_rule("connection-password", r"(;(?:Password|Pwd)=)[^;\s\"'\\\[]{3,128}", kept=r"\1"),
        *_rule("npm-token", rf"(authToken=){_WORD}{{16,}}", kept=r"\1"),
        # A program's environment: names in capitals, as in `env` and in .env files.
        *_rule("env-secret", rf"(KEY={_KEYS}{_QUOTE}){_SECRET}{{12,512}}", kept=r"\1"),
        *_rule(
            "env-secret",
            *(rf"({name}={_QUOTE}){_SECRET}{{8,512}}" for name in ("TOKEN", "SECRET", "PASSWORD", "PASSWD")),
            kept=r"\1",
        ),
    ),
)
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
_AWS_SECRET = Group(
    "ccess",
    rf"ccess_?[Kk]ey{_SIGNED}[A-Za-z0-9/+]{{40}}",
    _rule("aws-secret-key", rf"(ecret_?[Aa]ccess_?[Kk]ey{_SIGNED})[A-Za-z0-9/+]{{40}}(?![A-Za-z0-9/+])", kept=r"\1"),
)
_URL = Group(
    "@",
    r"@(?<=[^\s@/\"\\\[\]]{3}@)",
    _rule("url-password", r"://[A-Za-z0-9_.~%+-]{0,64}:[^\s@/\"\\\[\]]{3,256}(?=@)", kept="://"),
)


# ── keys of several lines ────────────────────────────────────────────────────────────────────────────────────────────

_PEM_END = r"-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_PEM_TO_END = rf"[^\"-]{{0,20000}}+(?:-(?!----BEGIN )[^\"-]{{0,20000}}+){{0,200}}?{_PEM_END}"
"""Up to the end of this key, and never past the begin of another."""
_PEM_LINES = r"(?:(?:\\{1,8}[nr]|\s)*+[A-Za-z0-9+/=]{24,}+)+"
_PEM = Group(
    "PRIVATE KEY",
    r"PRIVATE KEY(?=-| B)",
    _rule("private-key", rf"-----BEGIN [A-Z ]{{0,40}}PRIVATE KEY(?: BLOCK)?-----(?:{_PEM_TO_END}|{_PEM_LINES})"),
)

_COLON = r"(?::|%3[Aa])"
_ACCOUNT = Group(
    "bedrock",
    rf"bedrock[a-z-]{{0,20}}{_COLON}(?=[a-z0-9-]{{0,32}}{_COLON}\d{{12}}{_COLON})",
    # No credential, but it names the customer: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
    _rule(
        "aws-account",
        rf"(bedrock[a-z-]{{0,20}}{_COLON}[a-z0-9-]{{0,32}}{_COLON})\d{{12}}(?={_COLON})",
        kept=r"\1",
    ),
)

GROUPS: tuple[Group, ...] = (
    _ACCOUNT,
    _HYPHEN,
    _UNDERSCORE,
    _CAPITAL_A,
    _CAPITAL_S,
    _CAPITAL_J,
    _CAPITAL_Q,
    _GOOGLE,
    _BEARER,
    _BASIC,
    _AUTHORIZATION,
    _COOKIE,
    _WEBHOOK,
    _EQUALS,
    _AWS_SECRET,
    _PEM,
    _URL,
)
