"""calendar-connector status: how things are."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from connector.cli import nagios
from connector.cli.office import ask
from connector.cli.options import Frame, UsageRefused, common_options
from connector.errors import UserError

EVERY = 2.0
INDENT = 4
MINUTES = 120
"""Seconds from which on an interval is told in minutes."""
WIDTH = 180
"""Columns where no terminal says how many there are."""


@click.command()
@click.option("--watch", is_flag=True, help="Show it again every two seconds until Ctrl-C.")
@click.option(
    "--nagios",
    "as_plugin",
    is_flag=True,
    help="One line for monitoring; exit code 0 OK, 1 warning, 2 critical, 3 unknown.",
)
@common_options
def status(frame: Frame, *, watch: bool, as_plugin: bool) -> int:
    """Show mailboxes, streams, outbox, hub, alarms and troubles; exit code 0 only when all is well."""
    if as_plugin:
        return _plugin(frame)
    if watch:
        return _watch(frame)
    facts = ask(frame, "status")
    if frame.out.json:
        frame.out.data(facts)
    else:
        width = None if sys.stdout.isatty() else WIDTH
        console = Console(no_color=not frame.out.color, highlight=False, width=width)
        console.print(picture(facts))
    return 0 if facts["healthy"] else 1


def _plugin(frame: Frame) -> int:
    try:
        code, line = nagios.judged(ask(frame, "status"))
    except UserError as error:
        code, line = nagios.unknown(str(error))
    frame.out.text(line)
    return code


def _watch(frame: Frame) -> int:
    if frame.out.json:
        while True:
            print(json.dumps(ask(frame, "status")), flush=True)
            time.sleep(EVERY)
    if not sys.stdout.isatty():
        raise UsageRefused("--watch needs a terminal; with --json it prints one line every two seconds")
    with Live(console=Console(no_color=not frame.out.color, highlight=False), screen=True) as live:
        while True:
            live.update(picture(ask(frame, "status")))
            time.sleep(EVERY)


def picture(facts: dict[str, Any]) -> RenderableType:
    """The whole as lines. Nothing in the facts is taken for markup: some of it comes from servers."""
    parts: list[RenderableType] = [_heading(facts), *(Text(line) for line in _lines(facts))]
    for one in facts["alarms"]:
        parts += [Text(), _alarm(one), *_hung([one["sentence"], one["remedy"]])]
    if facts["troubles"]:
        parts.append(Text())
    for one in facts["troubles"]:
        parts += [_trouble(one), *_hung([one["problem"]])]
    return Group(*parts)


def _heading(facts: dict[str, Any]) -> Text:
    health = ("healthy", "green") if facts["healthy"] else ("not healthy", "red")
    running = "" if facts["running"] else ", the daemon is not running"
    return Text.assemble((facts["instance"], "bold"), ": ", health, running)


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    counted = ", ".join(f"{count} {state}" for state, count in facts["mailboxes"].items()) or "none activated"
    yield f"mailboxes   {counted}"
    if facts["loading"]:
        yield f"first load  {_loading(facts['loading'])}"
    yield from (f"streams     {one['source']}: {stream_words(one)}" for one in facts["streams"])
    yield from (f"requests    {one['source']}: {budget_words(one)}" for one in facts["budgets"])
    outbox = facts["outbox"]
    waiting = f"{outbox['waiting']} waiting"
    age = f", the oldest for {outbox['oldest_seconds']} s" if outbox["waiting"] else ""
    dead = f", {outbox['dead_letters']} dead letters" if outbox["dead_letters"] else ""
    yield f"outbox      {waiting}{age}{dead}"
    if facts["hub"]:
        word = (
            "reached"
            if facts["hub"]["up"]
            else f"not reached: {facts['hub']['problem'] or 'not yet greeted'}"
        )
        yield f"hub         {word} (epoch {facts['epoch']})"
    yield from (f"held        {one['source']} {one['server']}: {one['problem']}" for one in facts["held"])
    yield f"writes      {facts['writes']}"
    if facts["lag_seconds"]:
        yield f"lag         {facts['lag_seconds']} s"


def _loading(loading: dict[str, Any]) -> str:
    left = f", about {loading['minutes_left']} min left" if loading["minutes_left"] else ""
    return f"{loading['mailboxes']} mailboxes, {loading['percent']} %{left}"


def stream_words(one: dict[str, Any]) -> str:
    """How the mailboxes of one source are watched."""
    broken = "".join(f"; {group}: {problem}" for group, problem in one["broken"].items())
    return f"{one['streams']} open for {one['streamed']} mailboxes, {one['polled']} polled{broken}"


def budget_words(one: dict[str, Any]) -> str:
    """What a source that counts requests was asked, beside what it may be asked."""
    minute, user, day = one["minute"], one["user"], one["day"]
    spent = f"{minute['used']} of {minute['limit']} in the last minute, {day['used']} of {day['limit']} in the last day"
    every = (
        f"{one['look_seconds']} s" if one["look_seconds"] < MINUTES else f"{one['look_seconds'] // 60} min"
    )
    return f"{spent}, the busiest user {user['used']} of {user['limit']} a minute; calendars polled every {every}"


def _alarm(one: dict[str, Any]) -> Text:
    many = f", {one['count']} of them" if one["count"] > 1 else ""
    return Text.assemble((f"alarm {one['number']}", "bold red"), f" since {_when(one['since'])}{many}")


def _trouble(one: dict[str, Any]) -> Text:
    since = f" since {_when(one['since'])}" if one["since"] else ""
    return Text.assemble((one["address"], "bold"), f": {one['state']}{since}")


def _hung(sentences: list[str]) -> list[RenderableType]:
    """Indented under what they belong to; broken between words only, so that a command can be copied."""
    return [Padding(Text(sentence), (0, 0, 0, INDENT), expand=False) for sentence in sentences if sentence]


def _when(moment: str) -> str:
    """To the minute, in UTC as everywhere."""
    return moment[:16].replace("T", " ")
