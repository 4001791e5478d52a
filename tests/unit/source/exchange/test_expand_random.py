"""Whatever people do to a calendar, following the feed leads to the same list as reading the window afresh."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from connector.model import Meeting
from connector.source.exchange.delta import delta
from connector.source.exchange.expand import Expander
from tests.lab.exchange.edits import truth
from tests.unit.source.exchange.room import MAILBOX, OWNER, WINDOW, Room

Reporting = Literal["master", "own-id", "both"]
Chosen = TypeVar("Chosen")
RULES: tuple[dict[str, Any], ...] = (
    {"kind": "daily", "count": 6},
    {"kind": "daily", "interval": 3},
    {"kind": "weekly", "days": ["Monday", "Thursday"]},
    {"kind": "monthly", "day": 15},
)
ZONES = (
    "UTC",
    "W. Europe Standard Time",
    "Eastern Standard Time",
    "Tokyo Standard Time",
    "Russian Standard Time",
)


class Diary:
    """A room whose feed is followed the way a list is kept: by item and home ids."""

    def __init__(self, data: st.DataObject, reporting: Reporting) -> None:
        self.room = Room()
        self.room.organisation.exception_reporting = reporting
        self.listed: dict[str, tuple[Meeting, ...]] = {}
        self.cursor = delta(self.room.services, MAILBOX, None).cursor
        self._data = data

    def choose(self, options: list[Chosen]) -> Chosen:
        """One of them."""
        return self._data.draw(st.sampled_from(options))

    def edit(self) -> None:
        """Do one thing that people do."""
        self.choose(
            [
                self._create,
                self._create,
                self._change,
                self._move,
                self._occurrence,
                self._skip,
                self._delete,
                self._repeat,
            ]
        )()

    def follow(self) -> None:
        """Take the feed's changes over."""
        more = True
        while more:
            page = delta(self.room.services, MAILBOX, self.cursor)
            self.cursor, more = page.cursor, page.more
            lost = set(page.gone)
            homes = {m.home_id for each in self.listed.values() for m in each if m.item_id in lost} - lost
            found = Expander(self.room.services, MAILBOX, WINDOW).dirty((*page.dirty, *homes))
            self.listed |= {series.uid: series.meetings for series in found.series}
            lost |= set(found.gone)
            self._keep(lambda meeting, lost=lost: not lost & {meeting.item_id, meeting.home_id})  # type: ignore[misc]

    def _keep(self, wanted: Callable[[Meeting], bool]) -> None:
        self.listed = {uid: tuple(filter(wanted, each)) for uid, each in self.listed.items()}

    def _items(self) -> list[dict[str, str]]:
        return truth(self.room.organisation, OWNER, WINDOW.start, WINDOW.end)

    def _start(self) -> str:
        day = WINDOW.start + timedelta(
            days=self._data.draw(st.integers(-3, 40)), hours=self._data.draw(st.integers(0, 23))
        )
        return day.isoformat()

    def _create(self) -> None:
        zone = self.choose(list(ZONES))
        if self._data.draw(st.booleans()):
            day = self._start()[:10]
            rule = self.choose([None, *RULES[:2]])
            self.room.edit(
                "create", subject="day", start=f"{day}T00:00:00", zone=zone, all_day=True, recurrence=rule
            )
        else:
            rule = self.choose([None, *RULES])
            self.room.edit("create", subject="hour", start=self._start(), zone=zone, recurrence=rule)

    def _change(self) -> None:
        if items := self._items():
            self.room.edit("change", item=self.choose(items)["uid"], subject=self._start())

    def _move(self) -> None:
        hourly = [each for each in self._items() if not each["first_day"]]
        if hourly:
            self.room.edit("move", item=self.choose(hourly)["uid"], start=self._start())

    def _repeat(self) -> None:
        singles = [each for each in self._items() if each["kind"] == "Single"]
        if singles:
            self.room.edit("make_recurring", item=self.choose(singles)["uid"], recurrence=RULES[0])

    def _occurrence(self) -> None:
        some = [each for each in self._items() if each["kind"] != "Single"]
        if some:
            one = self.choose(some)
            later = datetime.fromisoformat(one["start"]) + timedelta(
                minutes=self._data.draw(st.integers(0, 300))
            )
            times = {} if one["first_day"] else {"start": later.isoformat()}
            self.room.edit(
                "change_occurrence", item=one["uid"], at=one["original_start"], location="moved", **times
            )

    def _skip(self) -> None:
        some = [each for each in self._items() if each["kind"] != "Single"]
        if some:
            one = self.choose(some)
            self.room.edit("delete_occurrence", item=one["uid"], at=one["original_start"])

    def _delete(self) -> None:
        if items := self._items():
            self.room.edit("delete", item=self.choose(items)["uid"])


def facts(meeting: Meeting) -> tuple[str, ...]:
    """What tells one occurrence from another, and its list entry from a wrong one."""
    day = meeting.first_day.isoformat() if meeting.first_day else "None"
    return (
        meeting.uid,
        str(meeting.original_start),
        str(meeting.start),
        str(meeting.end),
        meeting.subject,
        meeting.location,
        day,
    )


def stated(row: dict[str, str]) -> tuple[str, ...]:
    """The same from the lab's own books."""
    times = (
        str(datetime.fromisoformat(row[name]).astimezone(UTC)) for name in ("original_start", "start", "end")
    )
    return (row["uid"], *times, row["subject"], row["location"], str(row["first_day"]))


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["master", "own-id", "both"]), st.integers(1, 12))
def test_feed_and_view_equal_the_calendar(data: st.DataObject, reporting: Reporting, edits: int) -> None:
    """After any edits, in each way of reporting exceptions, delta and view both equal what stands in the calendar."""
    diary = Diary(data, reporting)
    for _ in range(edits):
        diary.edit()
        if data.draw(st.booleans()):
            diary.follow()
    diary.follow()
    expected = sorted(map(stated, diary._items()))
    followed = sorted(facts(meeting) for each in diary.listed.values() for meeting in each)
    view = Expander(diary.room.services, MAILBOX, WINDOW).everything()
    assert followed == expected
    assert sorted(facts(meeting) for series in view.series for meeting in series.meetings) == expected
