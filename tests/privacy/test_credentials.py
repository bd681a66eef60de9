import base64
import json
import random
from pathlib import Path
from typing import Any

import anthropic
import pytest

import tracekit
from tests.support.hurtful import hurtful_texts
from tests.support.journals import asking, lines_of
from tests.support.recording import recordings
from tracekit.demo.claude import ScriptedClaude, message, reply, text
from tracekit.model.events import Chunk, Failure, Response, SpanEnd
from tracekit.privacy.credentials import RULE_NAMES, redact, redact_bytes
from tracekit.privacy.suspects import suspects_in

# Made up, and put together here, so that no scanner of this repository takes them for real ones.
BODY = "aB3dE6gH9jK2mN5pQ8sT1vW4xY7z"
HEX = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
PEM_LINE = "MIIEpAIBAAKCAQEA" + BODY + BODY[:20]
JWT = ".".join(("ey" + "JhbGciOiJIUzI1NiJ9", "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0", "dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"))

ACCOUNT = "210987654321"
HITS: dict[str, list[str]] = {
    "anthropic-key": ["sk-" + "ant-api03-" + BODY, "sk-" + "ant-admin01-" + BODY + "-_" + BODY + "AA"],
    "openai-key": ["sk-" + BODY + "0123", "sk-" + "proj-" + BODY + "_" + BODY, "sk-" + "svcacct-" + BODY + "-x"],
    "aws-access-key": ["AKIA" + "IOSFODNN7EXAMPLE", "AKIA" + "1234567890ABCDEF"],
    "aws-session-key": ["ASIA" + "IOSFODNN7EXAMPLE"],
    "github-token": [*(f"gh{kind}_" + BODY + "12345678" for kind in "pousr"), "github" + "_pat_11ABCDE_" + BODY],
    "gitlab-token": ["glpat" + "-" + BODY[:20]],
    "slack-token": [*(f"xox{kind}-123456789012-" + BODY for kind in "abprs")],
    "google-key": ["AI" + "za" + BODY + "1234567"],
    "stripe-key": ["sk" + "_live_" + BODY, "rk" + "_live_" + BODY],
    "jwt": [JWT],
    "bearer": ["Bearer " + BODY, "bearer abcdefghijklmnop"],
    "pypi-token": ["pypi-" + "AgEIcHlwaS5vcmc" + BODY + BODY],
    "google-oauth-secret": ["GOCSPX" + "-" + BODY],
    "google-token": ["ya29" + ".a0A" + BODY + "-_" + BODY + BODY],
    "webhook-secret": ["whsec" + "_" + BODY],
    "webhook": [
        "https://hooks.slack.com/services/T01234567/B01234567/" + BODY[:24],
        "https://discord.com/api/webhooks/123456789012345678/" + BODY + "-_" + BODY + BODY,
    ],
    "npm-token": ["npm" + "_" + BODY + "12345678", "//npm.example/:_authToken=" + BODY],
    "hugging-face-token": ["hf" + "_" + BODY + "abcdef", "api" + "_org_" + BODY + "abcdef"],
    "sendgrid-key": ["SG." + BODY[:22] + "." + BODY + BODY[:15]],
    "twilio-key": ["SK" + HEX],
    "twilio-account": ["AC" + HEX],
    "digitalocean-token": [f"do{kind}_v1_" + HEX + HEX for kind in "opr"],
    "docker-token": ["dckr" + "_pat_" + BODY],
    "grafana-token": ["glsa" + "_" + BODY + "1234_" + HEX[:8]],
    "groq-key": ["gsk" + "_" + BODY + BODY],
    "shopify-token": ["shpat" + "_" + HEX],
    "langsmith-key": ["lsv2" + "_pt_" + HEX + "_" + HEX[:10]],
    "age-key": ["AGE-SECRET" + "-KEY-1" + BODY.upper() * 2],
    "azure-key": [
        "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=" + BODY * 3 + "aB==",
        "Endpoint=sb://a.servicebus.windows.net/;SharedAccessKey=" + BODY + "aB3dE6gH9jK2mN=",
        BODY + BODY[:24] + "JQQJ99" + "BAACYeBjFXJ3w3AAABACOG" + "xyz9",
    ],
    "azure-sas": ["https://a.blob.core.windows.net/b?sv=2024-11-04&sig=" + BODY + "%2FaB3dE6gH9jK2mN%3D"],
    "azure-client-secret": ["a1b8Q~" + BODY + "-_.9"],
    "connection-password": ["Server=db;User Id=sa;Password=hunter2hunter2!"],
    "aws-secret-key": [
        "aws_secret_access_key = " + BODY + "/aB3dE6g+jK2",
        '"SecretAccessKey": "' + BODY + '/aB3dE6g+jK2"',
    ],
    "aws-session-token": ["IQoJb3JpZ2lu" + "X2VjE" + BODY + BODY],
    "basic": ["Basic " + base64.b64encode(b"aladdin:opensesame" + BODY.encode()).decode()],
    "authorization": [
        '"authorization_token": "' + BODY + '"',
        "Authorization: Token " + BODY,
        "proxy-authorization: " + BODY,
    ],
    "cookie": ["Cookie: a=1; session=" + BODY + "; b=2", "Set-Cookie: sid=" + BODY + "; Path=/; HttpOnly"],
    "env-secret": ["OPENAI_API_KEY=" + BODY, "DB_PASSWORD=hunter2hunter2", "export SLACK_TOKEN='" + BODY + "'"],
    "aws-account": [
        f"arn:aws:bedrock:eu-west-1:{ACCOUNT}:inference-profile/eu.anthropic.claude",
        f"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A{ACCOUNT}%3Aapplication-inference-profile%2Fa1b2/invoke",
    ],
    "private-key": [
        f"-----BEGIN PRIVATE KEY-----\n{PEM_LINE}\n{PEM_LINE}\nAA==\n-----END PRIVATE KEY-----",
        f"-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{PEM_LINE}\n-----END RSA PRIVATE KEY-----",
        f"-----BEGIN OPENSSH PRIVATE KEY-----\r\n{PEM_LINE}\r\n{PEM_LINE}",
        f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{PEM_LINE}\n-----END PGP PRIVATE KEY BLOCK-----",
    ],
    "url-password": ["postgres://app:hunter2@db/x", "redis://:s3cret@cache:6379", "https://me:p%40ss@example.com/"],
}
MISSES = [
    "sk-learn and a risk-free disk-usage-report-of-everything-on-every-disk-1",
    "sk-" + "ant-short",
    "sk-folding-cube-animation-container-wrapper",
    "task-" + BODY + BODY,
    "AKIA is a prefix, AKIASHORT too, and XAKIA" + "IOSFODNN7EXAMPLE is a word",
    "ghp_short, a " + "laughp_" + BODY + "12345678",
    "github_pat_ is a prefix",
    "glpat-short",
    "xoxb- and boxoxb-" + BODY,
    "AIza is short",
    "eyJ is how JSON begins in base64: eyJhIjoxfQ==",
    "basic addition, Basic Programming1 and Basic authentication: YWJj",
    "an authorization: required, Authorization: ${TOKEN}, and authorization_token: null",
    "the cookie = 5 and a cookie: name=short",
    "API_KEY=os.environ['API_KEY'] TOKEN=$TOKEN MAX_TOKENS=100000000 PRIMARY_KEY=abc123abc123abc123",
    "npm_config_registry_of_a_very_long_name_1234567890, hf_transfer, gl-short, whsec_test",
    "access_key: short, SKILL, ACCOUNT, A1 and SG.1 and Q~ and 1Q~",
    "the bearer of good news; Bearer $TOKEN; Bearer <your token>",
    "-----BEGIN PUBLIC KEY-----\n" + PEM_LINE + "\n-----END PUBLIC KEY-----",
    "if '-----BEGIN PRIVATE KEY-----' in text:",
    "https://example.com:8080/a@b and me@example.com and http://host:80",
    "tool_use input_schema toolu_01A09q90qw90lq917835lq9 msg_013Zva2CMHLNnXjNJJKqJ2EF req_011CSHoEeqs5C35K2UUqR7Fy",
    "[redacted:anthropic-key] [redacted:url-password]",
]


