"""The source in memory keeps the promises."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.model import Attendee, Mailbox
from connector.source.memory import MemorySource
from tests.contract.source import HOUR, WEEK, FarCalendar, SourceContract


class Calendar:
    """A calendar of the memory source."""

    nowhere = "a0b1c2d3e4f5a0b1c2d3e4f5a0"

    def __init__(self) -> None:
        self.source = MemorySource()
        self.mailbox = Mailbox("m1", "memory", "ada@example.com", "p", "manual")
        self._calendar = self.source.calendar(self.mailbox.address)

    def add(self, subject: str, start: datetime, repeats: int = 1) -> str:
        return self._calendar.add(
            subject, start, start + HOUR, *(start + n * WEEK for n in range(1, repeats))
        )

    def rename(self, item: str, subject: str, original_start: datetime | None = None) -> None:
        self._calendar.edit(item, original_start, subject=subject)

    def drop(self, item: str, original_start: datetime | None = None) -> None:
        if original_start:
            self._calendar.drop_occurrence(item, original_start)
        else:
            self._calendar.delete(item)

    def invited(self, subject: str, start: datetime) -> str:
        item = self.add(subject, start)
        guest = Attendee(self.mailbox.address)
        self._calendar.edit(item, organizer=Attendee("bob@example.com"), attendees=(guest,))
        return item

    def expire(self) -> None:
        self._calendar.expire_cursors()


class TestMemorySource(SourceContract):
    """The plainest reading of them."""

    @pytest.fixture
    def far(self) -> FarCalendar:
        return Calendar()
