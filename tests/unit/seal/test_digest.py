"""Keyed digests: what changes them and what does not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.model import Attendee, Response, Sensitivity, ShowAs
from connector.seal.digest import Digester
from tests.unit.seal.samples import DIGESTS, MEETING, NOW

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "other"},
        {"original_start": NOW + HOUR},
        {"start": NOW + HOUR},
        {"end": NOW + HOUR * 2},
        {"subject": "other"},
        {"location": "other"},
        {"body": "other"},
        {"organizer": None},
        {"attendees": ()},
        {"attendees": (Attendee("bo@example.com", "Bo Li", response=Response.DECLINED),)},
        {"first_day": None},
        {"recurring": True},
        {"exception": True},
        {"cancelled": True},
        {"sensitivity": Sensitivity.PRIVATE},
        {"show_as": ShowAs.FREE},
        {"response": Response.ACCEPTED},
        {"online": ("https://x.example",)},
    ],
)
def test_each_source_field_counts_in_the_content_digest(change: dict[str, Any]) -> None:
    """A change that the hub would show is a change."""
    assert DIGESTS.content(replace(MEETING, **change)) != DIGESTS.content(MEETING)


@pytest.mark.parametrize(
    "change",
    [
        {"link": None},
        {"change_key": "new"},
        {"item_id": "new"},
        {"home_id": "new"},
        {"attendees": MEETING.attendees[::-1]},
    ],
)
def test_what_the_hub_does_not_show_does_not_count(change: dict[str, Any]) -> None:
    """A new change key, or people in another order, is no change."""
    assert DIGESTS.content(replace(MEETING, **change)) == DIGESTS.content(MEETING)


@settings(deadline=None)
@given(st.text(), st.text(), st.text(), st.text())
def test_text_can_not_move_from_one_field_into_the_next(a: str, b: str, c: str, d: str) -> None:
    """Fields are kept apart, whatever stands in them."""
    one = DIGESTS.content(replace(MEETING, subject=a, location=b))
    other = DIGESTS.content(replace(MEETING, subject=c, location=d))
    assert (one == other) == ((a, b) == (c, d))


def test_ids_depend_on_the_tenant_key_and_not_on_the_digest_key() -> None:
    """Rotating the digest key leaves the ids alone; another tenant has other ids."""
    rotated, foreign = Digester(b"t" * 32, b"e" * 32, 2), Digester(b"u" * 32, b"d" * 32, 1)

    def ids(one: Digester) -> list[str]:
        return [one.series_key("u"), one.meeting_id("u", NOW), one.address_index("a@example.com")]

    assert ids(rotated) == ids(DIGESTS)
    assert not set(ids(foreign)) & set(ids(DIGESTS))
    assert rotated.content(MEETING) != DIGESTS.content(MEETING)


def test_kinds_of_digests_are_apart_and_addresses_ignore_case() -> None:
    """A UID that looks like an address has another id."""
    assert DIGESTS.series_key("a@example.com") != DIGESTS.address_index("a@example.com")
    assert DIGESTS.address_index("A@Example.COM") == DIGESTS.address_index("a@example.com")
    assert DIGESTS.meeting_id("u", NOW) != DIGESTS.meeting_id("u", NOW + HOUR)
