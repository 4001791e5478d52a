"""The real daemon between the lab Google and a hub: what people do in their calendars is sealed at the hub."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.lab.google.site import GoogleSite

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def site() -> Iterator[GoogleSite]:
    """One running site whose three users are active."""
    with GoogleSite(users=3) as started:
        google = started.google
        google.edit("create", mailbox=google.address(1), start=TOMORROW.isoformat(), subject="First")
        google.edit("create", mailbox=google.address(2), start="2026-11-25", end="2026-11-27", subject="Fair")
        started.start()
        started.activate(*(google.address(number) for number in (1, 2, 3)))
        yield started


def test_a_calendar_comes_to_the_hub(site: GoogleSite) -> None:
    """What stood in the calendar before it was activated is in the hub's sealed list, equal field by field."""
    address = site.google.address(1)
    site.follows(address)
    assert "First" in {row[2] for row in site.shown(address, site.keys(address))}
    assert not site.hub_holds("First")


def test_every_kind_of_change_follows(site: GoogleSite) -> None:
    """Created with guests, moved, made a series, one occurrence changed and one deleted, split, cancelled."""
    google = site.google
    owner, guest = google.address(1), google.address(3)
    made = google.edit(
        "create",
        mailbox=owner,
        start=TOMORROW.isoformat(),
        subject="Plan",
        location="Room 12",
        attendees=[{"address": guest}],
    )["item_id"]
    site.follows(owner)
    site.follows(guest)
    moved = TOMORROW + timedelta(hours=2)
    google.edit("move", mailbox=owner, item=made, start=moved.isoformat())
    site.follows(owner)
    google.edit("make_recurring", mailbox=owner, item=made, rule="FREQ=DAILY;COUNT=9")
    site.follows(owner)
    at = {n: (moved + timedelta(days=n)).isoformat() for n in range(9)}
    google.edit("change_occurrence", mailbox=owner, item=made, at=at[2], subject="Other", location="Canteen")
    google.edit("delete_occurrence", mailbox=owner, item=made, at=at[3])
    site.follows(owner)
    google.edit(
        "split",
        mailbox=owner,
        item=made,
        at=at[6],
        rule="FREQ=DAILY;COUNT=3",
        old_rule="FREQ=DAILY",
        subject="New",
    )
    site.follows(owner)
    google.edit("cancel", mailbox=owner, item=made)
    site.follows(owner)
    site.follows(guest)


def test_a_forgotten_sync_token_costs_a_full_read_alone(site: GoogleSite) -> None:
    """After 410 the calendar is read afresh, and nothing that had not changed is sent again."""
    address = site.google.address(2)
    site.follows(address)
    before = site.hub.meetings(site.mailbox(address)["id"])
    since = len(site.google.log())
    site.google.tell("/cursors/expire", address=address)
    site.google.edit("create", mailbox=address, start=TOMORROW.isoformat(), subject="Later")
    site.follows(address)
    after = site.hub.meetings(site.mailbox(address)["id"])
    assert {one: after[one] for one in before} == before
    lists = [one for one in site.google.log(since) if one["operation"] == "events.list"]
    assert sum("syncToken" not in one["query"] for one in lists) < 20


def test_one_unreadable_event_is_alone(site: GoogleSite) -> None:
    """An event whose end makes no sense is set aside; its neighbour comes through."""
    address = site.google.address(3)
    broken = {
        "summary": "Broken",
        "start": {"dateTime": TOMORROW.isoformat()},
        "end": {"dateTime": (TOMORROW - timedelta(hours=1)).isoformat()},
    }
    item = site.google.edit("raw", mailbox=address, event=broken)["item_id"]
    site.google.edit("create", mailbox=address, start=TOMORROW.isoformat(), subject="Neighbour")
    keys = site.keys(address)
    site.wait(lambda: "Neighbour" in {row[2] for row in site.shown(address, keys)}, "the neighbour")
    assert "Broken" not in {row[2] for row in site.shown(address, keys)}
    site.google.edit("cancel", mailbox=address, item=item)


def test_a_storm_of_quota_errors_loses_nothing(site: GoogleSite) -> None:
    """While Google refuses everybody, changes wait; when it is over, they are all at the hub."""
    google = site.google
    google.tell("/quotas", project=0)
    for number in (1, 2, 3):
        google.edit(
            "create", mailbox=google.address(number), start=TOMORROW.isoformat(), subject=f"Storm {number}"
        )
    site.wait(lambda: google.tell("/quotas")["refused"].get("rateLimitExceeded", 0) >= 3, "refusals")
    google.tell("/quotas", project=10_000)
    for number in (1, 2, 3):
        site.follows(google.address(number), 60)


def test_every_request_is_made_in_a_users_name(site: GoogleSite) -> None:
    """No request went out without a subject, and none in the name of somebody who is not activated."""
    subjects = {one["subject"] for one in site.google.log() if one["operation"] != "token"}
    assert subjects == {site.google.address(number) for number in (1, 2, 3)}


def test_the_doctor_passes_a_sound_tenant(site: GoogleSite) -> None:
    """Route, certificate, clock, key, calendar and vacation settings of a user of each domain."""
    findings = site.json("doctor", "--source", "brand")["findings"]
    assert [one for one in findings if one["mark"] == "fail"] == []
    assert {"route", "certificate", "key", "calendar", "vacation", "push", "clock"} <= {
        one["check"] for one in findings if one["mark"] == "pass"
    }


def test_the_doctor_names_the_missing_step(site: GoogleSite) -> None:
    """A tenant without Gmail's scope loses presence alone; one without the calendar's fails, with the step to take."""
    calendar = "https://www.googleapis.com/auth/calendar"
    site.google.tell("/scopes", scopes=[calendar])
    lesser = site.json("doctor", "--source", "brand")["findings"]
    assert [one["mark"] for one in lesser if one["check"] == "vacation"] == ["skip"]
    site.google.tell("/scopes", scopes=[])
    findings = site.json("doctor", "--source", "brand")["findings"]
    site.google.tell("/scopes", scopes=[calendar, "https://www.googleapis.com/auth/gmail.settings.basic"])
    failed = [one for one in findings if one["mark"] == "fail"]
    assert {one["code"] for one in failed} == {"google-not-authorized"}
    assert "domain-wide delegation" in failed[0]["advice"]


def test_status_tells_what_google_was_asked(site: GoogleSite) -> None:
    """Requests of the last minute and day beside the quotas; as many as the lab has counted in the users' names."""
    before = len([one for one in site.google.log() if one["operation"] != "token"])
    (budget,) = site.status()["budgets"]
    after = len([one for one in site.google.log() if one["operation"] != "token"])
    assert before - 5 <= budget["day"]["used"] <= after + 5
    assert 0 < budget["minute"]["used"] <= budget["day"]["used"]
    assert (budget["minute"]["limit"], budget["user"]["limit"]) == (10_000, 600)
    assert budget["day"]["limit"] == 1_000_000
    assert "of 10000 in the last minute" in site.try_cli("status").stdout
