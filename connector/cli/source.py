"""calendar-connector source: the calendar systems."""

from __future__ import annotations

import click

from connector.cli.office import ask
from connector.cli.options import Frame, UsageRefused, common_options
from connector.cli.status import budget_words, stream_words
from connector.config.units import parse_duration


@click.group()
def source() -> None:
    """See the calendar systems, and leave one alone for a while."""


@source.command("list")
@common_options
def list_(frame: Frame) -> None:
    """Show every source in one line."""
    columns = ("name", "type", "mailboxes", "active", "state")
    rows = ask(frame, "source.list")
    frame.out.table(columns, [[row[column] for column in columns] for row in rows])


@source.command()
@click.argument("name")
@common_options
def show(frame: Frame, name: str) -> None:
    """Show one source in full."""
    facts = ask(frame, "source.show", name=name)
    if not frame.out.json:
        facts["streams"] = [stream_words(one) for one in facts["streams"]]
        facts["budgets"] = [budget_words(one) for one in facts["budgets"]]
    frame.out.record(facts)


@source.command()
@click.argument("name")
@click.option("--for", "span", default="30d", show_default=True, help="How long, such as 2h.")
@common_options
def pause(frame: Frame, name: str, span: str) -> None:
    """Ask nothing of a source, for its maintenance; nothing is lost meanwhile."""
    try:
        seconds = int(parse_duration(span).total_seconds())
    except ValueError as error:
        raise UsageRefused(f"--for {span}: {error}") from error
    frame.out.say(ask(frame, "source.pause", name=name, seconds=seconds))


@source.command()
@click.argument("name")
@common_options
def resume(frame: Frame, name: str) -> None:
    """Go on with a paused source."""
    frame.out.say(ask(frame, "source.resume", name=name))


@source.command()
@click.argument("name")
@click.option("--allow", default="", metavar="HOST", help="Put this host on the trust list.")
@common_options
def redirects(frame: Frame, name: str, allow: str) -> None:
    """Show hosts that Autodiscover leads to and that are not trusted yet."""
    rows = ask(frame, "source.redirects", name=name, allow=allow)
    if not rows and not frame.out.json:
        frame.out.say("no redirect is pending")
        return
    columns = ("host", "target", "domain", "seen_at")
    frame.out.table(columns, [[row[column] for column in columns] for row in rows])


@source.command()
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Of every source.")
@common_options
def unsubscribe(frame: Frame, name: str | None, *, every: bool) -> None:
    """Give every streaming subscription back at the server."""
    if every == bool(name):
        raise UsageRefused("give either the NAME of a source or --all")
    for one in [name] if name else list(frame.load().config.sources):
        frame.out.say(ask(frame, "source.unsubscribe", name=one))
