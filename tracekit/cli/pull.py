"""`tracekit pull`: bring traces home from Tempo or Jaeger."""

from __future__ import annotations

from datetime import timedelta

import click

from tracekit.cli.importing import summary
from tracekit.cli.options import Age, echo_json, format_option, tell
from tracekit.sources.otlp.pull import PullQuery, TraceStore, pull
from tracekit.system_clock import wall_ns

__all__ = ["command"]


@click.command("pull")
@click.argument("traces", nargs=-1, metavar="[TRACE]…")
@click.option("--tempo", "tempo_url", metavar="URL", help="The address of Tempo, as in http://localhost:3200.")
@click.option("--jaeger", "jaeger_url", metavar="URL", help="The address of Jaeger, as in http://localhost:16686.")
@click.option("--query", help="With --tempo: the traces that this TraceQL finds.")
@click.option("--service", help="With --jaeger: the newest traces of this service.")
@click.option("--since", type=Age(), default="1d", show_default=True, help="Read only traces within this time.")
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=20,
    show_default=True,
    help="The largest number of traces to read.",
)
@click.option("--header", "headers", multiple=True, metavar="NAME=VALUE", help="Add this header to each request.")
@format_option
def command(
    traces: tuple[str, ...],
    tempo_url: str | None,
    jaeger_url: str | None,
    query: str | None,
    service: str | None,
    since: timedelta,
    limit: int,
    headers: tuple[str, ...],
    form: str,
) -> None:
    """Import traces from Tempo or Jaeger: by their ids, or those that a query finds.

    Pulling a trace again adds the spans that are new.
    """
    url = tempo_url or jaeger_url
    if url is None or (tempo_url and jaeger_url):
        raise click.UsageError("give --tempo URL or --jaeger URL")
    text = query if tempo_url else service
    if (service if tempo_url else query) is not None:
        raise click.UsageError("--query works with --tempo, and --service with --jaeger: give the option that fits")
    if not traces and not text:
        raise click.UsageError(f"give ids of traces, or {'--query' if tempo_url else '--service'}")
    if any("=" not in header for header in headers):
        raise click.UsageError("--header takes NAME=VALUE")
    now_s = wall_ns() // 1_000_000_000
    wanted = PullQuery(text, now_s - int(since.total_seconds()), now_s + 60, limit) if text else None
    pairs = (header.partition("=") for header in headers)
    store = TraceStore("Tempo" if tempo_url else "Jaeger", url, {name: value for name, _, value in pairs})
    done, missing = pull(store, traces, wanted)
    if form == "json":
        echo_json({**done.json(), "missing": missing})
    else:
        tell([*summary(done), *(f"trace {trace} is not in {store.name}" for trace in missing)])
    if missing:
        raise SystemExit(2)
