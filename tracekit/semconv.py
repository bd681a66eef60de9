"""Every attribute name, once.

Names of the field are OpenTelemetry's GenAI and HTTP semantic conventions and the Anthropic SDK's own; ours begin with
``tracekit.``. The conventions' GenAI constants are deprecated in ``opentelemetry-semantic-conventions`` (they moved to
a repository of their own), so the names are written out here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

# GenAI conventions: operations and who acts.
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"
AGENT_CALL_ID: Final = "gen_ai.agent.call.id"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
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
USAGE: Final = (
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    CACHE_WRITE_5M_TOKENS,
    CACHE_WRITE_1H_TOKENS,
    REASONING_TOKENS,
)
"""The counts of tokens that a call has."""
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
URL_QUERY: Final = "url.query"
OTHER_URLS: Final = ("http.target", "http.url")
"""How older conventions call addresses."""
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
CALLERS: Final = "tracekit.callers"
"""On a call: the names of the program's functions that made it, innermost first, as far as its task or thread reaches."""
OUTCOME: Final = "tracekit.outcome"
"""How a call or an attempt came to its end, where that is not plainly *read*: see `Outcome`."""
TOOL_RUNNER: Final = "tracekit.tool_runner"
"""True on an agent whose loop is the SDK's own tool runner."""
TOOL_RESULT_OPAQUE: Final = "tracekit.tool.result.opaque"
"""True on a tool whose result is not JSON, so that it can only be run live."""
ADOPTED_FROM: Final = "tracekit.adopted.from"
"""On an agent, a turn or a tool that a span of another instrumentation records: the attribute that says so, or `name`."""
FOLDED: Final = "tracekit.folded"
"""On a call, an agent or a tool: the ids of the application's spans that record the same and have no node of their own."""
INFERRED_FROM: Final = "tracekit.inferred.from"
"""What an inferred node was concluded from."""
INFERRED_BOUNDS: Final = "tracekit.inferred.bounds"
"""True where the node's times are only the bounds within which it must have run."""
ORPHAN: Final = "tracekit.orphan"
"""True on a node whose parent is not in the record."""
DECLARED_AFTER: Final = "tracekit.declared.after"
"""On an agent: the names of the agents that its author says it comes after."""
DECLARED_READS: Final = "tracekit.declared.reads"
"""On an agent or a tool: what its author says it reads, as paths or other names; empty for nothing."""
DECLARED_WRITES: Final = "tracekit.declared.writes"
"""On an agent or a tool: what its author says it writes; empty for nothing."""
TOOL_ANNOTATIONS: Final = "tracekit.tool.annotations"
"""On a tool that an MCP server offers: the server's hints (`readOnlyHint`, `destructiveHint`, `idempotentHint`)."""
AGENT_STOP_REASON: Final = "tracekit.agent.stop_reason"
"""On an agent of the runtime: why it stopped, as its result says."""
WORKSPACE_READS: Final = "tracekit.workspace.reads"
"""On a tool: the files of the workspace that it read, relative to it; a folder that it listed ends in a slash."""
WORKSPACE_WRITES: Final = "tracekit.workspace.writes"
"""On a tool: the files of the workspace that it wrote, relative to it."""
TOUCHED: Final = (DECLARED_READS, DECLARED_WRITES, WORKSPACE_READS, WORKSPACE_WRITES)
"""What an agent or a tool touches: lists of paths or names, in which its arguments stand."""
WEB_SEARCHES: Final = "tracekit.usage.web_search_requests"
WEB_FETCHES: Final = "tracekit.usage.web_fetch_requests"
ITERATIONS: Final = "tracekit.usage.iterations"
"""The API's own account of the answers within a call, where it had more than one: a compaction, a fallback model."""
USAGE_MISSING: Final = "tracekit.usage.missing"
"""True on an agent of whose calls the record says nothing: its tokens are not in the totals."""
RECORDED_COST_USD: Final = "tracekit.recorded_cost_usd"
"""On an imported run: its cost in US dollars by the account of the tool that recorded it. Ours stands beside it."""
RECORDED_TOKENS: Final = "tracekit.recorded_tokens"
"""On an imported run whose calls' tokens are not all known: the total that the tool recorded, by kind of token."""
REQUEST_REBUILT: Final = "tracekit.request.rebuilt"
"""True on an attempt whose request was put together from a transcript: of its body, only the messages and what else
stands there are known, not the system prompt, the tools or the cache markers."""
USAGE_OF_SESSION: Final = "tracekit.usage.of_session"
"""True on an agent whose span has the tokens of a session, of whose calls there are no spans."""
DIALECT: Final = "tracekit.dialect"
"""On a node that a span of another tool records: the dialect in which the span is written."""
ASSUMED: Final = "tracekit.assumed"
"""On a node that a span of another tool records: the assumptions by which the span was read, as sentences."""
DROPPED: Final = "tracekit.dropped"
"""On the same: the number of attributes, events and links that were left out on the way."""
PROMPT_ORIGIN: Final = "tracekit.prompt.origin"
"""On a prompt's span: what sent it, such as `sdk` or `task_notification`."""
TOOL_REQUESTED_NS: Final = "tracekit.tool.requested_ns"
"""On a tool of a streamed response: when the block that requested it was complete, in nanoseconds since the epoch."""
PROMPT_ABANDONED: Final = "tracekit.prompt.abandoned"
"""True on a prompt's span if the prompt was edited or taken back, so that the conversation went on without it."""
COMPACTION_TRIGGER: Final = "tracekit.compaction.trigger"
"""On a compaction's span: what caused it, `auto` or `manual`."""
COMPACTION_TOKENS: Final = "tracekit.compaction.tokens"
"""On a compaction's span: the tokens of the context before it."""
TEAM_NAME: Final = "tracekit.team.name"
"""On an imported run: the team of agents to which its session belongs."""
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
    "ai.prompt",
    "ai.response.object",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "all_messages_events",
    "final_result",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gen_ai.completion",
    "gen_ai.prompt",
    "input.value",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.trace.input",
    "langfuse.trace.output",
    "llm.function_call",
    "llm.input_messages",
    "llm.invocation_parameters",
    "llm.output_messages",
    "llm.prompt_template.variables",
    "llm.prompts",
    "llm.tools",
    "mastra.agent_run.input",
    "mastra.agent_run.output",
    "mastra.model_generation.input",
    "mastra.model_generation.output",
    "mastra.model_inference.input",
    "mastra.model_inference.output",
    "mastra.tool_call.input",
    "mastra.tool_call.output",
    "mastra.workflow_run.input",
    "mastra.workflow_run.output",
    "output.value",
    "pydantic_ai.all_messages",
    "request_data",
    "response_data",
    "retrieval.documents",
    "tool.parameters",
    "tool_arguments",
    "tool_call.function.arguments",
    "tool_input",
    "tool_response",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "user_prompt",
)
"""How such attributes begin that other instrumentations put on their spans."""


