"""`tracekit collect --listen`: receive spans over OTLP, and make runs of them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from tracekit.cli.options import tell
from tracekit.formatting import format_count
from tracekit.sources.otlp.receiver.serve import ListenOptions, OtlpReceiver

__all__ = ["TOKEN_VARIABLE", "listen", "token_of"]

TOKEN_VARIABLE = "TRACEKIT_LISTEN_TOKEN"  # noqa: S105  a name, no password


def token_of(file: Path | None) -> str:
    """Return the token in `file`, or that of the environment; "" for none.

    Raises:
        click.UsageError: The file holds nothing.
        OSError: The file cannot be read.
    """
    if file is None:
        return os.environ.get(TOKEN_VARIABLE, "").strip()
    token = file.read_text(encoding="utf-8").strip()
    if not token:
        raise click.UsageError(f"{file} holds no token")
    return token


def listen(options: ListenOptions) -> None:
    """Receive spans until Ctrl-C.

    Raises:
        HomeError: The folder for journals cannot be used.
        SettingsError: The rules of redaction cannot be used.
        SourceError: The options are unsafe, an address is taken, or a library is missing.
    """
    receiver = OtlpReceiver(options, lambda problem: tell([problem]))
    receiver.start()
    web = f"{receiver.scheme}://{options.host}:{receiver.http_port}"
    tell([f"listening for OTLP at {web} (HTTP) and {options.host}:{receiver.grpc_port} (gRPC); Ctrl-C ends it"])
    try:
        receiver.wait()
    finally:
        receiver.stop()
    rejected = f", rejected {receiver.intake.rejected}" if receiver.intake.rejected else ""
    tell([f"received {format_count(receiver.intake.spans, 'span')}{rejected}; `tracekit ls` lists the runs"])
