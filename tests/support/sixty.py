"""Sixty secrets of different kinds, each in a place of its own of one recorded run. All are made up."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha512
from typing import Any
from urllib.parse import quote

from tracekit.demo.claude import (
    ReceivedRequest,
    ScriptedResponse,
    error,
    message,
    reply,
    sse_error,
    stream,
    text,
    thinking,
    tool_use,
)

__all__ = ["PLANTS", "PROGRAM", "RULES", "leaked", "plants_json", "respond"]

RULES = """[tool.tracekit.redact]
ticket = 'ACME-[A-Z]{12}'
person = 'Eve "[A-Z]{12}"'
"""


def _word(seed: str, length: int) -> str:
    found = base64.b64encode(sha512(seed.encode()).digest() + sha512(seed[::-1].encode()).digest()).decode()
    # A digit and both cases soon, as in a random key.
    return ("a1B" + found.replace("+", "x").replace("/", "y").replace("=", ""))[:length]


def _caps(seed: str) -> str:
    return "".join(chr(65 + byte % 26) for byte in sha512(seed.encode()).digest()[:12])


def _pem(word: str) -> str:
    return f"-----BEGIN RSA PRIVATE KEY-----\n{word}\n{word[::-1]}\n-----END RSA PRIVATE KEY-----"


KINDS: dict[str, tuple[int, Callable[[str], str]]] = {
    "anthropic": (60, lambda word: f"sk-ant-api03-{word}"),
    "openai": (48, lambda word: f"sk-proj-{word}"),
    "aws": (0, lambda word: f"AKIA{word}7XKQ"),
    "aws secret": (40, lambda word: f"aws_secret_access_key = {word}"),
    "github": (36, lambda word: f"ghp_{word}"),
    "gitlab": (20, lambda word: f"glpat-{word}"),
    "slack": (24, lambda word: f"xoxb-123456789012-123456789012-{word}"),
    "slack hook": (24, lambda word: f"https://hooks.slack.com/services/T01234567/B01234567/{word}"),
    "google": (35, lambda word: f"AIza{word}"),
    "stripe": (24, lambda word: f"sk_live_{word}"),
    "npm": (36, lambda word: f"npm_{word}"),
    "jwt": (40, lambda word: f"eyJhbGciOiJIUzI1NiJ9.eyJ{word}.{word[::-1]}"),
    "bearer": (40, lambda word: f"Bearer {word}"),
    "basic": (32, lambda word: f"Basic {base64.b64encode(f'user:{word}'.encode()).decode()}"),
    "pem": (64, _pem),
    "postgres": (20, lambda word: f"postgresql://shop:{word}@db.internal/shop"),
    "url": (20, lambda word: f"https://deploy:{word}@git.internal/shop.git"),
    "signed url": (43, lambda word: f"https://a.blob.core.windows.net/b?sv=2024&sig={word}%3D"),
    "variable": (32, lambda word: f"STRIPE_API_KEY={word}"),
    "cookie": (30, lambda word: f"Cookie: theme=dark; session={word}"),
    "opaque": (30, lambda word: word),
    "ticket": (0, lambda word: f"ACME-{word}"),
    "person": (0, lambda word: f'Eve "{word}"'),
}
"""Of each kind of secret: the length of its secret part (0 for twelve capitals), and its form around that part."""

_PLACES = {
    # what the program sends
    "api key": "anthropic",
    "authorization": "bearer",
    "request cookie": "opaque",
    "proxy header": "opaque",
    "beta header": "ticket",
    "base url": "opaque",
    "query": "github",
    "encoded query": "anthropic",
    "path": "gitlab",
    "encoded path": "ticket",
    "model": "ticket",
    "system": "openai",
    "prompt": "aws",
    "prompt lines": "pem",
    "second prompt": "jwt",
    "document": "postgres",
    "quoted": "person",
    "tool description": "slack hook",
    "tool schema": "google",
    "user id": "stripe",
    "extra field": "npm",
    "stop sequence": "ticket",
    "uploaded file": "aws secret",
    "batch request": "variable",
    # what comes back
    "set-cookie": "opaque",
    "www-authenticate": "opaque",
    "echoed header": "github",
    "tool use": "slack",
    "answer": "url",
    "streamed text": "anthropic",
    "streamed thinking": "github",
    "streamed input": "stripe",
    "streamed ticket": "ticket",
    "refusal": "bearer",
    "stream error": "gitlab",
    "batch result": "basic",
    # what the program does
    "run name": "npm",
    "agent name": "ticket",
    "tool name": "github",
    "tool argument": "jwt",
    "argument name": "stripe",
    "tool result": "pem",
    "result in depth": "signed url",
    "declared": "ticket",
    "call id": "ticket",
    "tool error": "postgres",
    "agent error": "aws secret",
    "chained error": "slack",
    # what the application's own spans hold
    "span name": "ticket",
    "span attribute": "bearer",
    "span list": "google",
    "span url": "anthropic",
    "span description": "url",
    "adopted tool": "openai",
    # what is around
    "argument of the program": "anthropic",
    "environment": "opaque",
    "printed variable": "variable",
    "exporter header": "opaque",
    "judged task": "person",
    "judged answer": "cookie",
}


@dataclass(frozen=True)
class Plant:
    """A secret and its `core`, which may stand nowhere; `name` says where it is planted."""

    name: str
    kind: str
    secret: str
    core: str


def _plant(name: str, kind: str) -> Plant:
    length, form = KINDS[kind]
    core = _word(name, length) if length else _caps(name)
    secret = form(core)
    return Plant(name, kind, secret, core if core in secret else secret.partition(" ")[2])


PLANTS = [_plant(name, kind) for name, kind in _PLACES.items()]
SECRET = {plant.name: plant.secret for plant in PLANTS}


def plants_json() -> str:
    """Return the secrets for `PROGRAM`, whose environment has them."""
    return json.dumps(SECRET)


def leaked(data: str | bytes) -> list[str]:
    """Return where the secrets were planted that stand in `data`."""
    data = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    return [f"{plant.name} ({plant.kind})" for plant in PLANTS if plant.core.encode() in data]


PROVIDER = """
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
"""

PROGRAM = f"""
import json, os, sys
from opentelemetry import trace
P = json.loads(os.environ["PLANTED"])
if "provider" in sys.argv:
    for line in [{PROVIDER!r}]:
        exec(line)
