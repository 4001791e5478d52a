"""Conferences that the cloud makes: orders go up sealed through the hub, answers come down as sealed commands."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from connector.model import Command, ContentKey, Outcome, Result
from connector.seal.commands import seal_command
from connector.seal.opening import open_outcome
from tests.lab.keyword_site import KeywordSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
QUIET = 3.0
CLOUD = """\
keywords: {"@cloud": cloud}
conference:
  cloud: {type: hub}
policies:
  hidden: {write: [hub, keyword], send: [subject, link], private: hide-subject}
"""
URL = "https://cloud.example.net/r/"


class Cloud:
    """The user's own client, which holds the mailbox's key and makes conferences; the hub sees none of it."""

    def __init__(self, site: KeywordSite, address: str) -> None:
        self.site = site
        self.address = address

    @property
    def keys(self) -> dict[str, ContentKey]:
        rows = self.site.site.ask("mailbox.keys", address=self.address)
        now = datetime.now(UTC)
        return {
            row["uri"]: ContentKey(row["uri"], row["mailbox"], bytes.fromhex(row["secret"]), now)
            for row in rows
        }

    @property
    def mailbox(self) -> str:
        return next(iter(self.keys.values())).mailbox_id

    def orders(self) -> dict[str, Outcome]:
        """The latest word of each order, by its tag."""
        keys = self.keys
        if not keys:
            return {}
        sealed = self.site.site.hub.outcomes(self.mailbox)
        opened = {name: open_outcome(one, keys.__getitem__) for name, one in sealed.items()}
        return {
            name.removeprefix("conference."): one
            for name, one in opened.items()
            if name.startswith("conference.")
        }

    def order(self, code: str, start: datetime) -> Outcome:
        """Wait for an order with this code, of the meeting that begins then."""
        found: list[Outcome] = []

        def come() -> bool:
            told = [one for one in self.orders().values() if one.code == code and "start" in one.body]
            found[:] = [one for one in told if datetime.fromisoformat(one.body["start"]) == start]
            return bool(found)

        self.site.wait(come, f"{code} of {start}", 60)
        return found[0]

    def answer(self, tag: str, **details: Any) -> Outcome:
        """Send a conference down and wait for what the connector says to it."""
        key = next(iter(self.keys.values()))
        expires = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
        body = {"tag": tag, "url": f"{URL}{tag[:8]}", **details}
        command = Command(uuid4().hex, key.mailbox_id, "conference.made", self.address, expires, body)
        self.site.site.hub.send_command(key.mailbox_id, command.id, seal_command(command, key))
        return open_outcome(
            self.site.site.hub.wait_outcome(key.mailbox_id, command.id, 60), self.keys.__getitem__
        )


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "cloud.yaml").write_text(CLOUD)
    with KeywordSite(folder) as site:
        site.create("Room 12")  # a first meeting brings the mailbox its key
        site.wait(lambda: bool(site.site.keys(site.owner)), "the key")
        yield Cloud(site, site.owner)


def test_an_order_goes_up_and_its_answer_comes_down(cloud: Cloud) -> None:
    """The order tells the cloud what to make; its answer stands in the invitation, with one mail, and on the list."""
    site = cloud.site
    uid = site.create("@cloud")
    order = cloud.order("conference-wanted", site.start)
    assert order.result is Result.DONE
    assert order.body["organizer"]["address"] == site.owner
    assert order.body["subject"] == "Plan"
    time.sleep(QUIET)
    assert URL not in site.body(uid)
    assert site.mails(uid) == 0
    told = cloud.answer(
        order.body["tag"], passcode="Cl0ud", sip="4711@cloud.example.net", videoPasscode="4711"
    )
    assert told.result is Result.DONE
    site.wait(lambda: URL in site.body(uid), "the block", 60)
    assert "Cl0ud" in site.body(uid)
    site.wait(lambda: any(URL in link for link in site.links()), "the link on the list")
    time.sleep(QUIET)
    assert site.mails(uid) == 1
    later = site.start + timedelta(hours=5)
    site.change(uid, start=later.isoformat(), end=(later + timedelta(hours=1)).isoformat(), send="SendToNone")
    moved = cloud.order("conference-moved", later)
    assert moved.body["tag"] == order.body["tag"]
    site.change(uid, location="Room 12", send="SendToNone")
    site.wait(lambda: URL not in site.body(uid), "the block to go", 60)
    site.wait(lambda: cloud.orders()[order.body["tag"]].code == "conference-ended", "the cloud to hear of it")


def test_a_cancelled_meeting_ends_its_conference(cloud: Cloud) -> None:
    """The cloud hears of the end although the item is gone."""
    site = cloud.site
    start = site.start + timedelta(days=1)
    uid = site.create("@cloud", start=start.isoformat())
    tag = cloud.order("conference-wanted", start).body["tag"]
    cloud.answer(tag)
    site.wait(lambda: URL in site.body(uid), "the block", 60)
    site.site.exchange.edit("cancel", mailbox=site.owner, item=uid)
    site.wait(lambda: cloud.orders()[tag].code == "conference-ended", "the cloud to hear of it", 60)


def test_an_answer_nobody_asked_for_is_refused(cloud: Cloud) -> None:
    """It changes no invitation."""
    told = cloud.answer("x" * 32)
    assert (told.result, told.code) == (Result.REFUSED, "conference-unasked")


def test_the_cloud_is_not_told_what_a_private_meeting_is_about(cloud: Cloud) -> None:
    """With ``hide-subject`` the order has times and organizer, and no subject."""
    site, address = cloud.site, cloud.site.person(4)
    site.site.cli("mailbox", "activate", address, "--policy", "hidden")
    site.wait(lambda: site.site.state(address) == "active", "activation", 40)
    uid = site.create("@cloud", owner=address, sensitivity="Private")
    site.wait(lambda: bool(site.site.keys(address)), "the key", 40)
    other = Cloud(site, address)
    order = other.order("conference-wanted", site.start)
    assert order.body["organizer"]["address"] == address
    assert order.body["subject"] == ""
    other.answer(order.body["tag"])
    site.wait(lambda: URL in site.body(uid, address), "the block in the private meeting", 60)


def test_a_kill_between_order_and_answer_loses_neither(cloud: Cloud) -> None:
    """The order is asked once, its answer waits at the hub for the connector that comes back."""
    site = cloud.site
    start = site.start + timedelta(days=2)
    uid = site.create("@cloud", start=start.isoformat())
    tag = cloud.order("conference-wanted", start).body["tag"]
    key = next(iter(cloud.keys.values()))
    site.site.kill()
    expires = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=10)
    command = Command(
        uuid4().hex,
        key.mailbox_id,
        "conference.made",
        cloud.address,
        expires,
        {"tag": tag, "url": f"{URL}{tag[:8]}"},
    )
    site.site.hub.send_command(key.mailbox_id, command.id, seal_command(command, key))
    site.site.start()
    site.wait(lambda: URL in site.body(uid), "the block", 90)
    time.sleep(QUIET)
    assert site.mails(uid) == 1
    assert cloud.orders()[tag].code == "conference-wanted"
