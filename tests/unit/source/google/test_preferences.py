"""What users have set in Google Calendar: asked once a day, and used."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.model import Window
from tests.unit.source.google.twin import NOW, Twin

WINDOW = Window(NOW - timedelta(days=7), NOW + timedelta(days=31))


def asked(twin: Twin) -> int:
    """Requests for settings so far."""
    return twin.operations().count("settings.get")


def test_the_language_of_an_own_event_is_its_organisers() -> None:
    """Events of Google have none of their own; a guest's copy is never written and needs none."""
    twin = Twin()
    twin.lab.tenant.users[twin.address(1)].settings["locale"] = "pt_BR"
    item = twin.edit("create", start=NOW.isoformat(), attendees=[{"address": twin.address(2)}])
    assert twin.source.read(twin.mailbox(1), item).culture == "pt_BR"
    assert twin.source.read(twin.mailbox(2), item).culture == ""
    assert asked(twin) == 1


def test_a_setting_is_asked_for_once_a_day() -> None:
    """A change is known a day later; the two settings and the users are apart."""
    twin = Twin()
    item = twin.edit("create", start=NOW.isoformat())
    settings = twin.lab.tenant.users[twin.address(1)].settings
    for _ in range(3):
        assert twin.source.read(twin.mailbox(), item).culture == "en"
    settings["locale"] = "sv"
    twin.clock.advance(timedelta(hours=23))
    assert twin.source.read(twin.mailbox(), item).culture == "en"
    twin.clock.advance(timedelta(hours=2))
    assert twin.source.read(twin.mailbox(), item).culture == "sv"
    assert asked(twin) == 2


def test_a_user_without_a_language_has_none() -> None:
    """404 is an answer, kept for a day like any other."""
    twin = Twin()
    item = twin.edit("create", start=NOW.isoformat())
    del twin.lab.tenant.users[twin.address(1)].settings["locale"]
    for _ in range(2):
        assert twin.source.read(twin.mailbox(), item).culture == ""
    assert asked(twin) == 1


def test_whole_days_begin_at_the_users_own_midnight() -> None:
    """Days are stated without a zone; one that is not known here counts as UTC."""
    twin = Twin()
    twin.lab.tenant.users[twin.address(1)].settings["timezone"] = "America/New_York"
    twin.lab.tenant.users[twin.address(2)].settings["timezone"] = "Moon/Crater"
    for number in (1, 2):
        twin.edit("create", number=number, start="2026-11-25", end="2026-11-26")
    (american,) = twin.source.view(twin.mailbox(1), WINDOW).series[0].meetings
    (lunar,) = twin.source.view(twin.mailbox(2), WINDOW).series[0].meetings
    assert american.start == datetime(2026, 11, 25, 5, tzinfo=UTC)
    assert lunar.start == datetime(2026, 11, 25, tzinfo=UTC)
