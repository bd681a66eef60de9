"""Ninety credentials of the kinds that turn up in prompts, tool results and tracebacks. All are made up."""

from __future__ import annotations

import base64

_A = "aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA1bC2dE3fG4hI5jK6lM7nO8pQ9rS0tU1vW2xY3z"
_HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"


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
    *[_key("ya29.a0", 120, start) for start in range(2)],
    _key("GOCSPX-", 28),
    *[_key(f"xox{kind}-1-", 40, start) for start, kind in enumerate("ec")],
    _key("xapp-1-A0123456789-1234567890-", 64),
    _key("https://hooks.slack.com/services/T01234567/B01234567/", 24),
    *[_key(f"{kind}k_test_", 24, 3) for kind in "sr"],
    *[_key("whsec_", 32, start) for start in range(2)],
    *[_key("npm_", 36, start) for start in range(2)],
    _key("pypi-AgEIcHlwaS5vcmc", 120),
    *[_key("hf_", 34, start) for start in range(2)],
    _key("SG.", 22) + "." + _key("", 43, 9),
    *[f"{kind}{_HEX}" for kind in ("SK", "AC")],
    *[f"do{kind}_v1_{_HEX}{_HEX}" for kind in "opr"],
    f"AccountKey={_key('', 86)}==",
    f"SharedAccessKey={_key('', 43)}=",
    f"https://a.blob.core.windows.net/b?sv=2024&sig={_key('', 43)}%3D",
    f"a1b8Q~{_key('', 34)}",
    f"{_key('', 52)}JQQJ99{_key('', 26)}",
    *[_key(prefix, 24) for prefix in ("glrt-", "gldt-", "glcbt-", "glptt-", "glft-", "glagent-")],
    f"Basic {base64.b64encode(_key('aladdin:', 24).encode()).decode()}",
    f"Authorization: Token {_key('', 30)}",
    f'"authorization_token": "{_key("", 30, 2)}"',
    f"Cookie: theme=dark; session={_key('', 30)}",
    f"Set-Cookie: sid={_key('', 40, 4)}; Path=/; HttpOnly",
    *[f"{name}={_key('', 32, 5)}" for name in ("STRIPE_API_KEY", "DJANGO_SECRET_KEY", "CI_JOB_TOKEN", "CLIENT_SECRET")],
    f"PGPASSWORD={_key('', 12)}",
    f"aws_secret_access_key = {_key('', 40)}",
    f"Server=db;User Id=sa;Password={_key('', 12, 8)};",
    _key("dckr_pat_", 27),
    _key("IQoJb3JpZ2luX2VjE", 80),
    f"AGE-SECRET-KEY-1{_key('', 58).upper()}",
]