@pytest.mark.parametrize(("rule", "secret"), [(rule, secret) for rule, all in HITS.items() for secret in all])
def test_credential_becomes_a_placeholder(rule: str, secret: str) -> None:
    placeholder = f"[redacted:{rule}]"
    tail = secret[-12:]
    wholes = [secret, f"key={secret} and more", f"({secret})", f"a\n{secret}\nb", f"é{secret}", f"\t{secret}."]
    for whole in wholes:
        redacted = redact(whole)
        assert placeholder in redacted
        assert tail not in redacted or rule in ("url-password", "aws-account")
        assert ACCOUNT not in redacted
        assert BODY not in redacted
        as_json = json.dumps({"a": [whole], "n": 1.5})
        assert json.loads(redact(as_json)) == {"a": [redacted], "n": 1.5}, "JSON's escapes change nothing"
        twice = json.dumps({"text": as_json})
        assert json.loads(json.loads(redact(twice))["text"]) == {"a": [redacted], "n": 1.5}
        assert redact_bytes(whole.encode()) == redacted.encode()
        assert redact_bytes(whole.encode("latin-1")) == redacted.encode("latin-1")


def test_every_rule_has_hits() -> None:
    assert sorted(HITS) == sorted(RULE_NAMES)


@pytest.mark.parametrize("miss", MISSES)
def test_other_text_stays(miss: str) -> None:
    assert redact(miss) == miss
    assert redact(json.dumps(miss)) == json.dumps(miss)
    assert redact_bytes(miss.encode()) == miss.encode()


