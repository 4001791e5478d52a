"""Push through the hub, keys and users that fail, with the real daemon; polling is an hour apart, so that it explains nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.google.site import GoogleSite

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)


@pytest.fixture
def site() -> Iterator[GoogleSite]:
    """A fresh site with two active users whose changes are heard of through the hub."""
    with GoogleSite(users=4, push="hub", poll="1h", keys=("a", "b")) as started:
        started.start()
        started.activate(started.google.address(1), started.google.address(2))
        yield started


def channels(site: GoogleSite) -> list[dict[str, Any]]:
    """Living channels at Google."""
    return list(site.google.tell("/channels")["channels"])


def reason(site: GoogleSite, address: str) -> str:
    """What status says of a mailbox that does not come up."""
    site.wait(lambda: site.mailbox(address)["reason"] is not None, f"a reason for {address}")
    return json.dumps(site.mailbox(address))


def test_a_change_is_heard_of_through_the_hub(site: GoogleSite) -> None:
    """A channel for each calendar; the change is at the hub long before a poll, and the user's name nowhere in the hub's files."""
    google = site.google
    site.wait(lambda: len(channels(site)) == 2, "two channels")
    google.edit("create", mailbox=google.address(1), start=TOMORROW.isoformat(), subject="Pushed")
    site.follows(google.address(1))
    assert not site.hub_holds(google.address(1))
    assert not site.hub_holds("calendars/user1")


def test_a_removed_user_leaves_no_channel_behind(site: GoogleSite) -> None:
    """Deactivation stops the channel at Google and forgets the token; no further request is made in the user's name."""
    google, gone = site.google, site.google.address(2)
    site.wait(lambda: len(channels(site)) == 2, "two channels")
    site.cli("mailbox", "deactivate", gone, "--yes")
    site.wait(lambda: [one["calendar"] for one in channels(site)] == [google.address(1)], "one channel")
    site.wait(lambda: site.state(gone) == "absent", "the mailbox to be gone")
    since = len(google.log())
    google.edit("create", mailbox=gone, start=TOMORROW.isoformat(), subject="Unseen")
    google.edit("create", mailbox=google.address(1), start=TOMORROW.isoformat(), subject="Seen")
    site.follows(google.address(1))
    assert gone not in {one["subject"] for one in google.log(since)}
    made = google.tell("/grants")["made"]
    site.activate(gone)
    assert google.tell("/grants")["made"] > made


def test_a_channel_survives_a_restart(site: GoogleSite) -> None:
    """The same channels are used on after a kill; none is made anew."""
    site.wait(lambda: len(channels(site)) == 2, "two channels")
    site.wait(lambda: sum(one["streamed"] for one in site.status()["streams"]) == 2, "coverage")
    before = {one["id"] for one in channels(site)}
    site.kill()
    site.start()
    address = site.google.address(1)
    site.google.edit("create", mailbox=address, start=TOMORROW.isoformat(), subject="Again")
    site.follows(address)
    assert {one["id"] for one in channels(site)} == before


def test_a_further_key_takes_over(site: GoogleSite) -> None:
    """The first key is deleted at Google: work goes on with the second, and one alarm says so."""
    google, address = site.google, site.google.address(1)
    second = google.tell("/key")
    first = json.loads(google.key)["private_key_id"]
    site.cli("secret", "set", "google/brand/b", stdin=json.dumps(second))
    google.tell("/key/revoke", id=first)
    google.edit("create", mailbox=address, start=TOMORROW.isoformat(), subject="Still here")
    site.follows(address)
    site.wait(
        lambda: (
            "account-taken-over" in json.dumps(site.json("alarm", "list"))
            or "used in its place" in json.dumps(site.status()["alarms"])
        ),
        "the alarm",
    )


