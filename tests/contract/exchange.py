"""A calendar of the lab's Exchange behind the source, edited the way people do, wherever the lab runs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.model import Mailbox
from connector.source.base import Source
from tests.contract.source import HOUR, WINDOW


class ExchangeCalendar(ABC):
    """``other`` is somebody who invites the owner."""

    def __init__(self, source: Source, mailbox: Mailbox, other: str) -> None:
        self.source = source
        self.mailbox = mailbox
        self._other = other

    @abstractmethod
    def edit(self, name: str, **facts: Any) -> Mapping[str, Any]:
        """One of the lab's edits."""

    @property
    def nowhere(self) -> str:
        item = self._create(self.mailbox.address, "Gone", WINDOW.start)
        self._own("delete", item, to="HardDelete")
        return item

    def add(self, subject: str, start: datetime, repeats: int = 1) -> str:
        weekly = {"kind": "weekly", "days": [f"{start:%A}"], "count": repeats}
        series = {"recurrence": weekly} if repeats > 1 else {}
        return self._create(self.mailbox.address, subject, start, **series)

    def rename(self, item: str, subject: str, original_start: datetime | None = None) -> None:
        if original_start:
            self._own("change_occurrence", item, at=original_start.isoformat(), subject=subject)
        else:
            self._own("change", item, subject=subject)

    def drop(self, item: str, original_start: datetime | None = None) -> None:
        if original_start:
            self._own("delete_occurrence", item, at=original_start.isoformat())
        else:
            self._own("delete", item)

    def invited(self, subject: str, start: datetime) -> str:
        self._create(self._other, subject, start, attendees=[self.mailbox.address])
        span = {"start": WINDOW.start.isoformat(), "end": WINDOW.end.isoformat()}
        rows = self.edit("show", mailbox=self.mailbox.address, **span)["occurrences"]
        return next(str(row["item_id"]) for row in rows if row["subject"] == subject)

    def expire(self) -> None:
        self.edit("expire_sync_states", mailbox=self.mailbox.address)

    def _create(self, owner: str, subject: str, start: datetime, **facts: Any) -> str:
        times = {"start": start.isoformat(), "end": (start + HOUR).isoformat(), "zone": "UTC"}
        return str(self.edit("create", mailbox=owner, subject=subject, **times, **facts)["item_id"])

    def _own(self, name: str, item: str, **facts: Any) -> None:
        self.edit(name, mailbox=self.mailbox.address, item=item, **facts)