@pytest.mark.parametrize("seed", range(40))
def test_redaction_is_deterministic_idempotent_and_never_breaks_json(seed: int) -> None:
    rng = random.Random(seed)
    pieces = [
        *(secret for all in HITS.values() for secret in all),
        *MISSES,
        '"',
        "\\",
        "\n",
        "\x00",
        "é✓",
        " ",
        ":",
        "@",
        "-",
        "//",
    ]

    def value(depth: int) -> Any:
        if depth == 0 or rng.random() < 0.3:
            return "".join(rng.choices(pieces, k=rng.randrange(6)))
        if rng.random() < 0.5:
            return [value(depth - 1) for _ in range(3)]
        return {value(0): value(depth - 1) for _ in range(3)}

    for ensure_ascii in (True, False):
        whole = json.dumps(value(4), ensure_ascii=ensure_ascii)
        redacted = redact(whole)
        json.loads(redacted)
        assert redact(whole) == redacted
        assert redact(redacted) == redacted
        assert redact_bytes(whole.encode("utf-8", "replace")) == redacted.encode("utf-8", "replace")


def test_body_that_is_not_utf8_is_redacted() -> None:
    body = b'{"text":"\xe9 ' + HITS["anthropic-key"][0].encode() + b'"}'
    assert redact_bytes(body) == b'{"text":"\xe9 [redacted:anthropic-key]"}'
    (line,) = lines_of([Chunk("a" * 16, 1, body)])
    assert b"b64" in line


def test_base64_in_a_line_is_no_credential() -> None:
    # What looks like one in base64 is none, and a placeholder there would spoil the body.
    rng = random.Random(0)
    body = b"\xff" + rng.randbytes(50)
    line = lines_of([Chunk("a" * 16, 1, body)])[0]
    assert b"redacted" not in line


def test_credential_is_gone_from_every_kind_of_line() -> None:
    secret = HITS["anthropic-key"][0]
    failure = Failure("ValueError", f"no such key\n{secret}")
    answer = Response(200, {"x-echo": secret}, json.dumps({"a": secret}).encode())
    lines = lines_of(
        [
            asking(1, json.dumps({"messages": [{"content": f"a\n{secret}"}]}).encode()),
            asking(2, f"raw {secret}".encode()),
            Chunk("a" * 16, 1, f'event: a\ndata: {{"text":"a\\n{secret}"}}\n\n'.encode()),
            Chunk("a" * 16, 1, f"\r{secret}".encode()),
            SpanEnd("a" * 16, 1, "error", failure, {"a": {secret: [secret]}}, answer),
        ]
    )
    for line in lines:
        assert b"[redacted:anthropic-key]" in line
        assert b"ant-api03" not in line
        json.loads(line)


def test_planted_credentials_never_reach_the_disk(recording: Path) -> None:
    secrets = {
        name: f"sk-ant-api03-{name}-{BODY}" for name in ("result", "query", "exception", "delta", "argument", "name")
    }

    @tracekit.tool
    def look(path: str) -> str:
        return f"{path}\n{secrets['result']}"

    @tracekit.tool
    def fail() -> None:
        raise ValueError(secrets["exception"])

    answer = message(text(secrets["delta"]))
    with ScriptedClaude(lambda asked: reply(asked, answer)) as claude:
        client = anthropic.Anthropic(base_url=claude.url, api_key="sk-" + "ant-api03-header-" + BODY)
        with tracekit.agent(f"lead {secrets['name']}"):
            result = look(secrets["argument"])
            with pytest.raises(ValueError, match="sk-ant"):
                fail()
            ask: Any = {"model": "claude-sonnet-5", "max_tokens": 9, "extra_query": {"token": secrets["query"]}}
            ask["messages"] = [{"role": "user", "content": [{"type": "text", "text": f"a\n{result}"}]}]
            with client.messages.stream(**ask) as answered:
                said = answered.get_final_text()
            client.messages.create(**ask)
        client.close()
    assert said == secrets["delta"], "the program sees what it saw before"
    assert secrets["result"].encode() in claude.asked[0].body
    (run,) = recordings()
    data = b"".join(Path(segment.path).read_bytes() for segment in run.segments)
    assert b"ant-api03" not in data
    assert data.count(b"[redacted:anthropic-key]") > 10
    for exchange in run.exchanges.values():
        assert b"[redacted:anthropic-key]" in (exchange.request.body or b"")
        assert "[redacted:anthropic-key]" in exchange.request.query
        assert b"[redacted:anthropic-key]" in exchange.body


@pytest.mark.parametrize("name", hurtful_texts(0))
def test_a_text_that_is_made_to_hurt_passes_in_one_go(name: str) -> None:
    """Each of these takes minutes where a pattern is not linear, which the suite's time limit ends."""
    text = hurtful_texts()[name]
    for redacted in (redact(text), redact_bytes(text.encode()).decode()):
        assert redact(redacted) == redacted
    as_json = redact(json.dumps([text]))
    assert redact(json.loads(as_json)[0]) == json.loads(as_json)[0]
    assert len(list(suspects_in(text))) < len(text)