def test_each_of_two_keys_is_tested_by_itself(site: GoogleSite) -> None:
    """Add, test, retire: the doctor says of each key whether Google accepts it, though the other one would do."""
    google = site.google
    site.cli("secret", "set", "google/brand/b", stdin=json.dumps(google.tell("/key")))
    grants = {one["subject"]: one["mark"] for one in findings(site) if one["check"] == "grant"}
    assert grants == {"google/brand/a": "pass", "google/brand/b": "pass"}
    google.tell("/key/revoke", id=json.loads(google.key)["private_key_id"])
    failed = [one for one in findings(site) if one["mark"] == "fail"]
    assert [(one["check"], one["subject"], one["code"]) for one in failed] == [
        ("grant", "google/brand/a", "google-key-removed")
    ]
    site.cli("secret", "delete", "google/brand/a", "--yes")
    google.edit("create", mailbox=google.address(1), start=TOMORROW.isoformat(), subject="Retired")
    site.follows(google.address(1))


def test_each_bad_user_is_one_sentence(site: GoogleSite) -> None:
    """Nobody of that name, no calendar service, suspended: the user's own state, and the others go on."""
    google = site.google
    google.user(3, calendar_on=False)
    google.user(4, state="restricted")
    for address, words in (
        (google.address(3), "no calendar service"),
        (google.address(4), "suspended or restricted"),
        (f"nobody@{google.domain}", "no user with this address"),
    ):
        site.try_cli("mailbox", "activate", address)
        site.wait(lambda address=address: site.state(address) == "error", f"{address} to be blocked")  # type: ignore[misc]
        assert words in json.dumps(site.mailbox(address))
    outside = site.try_cli("mailbox", "activate", "someone@elsewhere.example")
    assert "none of the mail domains" in outside.stdout + outside.stderr
    shared = site.try_cli("mailbox", "activate", "abc@group.calendar.google.com")
    assert "shared calendar" in shared.stdout + shared.stderr
    google.edit("create", mailbox=google.address(1), start=TOMORROW.isoformat(), subject="On")
    site.follows(google.address(1))


def test_a_room_of_which_only_times_are_shared_is_one_sentence(site: GoogleSite) -> None:
    """A calendar that is shared but whose details may not be seen."""
    room = "c_1@resource.calendar.google.com"
    site.google.tell("/rooms", id=room)
    site.google.tell("/readers", calendar=room, readers={site.google.address(1): "freeBusyReader"})
    site.try_cli("mailbox", "activate", room)
    site.wait(lambda: site.state(room) == "error", "the room to be blocked")
    assert "only free and busy times" in json.dumps(site.mailbox(room))


def test_a_revoked_key_and_a_wrong_clock_are_one_sentence(site: GoogleSite) -> None:
    """The doctor names each, with the step to take."""
    site.stop()
    for name in ("google/brand/a", "google/brand/b"):
        site.cli("secret", "set", name, stdin=site.google.key)
    site.google.tell("/clock", advance=-600)
    assert "google-clock" in failures(site)
    site.google.tell("/clock", advance=600)
    site.google.tell("/key/revoke", id=json.loads(site.google.key)["private_key_id"])
    assert "google-key-removed" in failures(site)


def test_a_key_that_is_none_is_refused_when_it_is_typed(site: GoogleSite) -> None:
    """The sentence says what it is instead and what to do; the key that is there stays."""
    for content in ('{"type": "authorized_user"}', "hunter2", '{"type": "external_account"}'):
        refused = site.try_cli("secret", "set", "google/brand/a", stdin=content)
        assert refused.returncode != 0
        assert "nothing was changed" in refused.stderr
        assert "calendar-connector secret set google/brand/a" in refused.stderr
        assert "hunter2" not in refused.stderr
    assert failures(site) == set()


def failures(site: GoogleSite) -> set[str]:
    """Codes of what the doctor finds wrong."""
    return {one["code"] for one in findings(site) if one["mark"] == "fail"}


def findings(site: GoogleSite) -> list[dict[str, Any]]:
    """What the doctor says."""
    return list(site.json("doctor", "--source", "brand")["findings"])
