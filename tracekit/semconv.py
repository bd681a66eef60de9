"""Every attribute name, once.

Names of the field are OpenTelemetry's GenAI and HTTP semantic conventions and the Anthropic SDK's own; ours begin with
``tracekit.``. The conventions' GenAI constants are deprecated in ``opentelemetry-semantic-conventions`` (they moved to
a repository of their own), so the names are written out here.
"""

from __future__ import annotations

from typing import Final

# GenAI conventions: operations and who acts.
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
AGENT_NAME: Final = "gen_ai.agent.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

# GenAI conventions: the request and the response of one call.
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_STREAM: Final = "gen_ai.request.stream"
STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"

# GenAI conventions: usage. The input count includes what was read from and written to the cache.
INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
CACHE_READ_TOKENS: Final = "gen_ai.usage.cache_read.input_tokens"
CACHE_WRITE_TOKENS: Final = "gen_ai.usage.cache_write.input_tokens"
REASONING_TOKENS: Final = "gen_ai.usage.reasoning.output_tokens"

# GenAI conventions: metrics.
TOKEN_TYPE: Final = "gen_ai.token.type"  # noqa: S105  a name, no password
"""On a number of tokens: see `TokenType`."""

# Anthropic SDK.
REQUEST_ID: Final = "anthropic.request.id"
STOP_REASON: Final = "anthropic.message.stop_reason"
CACHE_WRITE_5M_TOKENS: Final = "anthropic.usage.cache_creation.ephemeral_5m_input_tokens"
CACHE_WRITE_1H_TOKENS: Final = "anthropic.usage.cache_creation.ephemeral_1h_input_tokens"
RESPONSE_SERVICE_TIER: Final = "anthropic.response.service_tier"
TOOL_RESULT_CONTENT: Final = "anthropic.tool_result.content"

# HTTP, URL and error conventions: one attempt.
HTTP_METHOD: Final = "http.request.method"
HTTP_STATUS: Final = "http.response.status_code"
HTTP_RESEND_COUNT: Final = "http.request.resend_count"
RETRY_AFTER: Final = "http.response.header.retry-after"
URL_FULL: Final = "url.full"
URL_SCHEME: Final = "url.scheme"
URL_PATH: Final = "url.path"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"

# Resources.
SERVICE_INSTANCE_ID: Final = "service.instance.id"
"""One process of a service: a backend keeps its totals apart from those of the others."""

# Ours.
KIND: Final = "tracekit.kind"
"""On every exported span: its level, as `tracekit.model.events.Kind`."""
RUN_ID: Final = "tracekit.run.id"
"""On every exported span: the run that it belongs to."""
RUN_NAME: Final = "tracekit.run.name"
"""On every exported span: that run's name."""
COST_USD: Final = "tracekit.cost_usd"
"""On an exported llm span: what the call cost, in US dollars; absent where a price is unknown."""
CONTENT_DROPPED: Final = "tracekit.content_dropped"
"""On an exported span that was too large to be sent whole: the names of the attributes that were left out or cut."""
INFERRED: Final = "tracekit.inferred"
"""True on an exported span that was not recorded but concluded."""
INTERRUPTED: Final = "tracekit.interrupted"
"""True on an exported span whose end was never recorded: its end is the last that is known of it."""
REMOTE_PARENT: Final = "tracekit.remote_parent.id"
"""On a span without a parent in the run: the span of another process under which ``TRACEPARENT`` puts it."""
PARENT_RUN_ID: Final = "tracekit.run.parent.id"
"""The run in whose middle this run began."""
EXIT_CODE: Final = "process.exit.code"
COMMAND_ARGS: Final = "process.command_args"
WAIT_MS: Final = "tracekit.attempt.wait_ms"
"""Milliseconds that the SDK decided to wait before this attempt."""
SYNC_IN_EVENT_LOOP: Final = "tracekit.sync_in_event_loop"
"""True on a call by a sync client on a thread whose event loop is running, and on a tool during which its loop never turned:
nothing else of that loop runs meanwhile."""
OUTCOME: Final = "tracekit.outcome"
"""How a call or an attempt came to its end, where that is not plainly *read*: see `Outcome`."""
TOOL_RUNNER: Final = "tracekit.tool_runner"
"""True on an agent whose loop is the SDK's own tool runner."""
TOOL_RESULT_OPAQUE: Final = "tracekit.tool.result.opaque"
"""True on a tool whose result is not JSON, so that it can only be run live."""
INFERRED_FROM: Final = "tracekit.inferred.from"
"""What an inferred node was concluded from."""
INFERRED_BOUNDS: Final = "tracekit.inferred.bounds"
"""True where the node's times are only the bounds within which it must have run."""
ORPHAN: Final = "tracekit.orphan"
"""True on a node whose parent is not in the record."""
DECLARED_AFTER: Final = "tracekit.declared.after"
"""On an agent: the names of the agents that its author says it comes after."""
DECLARED_READS: Final = "tracekit.declared.reads"
"""On an agent: what its author says it reads, as paths or other names."""
DECLARED_WRITES: Final = "tracekit.declared.writes"
"""On an agent: what its author says it writes."""
AGENT_STOP_REASON: Final = "tracekit.agent.stop_reason"
"""On an agent of the runtime: why it stopped, as its result says."""
WORKSPACE_READS: Final = "tracekit.workspace.reads"
"""On a tool: the files of the workspace that it read, relative to it; a folder that it listed ends in a slash."""
WORKSPACE_WRITES: Final = "tracekit.workspace.writes"
"""On a tool: the files of the workspace that it wrote, relative to it."""
WEB_SEARCHES: Final = "tracekit.usage.web_search_requests"
WEB_FETCHES: Final = "tracekit.usage.web_fetch_requests"
ITERATIONS: Final = "tracekit.usage.iterations"
"""The API's own account of the answers within a call, where it had more than one: a compaction, a fallback model."""
BATCH_CUSTOM_ID: Final = "tracekit.batch.custom_id"
"""On the llm node of a batch's result: the id that the application gave the request."""
SPEED: Final = "tracekit.usage.speed"
INFERENCE_GEO: Final = "tracekit.usage.inference_geo"


