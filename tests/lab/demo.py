"""The main job, shown: what people do in a calendar, and how soon the hub's sealed list says the same.

``python -m tests.lab.demo [--once]``; scripts/demo calls it. Exit code 0 only if hub and calendar were equal after every step.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from connector.model import ContentKey
from tests.lab.exchange.bodies import as_text
from tests.lab.keyword_site import CONFERENCES, ROOM
from tests.lab.site import Site, SiteError

PEOPLE = 10
PATIENCE = 30.0
ZONE = "W. Europe Standard Time"


def say(text: str = "") -> None:
    """One line for the person who watches."""
    print(text, flush=True)


class Demo:
    """One showing. ``item`` is the meeting that everything happens to."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.people = [f"user{number}@{site.exchange.domain}" for number in range(1, PEOPLE + 1)]
        self.owner = self.people[0]
        self.keys: dict[str, dict[str, ContentKey]] = {}
        self.start = (datetime.now(UTC) + timedelta(days=1)).replace(
            hour=9, minute=0, second=0, microsecond=0
        )
        self.item = ""
        self.times: list[float] = []

    def activate(self) -> None:
        """Make ten mailboxes active, and get the keys that open their lists."""
        say(f"Activating {len(self.people)} mailboxes (each is looked up, opened once, read and sealed) ...")
        self.site.cli("mailbox", "activate", "--wait", *self.people)
        for address in self.people:
            self.site.wait(partial(self.has_keys, address), f"keys of {address}")
            self.keys[address] = self.site.keys(address)
        took = self.site.wait(self.all_agree, "every list to be at the hub", PATIENCE)
        say(f"  {len(self.people)} lists at the hub, each equal to its calendar (after {took:.1f} s)")
        say()

    def has_keys(self, address: str) -> bool:
        """Whether something of the mailbox was sealed already."""
        return bool(self.site.json("mailbox", "keys", address))

    def all_agree(self) -> bool:
        """Whether every list at the hub equals its calendar."""
        return all(self.site.agrees(address, self.keys[address]) for address in self.people)

    def owner_agrees(self) -> bool:
        """Whether the owner's list at the hub equals the calendar."""
        return self.site.agrees(self.owner, self.keys[self.owner])

    def steps(self) -> Iterator[tuple[str, Callable[[], Any]]]:
        """What the owner does, one after the other."""
        weekly = {"kind": "weekly", "days": [f"{self.start:%A}"], "count": 4}
        second = (self.start + timedelta(days=7)).isoformat()
        yield "a meeting with three people is created", self.create
        yield "it is moved by two hours", lambda: self.edit("move", start=self.later(2))
        yield "it is made to repeat every week", lambda: self.edit("make_recurring", recurrence=weekly)
        yield (
            "one occurrence gets another title and place",
            lambda: self.edit(
                "change_occurrence", at=self.at(second), subject="Plan, with lunch", location="Canteen"
            ),
        )
        yield (
            "one occurrence is deleted",
            lambda: self.edit("delete_occurrence", at=self.at(self.later(24 * 14))),
        )
        yield "the whole series is cancelled", lambda: self.edit("cancel")

    def create(self) -> None:
        """A meeting in the owner's calendar, with copies in those of three others."""
        made = self.site.exchange.edit(
            "create",
            mailbox=self.owner,
            start=self.start.isoformat(),
            end=self.later(1),
            zone=ZONE,
            subject="Plan for next year",
            location="Room 12",
            body="Bring figures.",
            attendees=[{"address": address} for address in self.people[1:4]],
        )
        self.item = made["item_id"]

    def later(self, hours: int) -> str:
        """A time so much after the first start."""
        return (self.start + timedelta(hours=hours)).isoformat()

    def at(self, first: str) -> str:
        """The original start of an occurrence: the series was moved by two hours."""
        return (datetime.fromisoformat(first) + timedelta(hours=2)).isoformat()

    def edit(self, name: str, **fields: Any) -> None:
        """An edit of the meeting."""
        self.site.exchange.edit(name, mailbox=self.owner, item=self.item, **fields)

    def show(self) -> None:
        """Every step, with the time until the hub's lists equal the calendars."""
        for number, (what, act) in enumerate(self.steps(), 1):
            act()
            took = self.site.wait(self.owner_agrees, f"the hub to show that {what}", PATIENCE)
            self.times.append(took)
            self.site.wait(self.all_agree, "the attendees' lists to follow", PATIENCE)
            meetings = self.site.shown(self.owner, self.keys[self.owner])
            say(f"{number}. {what}")
            say(f"   hub equals calendar after {took:.2f} s; the owner's list now:")
            for start, end, subject, location in meetings:
                say(f"     {start[:16]} to {end[11:16]}  {subject} ({location})")
            if not meetings:
                say("     (empty)")
        say()

    def keyword(self) -> None:
        """A user types ``@meet`` into Location: join details appear, everybody is told once; they go with the keyword."""
        made = self.site.exchange.edit(
            "create",
            mailbox=self.owner,
            start=(self.start + timedelta(hours=5)).isoformat(),
            zone=ZONE,
            subject="Talk about the plan",
            location="@meet",
            culture="sv-SE",
            attendees=[{"address": address} for address in self.people[1:4]],
        )
        uid = made["uid"]
        say(f"{self.owner} types @meet into Location of a meeting with three people, in a Swedish Outlook")
        took = self.site.wait(lambda: ROOM in self.body_of(uid), "the join details", PATIENCE)
        say(f"   the invitation holds the join details after {took:.2f} s:")
        for line in self.lines_of(uid):
            say(f"     {line}")
        took = self.site.wait(lambda: self.link_of(uid).startswith(ROOM), "the link at the hub", PATIENCE)
        self.site.wait(lambda: self.updates(uid) == 3, "an update to each attendee", PATIENCE)
        say(
            f"   the hub's sealed list holds the link ({took:.2f} s later); updates mailed: {self.updates(uid)}"
        )
        self.site.exchange.edit("change", mailbox=self.owner, item=uid, location="Room 12", send="SendToNone")
        took = self.site.wait(lambda: ROOM not in self.body_of(uid), "the join details to go", PATIENCE)
        self.site.wait(lambda: self.link_of(uid) == "", "the link to go from the hub", PATIENCE)
        if self.updates(uid) != 6:
            raise SiteError(f"three attendees were mailed {self.updates(uid)} updates about two changes")
        say(
            f"The keyword is deleted: the join details are gone after {took:.2f} s, each attendee got one more update."
        )
        say()

    def row_of(self, uid: str) -> dict[str, Any]:
        """The owner's meeting as it stands in Exchange."""
        begin = datetime.now(UTC)
        rows = self.site.exchange.truth(self.owner, begin, begin + timedelta(days=30))
        found: dict[str, Any] = next(row for row in rows if row["uid"] == uid)
        return found

    def body_of(self, uid: str) -> str:
        """Its text."""
        return str(self.row_of(uid)["body"])

    def lines_of(self, uid: str) -> list[str]:
        """Its text as it is seen."""
        return [line for line in as_text(self.body_of(uid), "HTML").splitlines() if line.strip()]

    def link_of(self, uid: str) -> str:
        """The way in that the hub's list holds, opened with the owner's keys; "" without one."""
        keys = self.site.keys(self.owner)
        start = self.row_of(uid)["start"]
        links = [
            one["link"].url
            for one in self.site.opened(self.owner, keys)
            if one["start"] == start and "link" in one
        ]
        return str(links[0]) if links else ""

    def updates(self, uid: str) -> int:
        """How many update mails were sent about it."""
        sent = self.site.exchange.edit("mails", sender=self.owner)["mails"]
        return sum(one["uid"] == uid and one["kind"] == "update" for one in sent)

    def nothing_readable(self) -> None:
        """Search the hub's files for every word that was used."""
        words = [
            "Plan for next year",
            "Plan, with lunch",
            "Room 12",
            "Canteen",
            "Bring figures",
            "Talk about the plan",
            "meet.example.com",
            *self.people,
        ]
        found = [word for word in words if self.site.hub_holds(word)]
        if found:
            raise SiteError(f"the hub's database holds in clear: {', '.join(found)}")
        say(f"The hub's database was searched for {len(words)} titles, places and addresses: none is in it.")

    def sum_up(self) -> None:
        """The figures."""
        ordered = sorted(self.times)
        median = ordered[len(ordered) // 2]
        say(
            f"Change to hub: median {median:.2f} s, slowest {ordered[-1]:.2f} s (0.2 s of it is the debounce)."
        )


def keep_running(site: Site) -> None:
    """Leave everything up, and say what to try."""
    command = f".venv/bin/calendar-connector {{}} --config {site.config}"
    say()
    say("Everything keeps running until Ctrl-C. In another terminal, from this folder:")
    for words in ("status --watch", "mailbox list", "mailbox show user1@example.com", "audit list"):
        say(f"  {command.format(words)}")
    say("Edit a calendar (the lab's admin door takes JSON):")
    say(
        f"  curl -s {site.exchange.admin}/edit/create -d "
        '\'{"mailbox": "user1@example.com", "start": "2026-12-01T09:00:00", "subject": "Tea"}\''
    )
    say(f"Log of the connector: {site.log}")
    say(f"The hub: {site.hub.url}, its database: {site.hub.database}")
    with suppress(KeyboardInterrupt):
        signal.pause()


def main() -> int:
    """Show it."""
    parser = argparse.ArgumentParser(prog="scripts/demo")
    parser.add_argument("--once", action="store_true", help="end by itself")
    parser.add_argument("--source", choices=("exchange", "google", "both"), default="exchange")
    parser.add_argument("--kms", choices=("onprem",), help="keys of a key server of its own")
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        if given.kms:
            return int(importlib.import_module("tests.lab.demo_kms").main(once=given.once))
        if given.source != "exchange":
            google = importlib.import_module("tests.lab.demo_google")
            return int(google.main(once=given.once, both=given.source == "both"))
        with Site(mailboxes=PEOPLE, exchange={"hosts": "example.com"}) as site:
            say(f"Exchange  {site.exchange.url} (TLS, NTLM; a lab of our own)")
            say(f"Hub       {site.hub.url}")
            site.write_config(site.configuration() + CONFERENCES)
            site.start()
            say(f"Connector running, configured by {site.config}")
            say()
            demo = Demo(site)
            demo.activate()
            demo.show()
            demo.keyword()
            demo.nothing_readable()
            demo.sum_up()
            if not given.once:
                keep_running(site)
            code = site.stop()
            say(f"The connector drained and ended with {code}.")
    except SiteError as error:
        print(f"scripts/demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("Stopped.")
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