import anthropic, tracekit
tracekit.init()

host = os.environ["ANTHROPIC_BASE_URL"].removeprefix("http://")
headers = {{"cookie": P["request cookie"], "x-internal": P["proxy header"]}}
client = anthropic.Anthropic(api_key=P["api key"], max_retries=0, default_headers=headers)
bearer = anthropic.Anthropic(api_key=None, auth_token=P["authorization"].split()[1], max_retries=0,
                             base_url=f"http://deploy:{{P['base url']}}@{{host}}")
ASK = dict(model="claude-sonnet-5", max_tokens=99)

RESULTS = {{"get_weather": "Sunny, 21 degrees.", "get_rate": "1.09 dollars", "get_news": "A strike on Monday."}}

def user(content): return [{{"role": "user", "content": content}}]

@tracekit.tool
def printenv(**values):
    return {{"env": P["printed variable"], "key": P["tool result"], "deep": [{{"urls": [P["result in depth"]]}}]}}

@tracekit.tool
def login(password):
    raise RuntimeError("cannot connect to " + P["tool error"])

@tracekit.tool(reads=["tickets/{{name}}"], writes=[])
def read(name): return "read"

def serial():
    # One tool a turn, without known effects: what a judge is asked about.
    messages = user("Look up the weather in Rome, the rate of the euro and the news on trains for " + P["judged task"])
    for _ in range(4):
        answer = client.messages.create(**ASK, system="one by one", messages=messages)
        calls = [block for block in answer.content if block.type == "tool_use"]
        results = []
        for block in calls:
            with tracekit.tool(block.name, call_id=block.id, input=block.input):
                results.append({{"type": "tool_result", "tool_use_id": block.id, "content": RESULTS[block.name]}})
        messages += [{{"role": "assistant", "content": answer.content}}, {{"role": "user", "content": results}}]