CONTENT: Final = frozenset(
    (
        INPUT_MESSAGES,
        OUTPUT_MESSAGES,
        SYSTEM_INSTRUCTIONS,
        STOP_SEQUENCES,
        TOOL_CALL_ARGUMENTS,
        TOOL_CALL_RESULT,
        TOOL_DEFINITIONS,
        TOOL_RESULT_CONTENT,
    )
)
"""Attributes that hold what was said: by the program, its user, the model or a tool."""

OTHER_CONTENT_PREFIXES: Final = (
    "gen_ai.completion",
    "gen_ai.prompt.",
    "input.value",
    "llm.input_messages",
    "llm.output_messages",
    "llm.prompts",
    "output.value",
    "traceloop.entity.input",
    "traceloop.entity.output",
)
"""How such attributes begin that other instrumentations put on their spans."""


def is_content(name: str) -> bool:
    """Return whether the attribute `name` holds what was said."""
    return name in CONTENT or name.startswith(OTHER_CONTENT_PREFIXES)


class Operation:
    """Values of `OPERATION_NAME`."""

    CHAT: Final = "chat"
    INVOKE_AGENT: Final = "invoke_agent"
    EXECUTE_TOOL: Final = "execute_tool"


class TokenType:
    """Values of `TOKEN_TYPE`. The input includes what was read from and written to the cache."""

    INPUT: Final = "input"
    OUTPUT: Final = "output"


class Metric:
    """Names of the metrics: the first two are the GenAI conventions', with their attributes; the others are ours."""

    OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
    """A histogram of seconds: how long a call took, with all its attempts and the reading of its stream."""
    TOKEN_USAGE: Final = "gen_ai.client.token.usage"  # noqa: S105  a name, no password
    """A histogram of tokens a call, by `TOKEN_TYPE`."""
    COST: Final = "tracekit.client.cost"
    """A counter of US dollars; calls without a known price add nothing to it."""
    RETRIES: Final = "tracekit.client.retries"
    """A counter of the attempts after the first."""


class Outcome:
    """Values of `OUTCOME`."""

    CLOSED: Final = "closed"
    """The application stopped reading, by `break` or `close`."""
    CANCELLED: Final = "cancelled"
    """The task was cancelled."""
    ABANDONED: Final = "abandoned"
    """The application dropped the answer without reading or closing it."""
    INCOMPLETE: Final = "incomplete"
    """A stream ended cleanly before its end event."""
    UNREAD: Final = "unread"
    """The SDK closed the answer without reading it, to try again."""


SDK_SCOPE_PREFIX: Final = "com.anthropic.sdk.python"
"""The instrumentation scope of the SDK's own spans; a platform client adds a suffix."""

TRACEKIT_SCOPE: Final = "tracekit"
"""The instrumentation scope of the spans that tracekit starts."""

OTHER_LLM_SCOPES: Final = (
    "openinference.instrumentation.anthropic",
    "opentelemetry.instrumentation.anthropic",
    "opentelemetry.instrumentation.genai.anthropic",
    "opentelemetry.util.genai",
    "logfire.anthropic",
)
"""Scopes of instrumentations that emit an LLM span of their own for a call that the SDK's span already tells of."""
