"""Absences that stand in the calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.model import Presence, ShowAs
from connector.seal.opening import open_presence
from connector.source.memory import MemoryCalendar
from tests.fakes.house import House

HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> House:
    made = House()
    made.context = replace(made.context, rules=replace(made.context.rules, absent_by_items=True))
    made.engine = made.fresh_engine()
    return made


def told(house: House, mailbox_id: str) -> list[Presence]:
    return [
        open_presence(one.envelope.data, lambda uri: house.keys.opening_key(uri, mailbox_id))
        for one in house.peek()
        if one.envelope.kind.value == "presence.put"
    ]


def absent(calendar: MemoryCalendar, house: House, begins: timedelta, lasts: timedelta) -> None:
    start = house.clock() + begins
    calendar.edit(calendar.add("Away", start, start + lasts), show_as=ShowAs.OUT_OF_OFFICE)


def test_an_appointment_out_of_office_is_an_absence(house: House) -> None:
    """Told with its times when it is written, and taken back when it ends."""
    ada = house.activate()
    house.run()
    calendar = house.source.calendar("ada@example.com")
    absent(calendar, house, HOUR, 2 * HOUR)
    absent(calendar, house, 3 * HOUR, HOUR)
    house.engine.nudge(ada.id, "stream")
    house.forward(timedelta(minutes=1))
    last = told(house, ada.id)[-1]
    assert (last.away, last.until) == (True, house.clock() + 4 * HOUR - timedelta(minutes=1))
    house.forward(4 * HOUR)
    assert not told(house, ada.id)[-1].away


def test_automatic_replies_go_before(house: House) -> None:
    """They have a text."""
    calendar = house.source.calendar("ada@example.com")
    calendar.presence = Presence(away=True, text="Back on Monday")
    absent(calendar, house, HOUR, HOUR)
    ada = house.activate()
    house.run()
    assert told(house, ada.id)[-1].text == "Back on Monday"


def test_unless_configured_appointments_say_nothing(house: House) -> None:
    """And the calendar is not read for it."""
    house.context = replace(house.context, rules=replace(house.context.rules, absent_by_items=False))
    house.engine = house.fresh_engine()
    absent(house.source.calendar("ada@example.com"), house, -HOUR, 2 * HOUR)
    ada = house.activate()
    house.run()
    assert not told(house, ada.id)[-1].away
