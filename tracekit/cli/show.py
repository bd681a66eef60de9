"""`tracekit show`: one run as a tree, its conversation, or one of its spans."""

from __future__ import annotations

import click

from tracekit.analysis.batches import parents_of
from tracekit.analysis.timing.critical import margins
from tracekit.analysis.tree_facts import TreeFacts
from tracekit.cli.load import as_file, load_tree_with_findings
from tracekit.cli.options import echo_json, format_option, run_argument, tell
from tracekit.cli.shape import node_json, show_json
from tracekit.cli.spans import find_span
from tracekit.collect.look import damage_in, find, read_entry
from tracekit.collect.transcript import transcript_of
from tracekit.model.tree import Run, first_work_ns

__all__ = ["command"]


@click.command("show")
@run_argument
@click.argument("span", required=False)
@click.option(
    "--attempts", is_flag=True, help="Show every attempt, not only those of calls that were retried or failed."
)
@click.option("--full", is_flag=True, help="Show every span on its own line, even in a subagent that makes one call.")
@click.option("--critical", is_flag=True, help="Show the critical path: the steps that decided when the run ended.")
@click.option("--messages", is_flag=True, help="Show the messages of all agents, each message once.")
@click.option("--by", type=click.Choice(["time", "agent"]), default="time", help="The order of --messages.")
@format_option
def command(
    run: str, span: str | None, attempts: bool, full: bool, critical: bool, messages: bool, by: str, form: str
) -> None:
    """Draw a run as a tree with time bars, models, tokens and retries.

    With SPAN, show one span of it: its facts, attributes and messages. SPAN is an id, the beginning of an id, or the name
    of an agent or a tool.
    """
    if span is not None or messages:
        if critical:
            raise click.UsageError("--critical is about the whole run: remove SPAN and --messages")
        _show_content(run, span, only_messages=messages, by_agent=by == "agent", form=form)
        return
    loaded, findings = load_tree_with_findings(run)
    if form == "json":
        echo_json(show_json(loaded, findings))
        return
    if critical:
        from tracekit.cli.render.path import print_path  # noqa: PLC0415  rich is not needed for JSON

        print_path(loaded, findings, all_attempts=attempts)
        return
    from tracekit.cli.render.tree import print_tree  # noqa: PLC0415  rich is not needed for JSON

    print_tree(loaded, findings, all_attempts=attempts, full=full)


def _show_content(text: str, span: str | None, *, only_messages: bool, by_agent: bool, form: str) -> None:
    """Print a span, or the messages of a span or of the whole run."""
    run = read_entry(find(as_file(text)))
    tell(damage_in(run))
    parents = parents_of([*run.root.walk()])
    node = run.root if span is None else find_span(run, span, parents)
    calls = {each.id for each in node.walk() if each.kind == "llm"}
    entries = transcript_of(run, by_agent=by_agent, calls=calls)
    if form == "json":
        from tracekit.cli.render.transcript import transcript_json  # noqa: PLC0415  rich is loaded late

        messages = transcript_json(entries)
        echo_json(
            messages
            if only_messages
            else {"span": node_json(node, {}, margins(run.root, TreeFacts(run).schedule)), "messages": messages}
        )
        return
    from tracekit.cli.render.span import print_span  # noqa: PLC0415  rich is loaded late
    from tracekit.cli.render.transcript import print_transcript  # noqa: PLC0415  rich is loaded late

    if not only_messages:
        print_span(run, node, parents)
        if calls:
            click.echo()
    if calls and not print_transcript(entries, first_work_ns(run.root), parents):
        tell([_why_nothing(run)])
    elif not calls and only_messages:
        tell(["no model was called here, so there are no messages"])


def _why_nothing(run: Run) -> str:
    if run.recording.exchanges:
        return "these calls have no messages of their own"
    return "no messages were recorded with this run: TRACEKIT_CONTENT=full records them"
