"""What users have set for themselves, seen through the real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.google.site import GoogleSite

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
KEYWORDS = """\
keywords: {"@meet": jitsi}
conference:
  jitsi: {type: jitsi, url: "https://meet.example.com"}
"""


@pytest.fixture
def site() -> Iterator[GoogleSite]:
    """One user who reads Swedish and lives in New York, one who has said nothing."""
    with GoogleSite(users=2) as started:
        google = started.google
        google.user(1, settings={"locale": "sv", "timezone": "America/New_York"})
        started.write_config(started.configuration() + KEYWORDS)
        started.start()
        started.activate(google.address(1), google.address(2))
        yield started


def event(site: GoogleSite, number: int, item: str) -> dict[str, Any]:
    """An event as it stands at Google."""
    return site.google.tell("/event", mailbox=site.google.address(number), item=item)


def test_join_details_are_written_in_the_organisers_language(site: GoogleSite) -> None:
    """``@meet`` becomes a Swedish block for one and an English one for the other; each language is asked for once."""
    google, items = site.google, {}
    for number in (1, 2, 1):
        items[number] = google.edit(
            "create",
            mailbox=google.address(number),
            start=TOMORROW.isoformat(),
            location="@meet",
            subject="Plan",
            attendees=[{"address": "guest@elsewhere.example"}],
        )["item_id"]
    for number, item in items.items():
        site.wait(
            lambda number=number, item=item: (
                "https://meet.example.com/" in event(site, number, item).get("description", "")
            ),  # type: ignore[misc]
            "join details",
        )
    assert 'lang="sv"' in event(site, 1, items[1])["description"]
    assert 'lang="en"' in event(site, 2, items[2])["description"]
    asked = [one for one in google.log() if one["operation"] == "settings.get"]
    assert len(asked) == 2


def test_a_whole_day_begins_at_the_users_midnight(site: GoogleSite) -> None:
    """The hub's list has the day from midnight in New York."""
    google = site.google
    day = TOMORROW.date()
    google.edit(
        "create",
        mailbox=google.address(1),
        start=day.isoformat(),
        end=(day + timedelta(days=1)).isoformat(),
        subject="Fair",
    )
    site.follows(google.address(1))
    (row,) = site.shown(google.address(1), site.keys(google.address(1)))
    assert datetime.fromisoformat(row[0]).astimezone(UTC).hour in {4, 5}