def is_content(name: str) -> bool:
    """Return whether the attribute `name` holds message content."""
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

# ── what other tools record ──────────────────────────────────────────────────────────────────────────────────────────

Level: TypeAlias = Literal["agent", "turn", "llm", "tool", "workflow"]
"""What a span of another tool records. A workflow is what is around agents, turns or calls: a graph, a chain, a task."""

LEVELS: Final[Mapping[str, Mapping[str, Level]]] = {
    "openinference.span.kind": {"AGENT": "agent", "CHAIN": "workflow", "LLM": "llm", "TOOL": "tool"},
    "traceloop.span.kind": {"agent": "agent", "task": "workflow", "tool": "tool", "workflow": "workflow"},
    "langfuse.observation.type": {"agent": "agent", "chain": "workflow", "generation": "llm", "tool": "tool"},
    "langsmith.span.kind": {"chain": "workflow", "llm": "llm", "tool": "tool"},
    OPERATION_NAME: {
        Operation.INVOKE_AGENT: "agent",
        "invoke_workflow": "workflow",
        "execute_event_loop_cycle": "turn",
        Operation.CHAT: "llm",
        "text_completion": "llm",
        "generate_content": "llm",
        Operation.EXECUTE_TOOL: "tool",
    },
    "llm.request.type": {"chat": "llm", "completion": "llm"},
}
"""The attributes that say what a span records, and what each of their values means; the first that a span has decides.

A value that is not here, such as `create_agent`, means nothing more than a span.
"""

OTHER_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    AGENT_NAME: ("agent.name", "agent_name", "graph.node.name", "graph.node.id"),
    AGENT_ID: ("agent.id", "agent_id"),
    CONVERSATION_ID: ("session.id", "langfuse.session.id", "traceloop.association.properties.session_id"),
    TOOL_NAME: ("tool.name", "tool_name", "ai.toolCall.name"),
    TOOL_CALL_ID: ("tool_call.id", "tool.id", "tool_use_id", "ai.toolCall.id"),
    TOOL_CALL_ARGUMENTS: (
        "tool_call.function.arguments",
        "tool_arguments",
        "input.value",
        "traceloop.entity.input",
        "langfuse.observation.input",
        "gcp.vertex.agent.tool_call_args",
        "ai.toolCall.args",
    ),
    TOOL_CALL_RESULT: (
        "tool_response",
        "output.value",
        "traceloop.entity.output",
        "langfuse.observation.output",
        "gcp.vertex.agent.tool_response",
        "ai.toolCall.result",
    ),
    REQUEST_MODEL: ("llm.request.model_name", "llm.model_name", "langfuse.observation.model.name", "model_name"),
    RESPONSE_MODEL: ("llm.response.model_name",),
    INPUT_TOKENS: ("gen_ai.usage.prompt_tokens", "llm.token_count.prompt"),
    OUTPUT_TOKENS: ("gen_ai.usage.completion_tokens", "llm.token_count.completion"),
    CACHE_READ_TOKENS: ("gen_ai.usage.cache_read_input_tokens", "llm.token_count.prompt_details.cache_read"),
    CACHE_WRITE_TOKENS: (
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_write_input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ),
}
"""By the name that tracekit uses: the names under which other tools record the same, the most exact first."""

ENTITY_NAME: Final = "traceloop.entity.name"
"""The name of whatever an OpenLLMetry span records: an agent, a tool, a workflow or a task."""

METADATA: Final = "metadata"
"""On an OpenInference span: what the framework says of it, as JSON."""
AGENT_IN_METADATA: Final = "lc_agent_name"
"""In `METADATA`: the name of the LangChain agent to which the span belongs. The chain of that name is the agent."""
