"""Facts about the lab's time zones."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.exchange.zones import CUSTOM_ID, UTC_ID, ZONES, zone

TWINS = {
    "W. Europe Standard Time": "Europe/Stockholm",
    "GMT Standard Time": "Europe/London",
    "FLE Standard Time": "Europe/Helsinki",
    "Eastern Standard Time": "America/New_York",
    "Pacific Standard Time": "America/Los_Angeles",
    "Newfoundland Standard Time": "America/St_Johns",
    "India Standard Time": "Asia/Kolkata",
    "AUS Eastern Standard Time": "Australia/Sydney",
    "New Zealand Standard Time": "Pacific/Auckland",
    "Tokyo Standard Time": "Asia/Tokyo",
}
WALLS = st.datetimes(datetime(2012, 1, 1), datetime(2035, 12, 31))  # noqa: DTZ001 - wall times


@given(st.sampled_from(sorted(TWINS)), WALLS)
def test_instants_read_as_the_tz_database_says(name: str, moment: datetime) -> None:
    """An instant has the wall time that the tz database gives its twin."""
    instant = moment.replace(tzinfo=UTC)
    expected = instant.astimezone(ZoneInfo(TWINS[name])).replace(tzinfo=None)
    assert ZONES[name].to_wall(instant) == expected


@given(st.sampled_from(sorted(TWINS)), WALLS)
def test_wall_times_are_instants_by_rfc_5545(name: str, wall: datetime) -> None:
    """A doubled hour means its first pass and a skipped one the offset before, as zoneinfo's fold 0 has it."""
    expected = wall.replace(tzinfo=ZoneInfo(TWINS[name]), fold=0).astimezone(UTC)
    assert ZONES[name].to_utc(wall) == expected


def test_a_zone_may_have_any_id_and_rule() -> None:
    """Custom and unknown zones take their rule from a described one or from numbers."""
    custom = zone(
        {
            "id": CUSTOM_ID,
            "offset": 90,
            "saving": 30,
            "to_daylight": [4, 2, 0, 60],
            "to_standard": [9, 5, 4, 60],
        }
    )
    unknown = zone({"id": "Elbonia Standard Time", "like": "W. Europe Standard Time", "described": False})
    assert custom.to_utc(datetime(2026, 1, 1, 12)) == datetime(2026, 1, 1, 10, 30, tzinfo=UTC)  # noqa: DTZ001
    assert custom.to_utc(datetime(2026, 6, 1, 12)) == datetime(2026, 6, 1, 10, tzinfo=UTC)  # noqa: DTZ001
    assert unknown.to_utc(datetime(2026, 6, 1, 12)) == datetime(2026, 6, 1, 10, tzinfo=UTC)  # noqa: DTZ001
    assert zone(UTC_ID).to_utc(datetime(2026, 6, 1, 12)) == datetime(2026, 6, 1, 12, tzinfo=UTC)  # noqa: DTZ001


def test_an_unknown_name_alone_is_refused() -> None:
    """A name without a rule means nothing."""
    with pytest.raises(ValueError, match="describe it"):
        zone("Elbonia Standard Time")
