"""calendar-connector mailbox: activation and what follows it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from connector.cli.office import ask
from connector.cli.options import Consent, Frame, UsageRefused, asks_first, common_options
from connector.cli.output import Output
from connector.config.units import parse_duration
from connector.errors import UserError

SETTLED = frozenset({"active", "error", "paused", "moved to Exchange Online"})
POLL = 0.5
STUCK_LOOKS = 8
"""So many looks in a row may find that nothing goes on; then nobody waits any longer."""
OF_ACCOUNTS = frozenset({101, 102})
"""Alarms about service accounts, whose remedies those who wait should hear."""


@click.group()
def mailbox() -> None:
    """Activate mailboxes, and look after them."""


@mailbox.command()
@click.argument("addresses", nargs=-1, required=True)
@click.option("--policy", help="Name of the policy; the first of the configuration when left out.")
@click.option(
    "--wait", is_flag=True, help="Show how validation and first load get on, until all are through."
)
@common_options
def activate(frame: Frame, addresses: Sequence[str], policy: str | None, *, wait: bool) -> int:
    """Record that these mailboxes are wanted; the daemon validates and loads them."""
    answers = ask(frame, "mailbox.activate", addresses=list(addresses), policy=policy)
    code = _tell(frame.out, answers)
    if not wait:
        return code
    recorded = [answer["address"] for answer in answers if not answer["code"]]
    return max(code, _wait(frame, recorded))


@mailbox.command()
@click.argument("addresses", nargs=-1, required=True)
@asks_first
@common_options
def deactivate(frame: Frame, addresses: Sequence[str], consent: Consent) -> int:
    """End it: subscription given back, list dropped at the hub, local rows deleted."""
    if not consent.given(frame.out, f"deactivate {_these(addresses)}"):
        return 0
    return _tell(frame.out, ask(frame, "mailbox.deactivate", addresses=list(addresses)))


@mailbox.command()
@click.argument("addresses", nargs=-1, required=True)
@asks_first
@common_options
def erase(frame: Frame, addresses: Sequence[str], consent: Consent) -> int:
    """Deactivate and destroy the content keys too, so that not even a backup of the hub can be read."""
    if not consent.given(frame.out, f"erase {_these(addresses)} with all keys, for good"):
        return 0
    return _tell(frame.out, ask(frame, "mailbox.deactivate", addresses=list(addresses), erase=True))


@mailbox.command("list")
@common_options
def list_(frame: Frame) -> None:
    """Show every mailbox in one line."""
    rows = ask(frame, "mailbox.list")
    columns = ("address", "state", "source", "policy", "origin", "problem")
    frame.out.table(columns, [[row[column] for column in columns] for row in rows])


@mailbox.command()
@click.argument("address")
@common_options
def show(frame: Frame, address: str) -> None:
    """Show one mailbox in full, with what to do about its problem."""
    facts = ask(frame, "mailbox.show", address=address)
    if not frame.out.json:
        facts["quarantine"] = [f"{one['item'][:24]}…: {one['reason']}" for one in facts["quarantine"]]
        facts = {name.replace("_", " "): value for name, value in facts.items() if value not in ("", None)}
    frame.out.record(facts)


@mailbox.command()
@click.argument("addresses", nargs=-1, required=True)
@common_options
def pause(frame: Frame, addresses: Sequence[str]) -> int:
    """Ask nothing more of these mailboxes until they are resumed."""
    return _tell(frame.out, ask(frame, "mailbox.pause", addresses=list(addresses)))


@mailbox.command()
@click.argument("addresses", nargs=-1, required=True)
@common_options
def resume(frame: Frame, addresses: Sequence[str]) -> int:
    """Go on with paused or blocked mailboxes; they are validated again first."""
    return _tell(frame.out, ask(frame, "mailbox.resume", addresses=list(addresses)))


@mailbox.command()
@click.argument("addresses", nargs=-1, required=True)
@common_options
def resync(frame: Frame, addresses: Sequence[str]) -> int:
    """Read these calendars afresh and send every meeting again."""
    return _tell(frame.out, ask(frame, "mailbox.resync", addresses=list(addresses)))


@mailbox.command()
@click.argument("old")
@click.argument("new")
@common_options
def rename(frame: Frame, old: str, new: str) -> int:
    """Give a mailbox its new primary address; list and keys stay."""
    return _tell(frame.out, [ask(frame, "mailbox.rename", old=old, new=new)])


@mailbox.command()
@click.argument("address")
@common_options
def keys(frame: Frame, address: str) -> None:
    """Print the content keys of one mailbox, to read its list on this machine. Leaves an audit entry."""
    frame.out.data(ask(frame, "mailbox.keys", address=address))


@mailbox.command()
@click.argument("address")
@common_options
def export(frame: Frame, address: str) -> None:
    """Print all that is held about a person, as JSON: for a request by law. Leaves an audit entry."""
    frame.out.data(ask(frame, "mailbox.export", address=address))


@mailbox.command()
@click.argument("address")
@click.option("--for", "span", default="30m", show_default=True, help="How long, such as 2h; a day at most.")
@click.option("--off", is_flag=True, help="End it now.")
@common_options
def trace(frame: Frame, address: str, span: str, *, off: bool) -> int:
    """Write every step of one mailbox into the log for a while; it ends by itself."""
    answer = ask(frame, "mailbox.trace", address=address, seconds=0 if off else seconds_of(span))
    if frame.out.json:
        frame.out.data(answer)
    elif off:
        frame.out.text(f"{address}: the trace is off" if answer["ended"] else f"{address}: it was not traced")
    else:
        frame.out.text(f"{answer['address']}: every step is logged until {answer['until']}; follow them with")
        frame.out.text(f"  journalctl -u calendar-connector -f CC_TRACE={answer['trace']}")
    return 0


def seconds_of(span: str) -> int:
    """A duration such as 30m, in seconds. Raises UsageRefused."""
    try:
        seconds = int(parse_duration(span).total_seconds())
    except ValueError as error:
        raise UsageRefused(f"--for {span}: {error}") from error
    if seconds < 1:
        raise UsageRefused(f"--for {span}: write a second at least, or --off to end a trace")
    return seconds


def _tell(out: Output, answers: list[dict[str, Any]]) -> int:
    if out.json:
        out.data(answers)
    else:
        for answer in answers:
            out.text(f"{answer['address']}: {answer['sentence']}")
    return max((answer["code"] for answer in answers), default=0)


def _these(addresses: Sequence[str]) -> str:
    return addresses[0] if len(addresses) == 1 else f"{len(addresses)} mailboxes"


def _wait(frame: Frame, addresses: Sequence[str]) -> int:
    """Watch until each is active or in trouble; 1 when one is in trouble. Raises UserError where nothing goes on."""
    if addresses and not ask(frame, "status")["running"]:
        raise UserError("the daemon is not running; what is recorded is carried out when it is started")
    failed, stuck, shown = 0, 0, dict.fromkeys(addresses, 0)
    waiting = sorted(shown)
    with frame.out.progress("activating", len(waiting) * 100) as advance:
        while waiting:
            looks = [ask(frame, "mailbox.show", address=address) for address in waiting]
            for facts in looks:
                address, done = facts["address"], _percent(facts)
                advance(max(done - shown[address], 0))
                shown[address] = max(done, shown[address])
                failed += facts["state"] in SETTLED and _settled(frame.out, facts)
            open_ = [facts for facts in looks if facts["state"] not in SETTLED]
            waiting = [facts["address"] for facts in open_]
            obstacle = _obstacle(frame, open_)
            stuck = stuck + 1 if obstacle else 0
            if stuck > STUCK_LOOKS:
                raise UserError(f"{obstacle} What is recorded goes on by itself when that is over.")
            time.sleep(POLL if waiting else 0)
    return 1 if failed else 0


def _percent(facts: dict[str, Any]) -> int:
    return 100 if facts["state"] in SETTLED else facts["progress"] or 0


def _obstacle(frame: Frame, open_: Sequence[dict[str, Any]]) -> str:
    """What all of them wait for, "" while any gets on."""
    if not open_:
        return ""
    if all(facts["problem"] for facts in open_):
        first = open_[0]
        return f"{first['address']}: {first['problem']} {first['remedy']}".rstrip()
    status, sources = ask(frame, "status"), {facts["source"] for facts in open_}
    held = next((one for one in status["held"] if one["source"] in sources), None)
    if held is None:
        return ""
    remedies = (one["remedy"] for one in status["alarms"] if one["number"] in OF_ACCOUNTS)
    return " ".join((f"{held['source']}: {held['problem']}", *remedies))


def _settled(out: Output, facts: dict[str, Any]) -> bool:
    if facts["state"] == "active":
        out.say(f"{facts['address']}: active, {facts['meetings']} meetings")
        return False
    out.say(f"{facts['address']}: {facts['state']}. {facts['problem']} {facts['remedy']}".rstrip())
    return True
