"""Texts of one size, each made to hurt a pattern that tries too much at too many places."""

from __future__ import annotations

__all__ = ["hurtful_texts"]

_B64 = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7z"


def hurtful_texts(size: int = 1_000_000) -> dict[str, str]:
    """Texts of `size` characters, by a name: what stands in one is repeated until it is full."""
    repeated = {
        "PEM headers": "-----BEGIN PRIVATE KEY-----",
        "PEM headers with lines": "-----BEGIN RSA PRIVATE KEY-----\n" + _B64 + "\n",
        "PEM headers far apart": "-----BEGIN PRIVATE KEY-----" + "- " * 3000,
        "PEM without end": "-----BEGIN EC PRIVATE KEY-----\n" + "\\" * 400,
        "snake": "a_",
        "names of secrets": "my_api_key_secret_token_",
        "sk-": "sk-",
        "sk- apart": " sk-" + "a" * 31,
        "escapes and sk-": "\\nsk-\\u0041sk-ant-",
        "eyJ.": "eyJ.",
        "eyJ with segments": "eyJ" + "a" * 8 + ".",
        "base64": _B64,
        "digits": "1234567890",
        "AIza": "AIza" + _B64 + "1234567",
        "AKIA": "AKIA",
        "addresses": "://a:",
        "at signs": "abc@",
        "basic": "Basic QUJDREVG",
        "basic with colons": "Basic Oj//////",
        "basic, all one": "Basic " + "QUJD" * 3000,
        "authorization": "authorization:",
        "cookies": "cookie:a=",
        "cookies with values": "Cookie: a=" + "b" * 60 + "; ",
        "JQQJ99": "JQQJ99",
        "Q~": "a1Q~",
        "KEY=": "API_KEY=",
        "secrets in capitals": "PASSWORD=TOKEN=SECRET=",
        "ya29": "ya29." + "." * 18,
        "SG.": "SG." + _B64[:20] + ".",
        "brackets": "[redacted:",
        "quotes": '\\\\\\\\"',
        "spaces": "token" + " " * 50,
        "percent": "%41",
        "hooks": "https://hooks.slack.com/services/",
        "whsec_": "whsec_A",
        "a bit of each": "-_ASJQ sk-ant- ghp_A AKIA SG. eyJ 1Q~a ya29. Bearer Basic authorization: cookie: a= hooks.slack TOKEN= "
        "accessKey: PRIVATE KEY- a:b@ glpat- npm_1 ",
    }
    return {name: (text * (size // len(text) + 1))[:size] for name, text in repeated.items()}
