"""The demo with calendars at Google, or at both: ``scripts/demo --source google`` and ``--source both``."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Any

from tests.lab.demo import PATIENCE, Demo, say
from tests.lab.google.site import GoogleSite

PEOPLE = 5
CONFERENCES = 'keywords: {"@meet": meet}\nconference: {meet: {type: google_meet}}\n'


class GoogleDemo(Demo):
    """What people do in a calendar at Google."""

    def __init__(self, site: GoogleSite) -> None:
        self.google = site.google
        super().__init__(site)
        self.people = [site.google.address(number) for number in range(1, PEOPLE + 1)]
        if site.both:
            self.people += [f"user{number}@{site.exchange.domain}" for number in range(1, PEOPLE + 1)]
        self.owner = self.people[0]

    def create(self) -> None:
        """A meeting in the owner's calendar, with copies in those of three others."""
        self.item = self.google.edit(
            "create",
            mailbox=self.owner,
            start=self.start.isoformat(),
            end=self.later(1),
            zone="UTC",
            subject="Plan for next year",
            location="Room 12",
            body="Bring figures.",
            attendees=[{"address": address} for address in self.people[1:4]],
        )["item_id"]

    def edit(self, name: str, **fields: Any) -> None:
        """An edit of the meeting."""
        self.google.edit(name, mailbox=self.owner, item=self.item, **fields)

    def keyword(self) -> None:
        """A user types ``@meet`` into Location: Google makes a conference; it goes with the keyword."""
        start = (self.start + timedelta(hours=5)).isoformat()
        self.item = self.google.edit(
            "create",
            mailbox=self.owner,
            start=start,
            zone="UTC",
            subject="Talk about the plan",
            location="@meet",
            attendees=[{"address": address} for address in self.people[1:4]],
        )["item_id"]
        say(f"{self.owner} types @meet into Location of a meeting with three people")
        took = self.site.wait(lambda: bool(self.meet()), "the conference", PATIENCE)
        say(f"   the event has a Google Meet after {took:.2f} s: {self.meet()}")
        took = self.site.wait(lambda: self.meet() in self.links(), "the link at the hub", PATIENCE)
        say(f"   the hub's sealed list holds the link ({took:.2f} s later)")
        link = self.meet()
        self.edit("change", location="Room 12")
        took = self.site.wait(lambda: not self.meet(), "the conference to go", PATIENCE)
        self.site.wait(lambda: link not in self.links(), "the link to go from the hub", PATIENCE)
        say(f"The keyword is deleted: the conference is gone after {took:.2f} s.")
        say()

    def meet(self) -> str:
        """The conference of the event."""
        return str(self.google.tell("/event", mailbox=self.owner, item=self.item).get("hangoutLink", ""))

    def links(self) -> set[str]:
        """The ways in that the hub's list holds, opened with the owner's keys."""
        opened = self.site.opened(self.owner, self.site.keys(self.owner))
        return {one["link"].url for one in opened if "link" in one}

    def absence(self) -> None:
        """The owner's vacation settings, as presence at the hub."""
        mailbox_id = self.site.mailbox(self.owner)["id"]
        before = self.site.hub.presence(mailbox_id)
        self.google.user(1, vacation={"enableAutoReply": True, "responseBodyPlainText": "Back in June"})
        took = self.site.wait(
            lambda: self.site.hub.presence(mailbox_id) != before, "the absence to be at the hub", PATIENCE
        )
        say(f"The owner switches on the vacation reply: sealed presence at the hub after {took:.1f} s.")

    def sum_up(self) -> None:
        """The figures."""
        ordered = sorted(self.times)
        say(
            f"Change to hub: median {ordered[len(ordered) // 2]:.2f} s, slowest {ordered[-1]:.2f} s, by push through the hub."
        )

    def requests(self) -> None:
        """What all of it cost."""
        log = self.google.log()
        subjects = {one["subject"] for one in log if one["subject"]}
        say(f"Google was asked {len(log)} times, always in the name of one of {len(subjects)} users.")


def main(*, once: bool, both: bool) -> int:
    """Show it; 0 only if hub and calendar were equal after every step."""
    hosts: dict[str, Any] = {"exchange": {"hosts": "example.com"}} if both else {}
    with GoogleSite(users=PEOPLE, both=both, push="hub", poll="1h", mailboxes=PEOPLE, **hosts) as site:
        say(f"Google    https://www.googleapis.com at 127.0.0.1:{site.google.port} (a lab of our own)")
        if both:
            say(f"Exchange  {site.exchange.url} (TLS, NTLM; a lab of our own)")
        say(f"Hub       {site.hub.url}")
        site.write_config(site.configuration() + CONFERENCES)
        site.start()
        say(f"Connector running, configured by {site.config}")
        say()
        demo = GoogleDemo(site)
        demo.activate()
        demo.show()
        demo.keyword()
        demo.absence()
        demo.nothing_readable()
        demo.requests()
        demo.sum_up()
        if not once:
            say("Everything keeps running until Ctrl-C.")
            sys.stdin.read()
        code = site.stop()
        say(f"The connector drained and ended with {code}.")
        return code