with tracekit.run("job " + P["run name"]), tracekit.agent("lead of " + P["agent name"]):
    content = [
        {{"type": "text", "text": "key " + P["prompt"]}}, {{"type": "text", "text": P["prompt lines"]}},
        {{"type": "document", "source": {{"type": "text", "media_type": "text/plain", "data": P["document"]}}}},
        {{"type": "text", "text": "of " + P["quoted"]}},
    ]
    tools = [{{"name": "printenv", "description": P["tool description"],
              "input_schema": {{"type": "object", "properties": {{"k": {{"type": "string", "default": P["tool schema"]}}}}}}}}]
    first = client.beta.messages.create(
        **ASK, system=P["system"], messages=user(content), tools=tools, metadata={{"user_id": P["user id"]}},
        stop_sequences=["stop " + P["stop sequence"]], betas=["x-" + P["beta header"]],
        extra_query={{"token": P["query"]}}, extra_body={{P["extra field"]: 1}})
    printenv(**{{P["argument name"]: 1, "token": P["tool argument"]}})
    read(P["declared"])
    with tracekit.tool(P["tool name"], call_id=P["call id"]): pass
    messages = user("now " + P["second prompt"])
    with client.messages.stream(**ASK, system="streamed", messages=messages) as events: events.until_done()
    client.messages.create(model="claude-" + P["model"], max_tokens=9, messages=user("hi"))
    bearer.messages.create(**ASK, messages=user("hi"))
    client.beta.files.upload(file=("notes.txt", P["uploaded file"].encode(), "text/plain"))
    batch = client.messages.batches.create(requests=[
        {{"custom_id": "one", "params": {{**ASK, "messages": user(P["batch request"])}}}}])
    list(client.messages.batches.results(batch.id))
    for path in ("/v1/x/" + P["path"], "/v1/x/" + P["encoded path"].replace("A", "%41"), "/v1/x?token=" + P["encoded query"].replace("-", "%2D")):
        try: client.post(path, body={{}}, cast_to=object)
        except anthropic.APIStatusError: pass
    for ask in (lambda: login("x"), lambda: client.messages.create(**ASK, system="refuse", messages=user("hi")),
                lambda: [*client.messages.create(**ASK, system="break", messages=user("hi"), stream=True)]):
        try: ask()
        except Exception: pass
    try:
        with tracekit.agent("failing"):
            try: raise ValueError(P["chained error"])
            except ValueError as error: raise RuntimeError("no: " + P["agent error"]) from error
    except RuntimeError: pass
    tracer = trace.get_tracer("shop")
    if "provider" in sys.argv:
        with tracer.start_as_current_span("order " + P["span name"], attributes={{
                "auth": P["span attribute"], "keys": [P["span list"]],
                "url.full": "https://x.internal/" + P["span url"].replace("-", "%2D")}}) as span:
            span.set_status(trace.StatusCode.ERROR, "no: " + P["span description"])
        with tracer.start_as_current_span("execute_tool look", attributes={{
                "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "look",
                "gen_ai.tool.call.arguments": json.dumps({{"k": P["adopted tool"]}})}}): pass
    with tracekit.agent("serial"): serial()
client.close(); bearer.close()
"""
"""Uses every secret in its place. With `provider`, the application exports by a TracerProvider of its own."""


def _serial(asked: ReceivedRequest) -> ScriptedResponse:
    step = len(asked.json()["messages"]) // 2
    asks = (("get_weather", "city", "Rome"), ("get_rate", "currency", "euro"), ("get_news", "topic", "trains"))
    if step >= len(asks):
        return message(text("All done."))
    name, field, value = asks[step]
    return message(text(f"Next, with {SECRET['judged answer']}."), tool_use(name, {field: value}))


def respond(asked: ReceivedRequest) -> ScriptedResponse:
    """Respond to each request of `PROGRAM`, with the secrets that come back."""
    if asked.path == "/v1/files":
        return ScriptedResponse(body=json.dumps({"id": "file_1", "type": "file", "filename": "notes.txt"}).encode())
    if asked.path.startswith("/v1/messages/batches"):
        return _batch(asked)
    if asked.path != "/v1/messages":
        return error(404, "not_found_error", "no such path", {"www-authenticate": SECRET["www-authenticate"]})
    system = asked.json().get("system")
    if system == "one by one":
        return _serial(asked)
    if system == "refuse":
        return error(400, "invalid_request_error", f"you sent {SECRET['refusal']}")
    if system == "break":
        return sse_error(stream(message(text("hello"))), 4, "api_error", f"failed with {SECRET['stream error']}")
    if system == "streamed":
        blocks = [
            thinking(f"I see {SECRET['streamed thinking']} here"),
            text(f"It is {SECRET['streamed text']} of {SECRET['streamed ticket']} now"),
            tool_use("printenv", {"key": SECRET["streamed input"]}),
        ]
        return reply(asked, message(*blocks))
    if system == SECRET["system"]:
        whole = message(text(f"see {SECRET['answer']}"), tool_use("printenv", {"k": SECRET["tool use"]}))
        back = {"set-cookie": f"sid={SECRET['set-cookie']}", "x-echo": SECRET["echoed header"]}
        return replace(whole, headers={**whole.headers, **back})
    return reply(asked, message(text("hello")))


def _batch(asked: ReceivedRequest) -> ScriptedResponse:
    if asked.path.endswith("/results"):
        body = json.loads(message(text(f"it is {SECRET['batch result']}")).body)
        line = {"custom_id": "one", "result": {"type": "succeeded", "message": body}}
        return ScriptedResponse(headers={"content-type": "application/x-jsonl"}, body=json.dumps(line).encode() + b"\n")
    times = dict.fromkeys(("created_at", "expires_at", "ended_at"), "2026-11-28T09:00:00Z")
    counts = dict.fromkeys(("processing", "succeeded", "errored", "canceled", "expired"), 0)
    found: dict[str, Any] = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", **times}
    url = f"http://{asked.headers['host']}/v1/messages/batches/msgbatch_1/results"
    return ScriptedResponse(
        body=json.dumps({**found, "request_counts": counts, "results_url": quote(url, safe=":/")}).encode()
    )
