"""One calendar: events as documents of the API, a feed of what changed, tombstones, exceptions of series."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.lab.google import recurrence
from tests.lab.google.problems import ApiError
from tests.lab.google.recurrence import mark, moment

Document = dict[str, Any]
_etags = itertools.count(3_500_000_000_000_001)
END = datetime(2100, 1, 1, tzinfo=UTC)
_NOT_OF_INSTANCES = ("recurrence",)
KINDS = ("default", "fromGmail", "focusTime", "outOfOffice", "workingLocation", "birthday")


def new_id() -> str:
    """As Google makes them: 26 characters of base32hex."""
    return "".join(secrets.choice("0123456789abcdefghijklmnopqrstuv") for _ in range(26))


@dataclass
class Calendar:
    """Events by id. ``feed`` holds ids in the order of change; ``life`` is the generation of sync tokens."""

    id: str
    now: Callable[[], datetime]
    events: dict[str, Document] = field(default_factory=dict)
    feed: list[str] = field(default_factory=list)
    life: int = 1
    readers: dict[str, str] = field(default_factory=dict)
    changed: Callable[[str], None] = lambda _id: None

    def put(self, event: Document) -> Document:
        """Store an event as it is to be seen from now on, under a new etag."""
        event["etag"] = f'"{next(_etags)}"'
        event["updated"] = _stamp(self.now())
        event.setdefault("created", event["updated"])
        event.setdefault("kind", "calendar#event")
        event.setdefault("status", "confirmed")
        event.setdefault("eventType", "default")
        event.setdefault("sequence", 0)
        event.setdefault("htmlLink", f"https://www.google.com/calendar/event?eid={event['id']}")
        self.events[event["id"]] = event
        self.feed.append(event["id"])
        self.changed(self.id)
        return event

    # --- looking

    def get(self, event_id: str) -> Document:
        """An event, an exception, or an occurrence that nobody has touched yet."""
        found = self.events.get(event_id) or self._untouched(event_id)
        if found is None:
            raise ApiError("notFound")
        return found

    def master(self, event_id: str) -> Document:
        """A series that is there."""
        found = self.events.get(event_id)
        if found is None:
            raise ApiError("notFound")
        return found

    def instances(self, master: Document, start: datetime | None, end: datetime | None) -> Iterator[Document]:
        """The occurrences in a span of time, exceptions at their present place."""
        if master["status"] == "cancelled":
            return
        if "recurrence" not in master:
            yield from [master] if _touches(master, start, end) else []
            return
        exceptions = self.exceptions(master["id"])
        for point in recurrence.starts(master, END if end is None else max(end, _last(exceptions))):
            one = exceptions.get(mark(point)) or instance(master, point)
            if one["status"] != "cancelled" and _touches(one, start, end):
                yield one

    def exceptions(self, master_id: str) -> dict[str, Document]:
        """By the mark of their original start."""
        return {
            mark(one["originalStartTime"]): one
            for one in self.events.values()
            if one.get("recurringEventId") == master_id
        }

    def expanded(self, start: datetime | None, end: datetime | None) -> Iterator[Document]:
        """Everything that takes place in a span of time."""
        for event in list(self.events.values()):
            if "recurringEventId" not in event:
                yield from self.instances(event, start, end)
            elif not self._alive(event["recurringEventId"]) and event["status"] != "cancelled":
                yield from [event] if _touches(event, start, end) else []

    def _alive(self, event_id: str) -> bool:
        found = self.events.get(event_id)
        return found is not None and found["status"] != "cancelled"

    def unexpanded(self) -> Iterator[Document]:
        """Singles, series and exceptions; of the deleted only exceptions of living series."""
        for event in self.events.values():
            home = self.events.get(event.get("recurringEventId", ""), {})
            if event["status"] != "cancelled" or home.get("status") == "confirmed":
                yield event

    def since(self, place: int) -> Iterator[Document]:
        """What changed after a place in the feed, each once, in its present state."""
        for event_id in dict.fromkeys(self.feed[place:]):
            if event_id in self.events:
                yield self.events[event_id]

    def _untouched(self, event_id: str) -> Document | None:
        home, _, when = event_id.rpartition("_")
        master = self.events.get(home)
        if master is None or "recurrence" not in master:
            return None
        found = (point for point in recurrence.starts(master, END) if mark(point) >= when)
        point = next(found, None)
        return instance(master, point) if point is not None and mark(point) == when else None

    # --- changing

    def remove(self, event_id: str) -> Document:
        """Leave a tombstone, and one for each exception of a series."""
        event = deepcopy(self.get(event_id))
        if event["status"] == "cancelled":
            raise ApiError("deleted")
        self.put(buried(event))
        for one in self.exceptions(event_id).values():
            self.put(buried(one))
        return event


def instance(master: Document, point: Document) -> Document:
    """The occurrence of a series at one of its starts."""
    one = {name: deepcopy(value) for name, value in master.items() if name not in _NOT_OF_INSTANCES}
    length = moment(master["end"]) - moment(master["start"])
    return one | {
        "id": f"{master['id']}_{mark(point)}",
        "recurringEventId": master["id"],
        "originalStartTime": dict(point),
        "start": dict(point),
        "end": recurrence.shifted(point, length),
    }


def buried(event: Document) -> Document:
    """What is left of a deleted event: of some only the id is certain."""
    kept = ("id", "kind", "recurringEventId", "originalStartTime", "iCalUID", "created", "eventType")
    return {name: event[name] for name in kept if name in event} | {"status": "cancelled"}


def tombstone(event: Document) -> Document:
    """A cancelled event as a list shows it."""
    kept = ("id", "kind", "etag", "status", "recurringEventId", "originalStartTime")
    return {name: event[name] for name in kept if name in event} if event["status"] == "cancelled" else event


def _touches(event: Document, start: datetime | None, end: datetime | None) -> bool:
    ends, begins = moment(event["end"]), moment(event["start"])
    return (start is None or ends > start or begins == ends >= start) and (end is None or begins < end)


def _last(exceptions: dict[str, Document]) -> datetime:
    """An exception may have moved into the span from a start far after it."""
    latest = [moment(one["originalStartTime"]) for one in exceptions.values() if "start" in one]
    return max(latest, default=datetime.min.replace(tzinfo=UTC)).replace(microsecond=1)


def _stamp(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
