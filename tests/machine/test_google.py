"""A whole connector whose calendars are at Google, against random edits, faults, forgotten tokens and rests.

The invariant: whenever everything has come to rest, what was sent equals the calendar, subject by subject and start by start.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, multiple, rule

from connector.model import Mailbox
from connector.seal.opening import open_meeting
from connector.source.memory import MemorySource
from connector.sync.context import Context, Pace
from tests.fakes.clock import ManualClock
from tests.fakes.house import House
from tests.unit.source.google.twin import Twin

pytestmark = pytest.mark.machine

HOUR = timedelta(hours=1)
FAULTS = ["backendError", "rateLimitExceeded", "userRateLimitExceeded", "internalError", "fullSyncRequired"]
REASONABLE = timedelta(hours=3)


class AtGoogle:
    """The lab's source in the place of the memory source: calendars are there already."""

    def __init__(self, twin: Twin) -> None:
        self._twin = twin
        self.name = twin.source.name

    def calendar(self, address: str) -> None:
        """Every user has one."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._twin.source, name)


def _slowly(context: Context) -> Context:
    """Looks are far apart, so that days pass in few of them."""
    pace = Pace(poll=timedelta(minutes=20), presence=timedelta(hours=1))
    return replace(context, pace={"brand": pace})


class GoogleMachine(RuleBasedStateMachine):
    """One mailbox at Google."""

    meetings = Bundle("meetings")

    def __init__(self) -> None:
        super().__init__()
        clock = ManualClock()
        self.twin = Twin(users=2, clock=clock)
        self.house = House(source=cast("MemorySource", AtGoogle(self.twin)), clock=clock, guard=_slowly)
        self.mailbox: Mailbox | None = None

    @initialize()
    def activate(self) -> None:
        self.mailbox = self.house.activate(self.twin.address(1))
        self.house.forward(HOUR)

    hours = st.integers(-9 * 24, 33 * 24)

    @rule(target=meetings, hour=hours, repeats=st.integers(1, 4), page=st.sampled_from([2, 2500]))
    def add(self, hour: int, repeats: int, page: int) -> tuple[str, datetime, int]:
        self.twin.lab.services.reading.page = page
        start = self.house.clock().replace(minute=0, second=0, microsecond=0) + hour * HOUR
        weekly: dict[str, Any] = {"recurrence": [f"RRULE:FREQ=WEEKLY;COUNT={repeats}"]} if repeats > 1 else {}
        item = self.twin.edit("create", subject=f"m{hour}", start=start.isoformat(), zone="UTC", **weekly)
        return item, start, repeats

    @rule(meeting=meetings, word=st.sampled_from("abc"))
    def rename(self, meeting: tuple[str, datetime, int], word: str) -> None:
        self.twin.edit("change", item=meeting[0], subject=word)

    @rule(meeting=meetings, nth=st.integers(0, 3), word=st.sampled_from("xyz"))
    def rename_one(self, meeting: tuple[str, datetime, int], nth: int, word: str) -> None:
        if meeting[2] > 1 and (at := self._standing(meeting, nth)):
            self.twin.edit("change_occurrence", item=meeting[0], at=at, subject=word)

    @rule(meeting=meetings, nth=st.integers(0, 3))
    def drop_one(self, meeting: tuple[str, datetime, int], nth: int) -> None:
        if meeting[2] > 1 and (at := self._standing(meeting, nth)):
            self.twin.edit("delete_occurrence", item=meeting[0], at=at)

    @rule(target=meetings, meeting=consumes(meetings), keep=st.booleans())
    def delete(self, meeting: tuple[str, datetime, int], keep: bool) -> Any:
        if keep:
            return meeting
        self.twin.edit("cancel", item=meeting[0])
        return multiple()

    @rule(kind=st.sampled_from(FAULTS), times=st.integers(1, 4))
    def fault(self, kind: str, times: int) -> None:
        self.twin.lab.faults.order(kind=kind, times=times)

    @rule()
    def forget_tokens(self) -> None:
        for calendar in self.twin.lab.tenant.calendars.values():
            calendar.life += 1
        self.twin.lab.tenant.tokens.clear()

    @rule(minutes=st.integers(1, 60 * 30))
    def time_passes(self, minutes: int) -> None:
        self.house.forward(timedelta(minutes=minutes))

    @rule()
    def rest(self) -> None:
        """Everything comes to rest, and what was sent is what is there."""
        self.twin.lab.faults.clear()
        self.house.forward(REASONABLE)
        assert self.sent() == self.truth()

    def teardown(self) -> None:
        if self.mailbox is not None:
            self.rest()

    # --- both sides

    def truth(self) -> list[tuple[str, str]]:
        window = self.house.context.span.at(self.house.clock())
        rows = self.twin.edits.truth(self.twin.address(1), window.start, window.end)
        return sorted((row["start"], row["subject"]) for row in rows)

    def sent(self) -> list[tuple[str, str]]:
        assert self.mailbox is not None
        mailbox_id = self.mailbox.id
        shown: dict[str, tuple[str, str]] = {}
        for queued in self.house.peek():
            envelope = queued.envelope
            if envelope.kind.value == "meeting.put":
                opened = open_meeting(envelope.data, lambda uri: self.house.keys.opening_key(uri, mailbox_id))
                start = datetime.fromisoformat(opened["start"]).isoformat()
                shown[envelope.data["id"]] = (start, str(opened["subject"]))
            elif envelope.kind.value == "meeting.gone":
                shown.pop(envelope.data["id"], None)
        return sorted(shown.values())

    def _standing(self, meeting: tuple[str, datetime, int], nth: int) -> str:
        """The start of an occurrence that has not been deleted, "" for one that has."""
        at = meeting[1] + timedelta(weeks=nth % meeting[2])
        event_id = f"{meeting[0]}_{at:%Y%m%dT%H%M%SZ}"
        known = self.twin.lab.tenant.calendars[self.twin.address(1)].events.get(event_id)
        return "" if known is not None and known["status"] == "cancelled" else at.isoformat()


TestGoogleMachine = GoogleMachine.TestCase
TestGoogleMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
