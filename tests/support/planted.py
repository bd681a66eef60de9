"""Forty credentials of the kinds that turn up in prompts, tool results and tracebacks. All are made up."""

from __future__ import annotations

_A = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1vW2xY3z"


def _key(prefix: str, length: int, start: int = 0) -> str:
    return prefix + (_A * 3)[start : start + length]


CREDENTIALS = [
    *[_key("sk-ant-api03-", 80, start) for start in range(4)],
    *[_key("sk-ant-admin01-", 60, start) for start in range(2)],
    _key("sk-ant-oat01-", 60),
    *[_key("sk-proj-", 48, start) for start in range(2)],
    _key("sk-svcacct-", 48),
    _key("sk-", 48),
    *[f"AKIA{tail}" for tail in ("IOSFODNN7EXAMPLE", "J2QXZ4TULNM3VKPB", "5WSYR6HCD7TGEFQA")],
    "ASIAIOSFODNN7EXAMPLE",
    *[_key(f"gh{kind}_", 36) for kind in "pousr"],
    _key("github_pat_", 22) + "_" + _key("", 59, 5),
    *[_key("glpat-", 20, start) for start in range(2)],
    *[f"xox{kind}-123456789012-123456789012-{_key('', 24)}" for kind in "abprs"],
    *[_key("AIza", 35, start) for start in range(2)],
    *[_key("sk_live_", 24, start) for start in range(2)],
    _key("rk_live_", 24),
    f"{_key('eyJ', 20)}.{_key('eyJ', 40)}.{_key('', 43)}",
    f"Bearer {_key('', 40)}",
    f"bearer {_key('', 32, 7)}",
    f"-----BEGIN RSA PRIVATE KEY-----\n{_key('', 64)}\n{_key('', 64, 9)}\n-----END RSA PRIVATE KEY-----",
    f"-----BEGIN PRIVATE KEY-----\n{_key('', 64)}\n-----END PRIVATE KEY-----",
    f"-----BEGIN OPENSSH PRIVATE KEY-----\n{_key('', 64)}\n-----END OPENSSH PRIVATE KEY-----",
    "postgresql://shop:S3cretPassw0rd@db.internal/shop",
    "redis://:An0therSecret99@cache.internal:6379/0",
    "https://deploy:t0kenT0kenT0ken@git.internal/shop.git",
]
