"""Google, as the lab plays it, keeps the promises."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.contract.source import HOUR, FarCalendar, SourceContract
from tests.unit.source.google.twin import Twin


class Calendar:
    """A calendar of the lab, reached without a network; ``page`` is the most events on a page."""

    nowhere = "a0b1c2d3e4f5a0b1c2d3e4f5a0"

    def __init__(self, page: int) -> None:
        self._twin = Twin()
        self._twin.lab.services.reading.page = page
        self.source = self._twin.source
        self.mailbox = self._twin.mailbox()

    def add(self, subject: str, start: datetime, repeats: int = 1) -> str:
        weekly = [f"RRULE:FREQ=WEEKLY;COUNT={repeats}"]
        rule: dict[str, Any] = {"recurrence": weekly} if repeats > 1 else {}
        end = (start + HOUR).isoformat()
        return self._twin.edit("create", subject=subject, start=start.isoformat(), end=end, **rule)

    def rename(self, item: str, subject: str, original_start: datetime | None = None) -> None:
        if original_start:
            self._twin.edit("change_occurrence", item=item, at=original_start.isoformat(), subject=subject)
        else:
            self._twin.edit("change", item=item, subject=subject)

    def drop(self, item: str, original_start: datetime | None = None) -> None:
        if original_start:
            self._twin.edit("delete_occurrence", item=item, at=original_start.isoformat())
        else:
            self._twin.edit("cancel", item=item)

    def invited(self, subject: str, start: datetime) -> str:
        guest = [{"address": self.mailbox.address}]
        facts = {"start": start.isoformat(), "end": (start + HOUR).isoformat(), "attendees": guest}
        return self._twin.edit("create", number=2, subject=subject, **facts)

    def expire(self) -> None:
        for calendar in self._twin.lab.tenant.calendars.values():
            calendar.life += 1


class TestGoogleSource(SourceContract):
    """With pages of Google's size."""

    @pytest.fixture
    def far(self) -> FarCalendar:
        return Calendar(2500)


class TestGoogleSourceInShortPages(SourceContract):
    """Pages may be as short as Google likes; only a missing token ends a list."""

    @pytest.fixture
    def far(self) -> FarCalendar:
        return Calendar(2)
