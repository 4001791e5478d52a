"""calendar-connector writes, deadletter, alarm and audit: what needs a hand now and then."""

from __future__ import annotations

import json

import click

from connector.alarms import KINDS
from connector.cli.office import ask
from connector.cli.options import Consent, Frame, asks_first, common_options
from connector.errors import NotFound


@click.group()
def writes() -> None:
    """See and release the brake on calendar writes."""


@writes.command("show")
@common_options
def show_writes(frame: Frame) -> None:
    """Show whether writes flow, and the latest of them."""
    shown = ask(frame, "writes.show")
    frame.out.say(shown["writes"])
    frame.out.table(
        ("number", "at", "mailbox", "facts"),
        [[row["number"], row["at"], row["mailbox"], json.dumps(row["facts"])] for row in shown["latest"]],
    )


@writes.command()
@common_options
def release(frame: Frame) -> None:
    """Let writes flow again after the brake has stopped them."""
    frame.out.say(ask(frame, "writes.release"))


@click.group()
def deadletter() -> None:
    """See what the hub would not take."""


@deadletter.command("list")
@common_options
def list_letters(frame: Frame) -> None:
    """Show them all."""
    columns = ("event", "kind", "mailbox", "at", "problem")
    rows = ask(frame, "deadletter.list")
    frame.out.table(columns, [[row[column] for column in columns] for row in rows])


@deadletter.command("show")
@click.argument("event")
@common_options
def show_letter(frame: Frame, event: str) -> None:
    """Show one."""
    found = [row for row in ask(frame, "deadletter.list") if row["event"] == event]
    if not found:
        raise NotFound(f"there is no dead letter {event}; calendar-connector deadletter list shows them")
    frame.out.record(found[0])


@deadletter.command()
@click.argument("event")
@common_options
def retry(frame: Frame, event: str) -> None:
    """Read the mailbox afresh and send what it holds now."""
    frame.out.say(ask(frame, "deadletter.retry", event=event))


@deadletter.command()
@click.argument("event")
@asks_first
@common_options
def drop(frame: Frame, event: str, consent: Consent) -> None:
    """Forget one."""
    if consent.given(frame.out, f"drop the dead letter {event}"):
        frame.out.say(ask(frame, "deadletter.drop", event=event))


@click.group()
def alarm() -> None:
    """See what is wrong, and what each alarm means."""


@alarm.command("list")
@common_options
def list_alarms(frame: Frame) -> int:
    """Show the alarms that stand; exit code 1 when there is one."""
    alarms = ask(frame, "status")["alarms"]
    columns = ("number", "since", "count", "sentence", "remedy", "subjects")
    rows = [[*(one[column] for column in columns[:-1]), ", ".join(one["subjects"])] for one in alarms]
    frame.out.table(columns, rows)
    return 1 if alarms else 0


@alarm.command()
@click.argument("number", type=int)
@common_options
def explain(frame: Frame, number: int) -> None:
    """Explain an alarm by its number."""
    kind = next((one for one in KINDS if one.number == number), None)
    if kind is None:
        raise NotFound(f"there is no alarm {number}; there are {', '.join(str(one.number) for one in KINDS)}")
    frame.out.record(
        {
            "number": kind.number,
            "name": kind.name,
            "severity": str(kind.severity),
            "sentence": kind.sentence,
            "remedy": kind.remedy,
            "message id": kind.message_id,
        }
    )


@click.group()
def audit() -> None:
    """Read and verify the audit trail."""


@audit.command("list")
@click.option("--after", type=int, help="Row number to begin after; the newest entries when left out.")
@click.option("--limit", default=100, show_default=True, help="Rows at most.")
@common_options
def list_audit(frame: Frame, after: int | None, limit: int) -> None:
    """Show the newest entries, or those after a number, oldest first."""
    rows = ask(frame, "audit.list", after=after, limit=limit)
    columns = ("number", "at", "actor", "action", "mailbox", "facts")
    cells = [[*(row[column] for column in columns[:-1]), json.dumps(row["facts"])] for row in rows]
    frame.out.table(columns, cells)


@audit.command()
@common_options
def export(frame: Frame) -> None:
    """Print the whole trail, one JSON object a line."""
    after = 0
    while rows := ask(frame, "audit.list", after=after, limit=1000):
        for row in rows:
            frame.out.text(json.dumps(row, ensure_ascii=False))
        after = rows[-1]["number"]


@audit.command()
@common_options
def verify(frame: Frame) -> int:
    """Check the chain; exit code 1 when a row was changed or is missing."""
    broken = ask(frame, "audit.verify")
    if broken is None:
        frame.out.say("every row is as it was written")
        return 0
    frame.out.say(f"row {broken} is not as it was written, or one before it is missing")
    return 1
