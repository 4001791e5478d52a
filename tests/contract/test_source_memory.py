"""The source in memory keeps the promises."""

from __future__ import annotations

from datetime import datetime

import pytest

from connector.model import Mailbox
from connector.source.memory import MemorySource
from tests.contract.source import HOUR, WEEK, FarCalendar, SourceContract


class Calendar:
    """A calendar of the memory source."""

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

    def expire(self) -> None:
        self._calendar.expire_cursors()


class TestMemorySource(SourceContract):
    """The plainest reading of them."""

    @pytest.fixture
    def far(self) -> FarCalendar:
        return Calendar()
