"""OTLP over gRPC."""

from __future__ import annotations

import hmac
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]  # it comes without types
from google.protobuf import any_pb2, duration_pb2  # type: ignore[import-untyped]  # the same
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # the same
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2_grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc
from typing_extensions import override

from tracekit.errors import SourceError
from tracekit.sources.otlp.receiver.answers import success
from tracekit.sources.otlp.receiver.intake import Accepted, BusyError, Intake, StorageError

__all__ = ["grpc_server"]

_WORKERS = 4
"""Further requests wait unread: gRPC's own limit would refuse them in a way that senders take for final."""


def grpc_server(intake: Intake, address: str, token: str = "", credentials: Any = None) -> tuple[Any, int]:
    """Return a server that listens at `address` (``HOST:PORT``), not started, and its port.

    Raises:
        SourceError: The address cannot be used.
    """
    server = grpc.server(
        ThreadPoolExecutor(_WORKERS, thread_name_prefix="otlp-grpc"),
        options=[("grpc.max_receive_message_length", intake.limits.body_bytes), ("grpc.so_reuseport", 0)],
    )
    guarded = _Guard(token)
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(intake, guarded), server)  # type: ignore[no-untyped-call]
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(guarded), server)  # type: ignore[no-untyped-call]
    logs_service_pb2_grpc.add_LogsServiceServicer_to_server(_Logs(intake, guarded), server)  # type: ignore[no-untyped-call]
    try:
        port = (
            server.add_insecure_port(address) if credentials is None else server.add_secure_port(address, credentials)
        )
    except RuntimeError as error:
        raise SourceError(f"the receiver cannot listen at {address}: {error}") from error
    return server, int(port)


class _Guard:
    """Refuses calls without the token."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode() if token else b""

    def check(self, context: Any) -> None:
        """End the call if it does not bring the token."""
        if not self._expected:
            return
        given = dict(context.invocation_metadata()).get("authorization", "")
        if not hmac.compare_digest(str(given).encode(), self._expected):
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is missing or wrong")


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, intake: Intake, guard: _Guard) -> None:
        self._intake = intake
        self._guard = guard

    @override
    def Export(self, request: Any, context: Any) -> Any:
        self._guard.check(context)
        return success("traces", _take(self._intake, request, context, is_logs=False))


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, guard: _Guard) -> None:
        self._guard = guard

    @override
    def Export(self, request: Any, context: Any) -> Any:
        self._guard.check(context)
        return success("metrics", Accepted())


class _Logs(logs_service_pb2_grpc.LogsServiceServicer):
    def __init__(self, intake: Intake, guard: _Guard) -> None:
        self._intake = intake
        self._guard = guard

    @override
    def Export(self, request: Any, context: Any) -> Any:
        self._guard.check(context)
        return success("logs", _take(self._intake, request, context, is_logs=True))


def _take(intake: Intake, request: Any, context: Any, *, is_logs: bool) -> Accepted:
    try:
        with intake.holding(request.ByteSize()):
            return intake.take_message(request, is_logs=is_logs)
    except SourceError as error:
        context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        raise AssertionError("abort raises") from error
    except BusyError as error:
        _push_back(context, grpc.StatusCode.RESOURCE_EXHAUSTED, str(error), error.retry_s)
    except StorageError as error:
        _push_back(context, grpc.StatusCode.UNAVAILABLE, str(error), error.retry_s)


def _push_back(context: Any, code: Any, reason: str, retry_s: int) -> NoReturn:
    """End the call with an error that says after how many seconds the sender may try again."""
    detail = any_pb2.Any()
    detail.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=retry_s)))
    status = status_pb2.Status(code=code.value[0], message=reason, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, reason)
    raise AssertionError("abort raises")
