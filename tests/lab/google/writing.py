"""events.insert, patch, delete, quickAdd: ETags, exceptions of series, copies of the invited."""

import re
from copy import deepcopy
from datetime import timedelta
from typing import Any

from tests.lab.google.calendar import Calendar, new_id
from tests.lab.google.call import Call
from tests.lab.google.problems import ApiError
from tests.lab.google.recurrence import moment
from tests.lab.google.tenant import Tenant

Document = dict[str, Any]
ID = re.compile(r"[a-v0-9]{5,1024}")
OF_THE_ORGANIZER = frozenset({"start", "end", "summary", "recurrence", "location"})
LONGEST_KEY, LONGEST_VALUE = 44, 1024
_UNSAID: Document = {}
ANSWERS = frozenset({"needsAction", "declined", "tentative", "accepted"})


class Writing:
    """The writing half of the events resource."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.mails: list[tuple[str, str]] = []
        """What would have been mailed: event id and the value of sendUpdates."""

    def insert(self, call: Call) -> Document:
        """events.insert. An id of the client's own makes it idempotent."""
        calendar, body = self._open(call), deepcopy(call.body)
        wanted = body.setdefault("id", new_id())
        if not ID.fullmatch(wanted):
            raise ApiError("invalid", "Invalid resource id value.", location="id")
        if wanted in calendar.events:
            raise ApiError("duplicate")
        if "start" not in body or "end" not in body:
            raise ApiError("badRequest", "Missing time.")
        if moment(body["end"]) < moment(body["start"]):
            raise ApiError("invalid", "The specified time range is empty.")
        if "recurrence" in body and "dateTime" in body["start"] and "timeZone" not in body["start"]:
            raise ApiError("badRequest", "Missing time zone definition for start time.")
        event = self._fresh(calendar, body, conference=call.one("conferenceDataVersion") == "1")
        return self._store(calendar, event, call)

    def quick_add(self, call: Call) -> Document:
        """events.quickAdd, with less wit than Google's: the words are the title, the time is the next full hour."""
        calendar = self._open(call)
        if not call.one("text"):
            raise ApiError("badRequest", location="text")
        begins = self._tenant.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        body = {
            "id": new_id(),
            "summary": call.one("text"),
            "start": {"dateTime": begins.isoformat()},
            "end": {"dateTime": (begins + timedelta(hours=1)).isoformat()},
        }
        return self._store(calendar, self._fresh(calendar, body), call)

    def patch(self, call: Call) -> Document:
        """events.patch: objects merge, arrays are replaced, null deletes."""
        calendar = self._open(call)
        before = self._matching(calendar, call)
        if before["status"] == "cancelled" and call.body.get("status") != "confirmed":
            raise ApiError("notFound")
        self._permit(before, call)
        event = deepcopy(before)
        changes = _sane(deepcopy(call.body))
        if changes.pop("attendeesOmitted", False):
            changes["attendees"] = _with_own(before.get("attendees", []), changes.get("attendees", []))
        conference = changes.pop("conferenceData", _UNSAID)
        _merge(event, changes)
        if conference is not _UNSAID and call.one("conferenceDataVersion") == "1":
            self._tenant.rooms.confer(event, conference)
        if {"recurrence"} & (event.keys() | before.keys()) and _moved(before, event):
            self._forget_exceptions(calendar, event)
        _mark_self(event, calendar.id)
        stored = self._store(calendar, event, call)
        self._tenant.answered(stored, calendar.id)
        return stored

    def delete(self, call: Call) -> Document:
        """events.delete: a second one is answered with 410."""
        calendar = self._open(call)
        event_id = call.path["event"]
        self._matching(calendar, call)
        gone = calendar.remove(event_id)
        if gone.get("organizer", {}).get("self"):
            self._tenant.withdraw(gone, calendar.id)
        self._mail(event_id, call)
        return {}

    def _open(self, call: Call) -> Calendar:
        return self._tenant.calendar(call.path["calendar"], call.subject, write=True)

    def _matching(self, calendar: Calendar, call: Call) -> Document:
        found = calendar.get(call.path["event"])
        wanted = call.headers.get("if-match", "*")
        if wanted not in {"*", found.get("etag", "")}:
            raise ApiError("conditionNotMet", location="If-Match")
        return found

    def _permit(self, event: Document, call: Call) -> None:
        """A guest's copy takes the guest's own things."""
        shared = "shared" in call.body.get("extendedProperties", {})
        if not event.get("organizer", {}).get("self", True) and (
            shared or OF_THE_ORGANIZER & call.body.keys()
        ):
            raise ApiError("forbiddenForNonOrganizer")

    def _fresh(self, calendar: Calendar, body: Document, *, conference: bool = False) -> Document:
        event = _sane(body)
        wanted = event.pop("conferenceData", None)
        event |= {
            "iCalUID": f"{event['id']}@google.com",
            "creator": {"email": calendar.id, "self": True},
            "organizer": {"email": calendar.id, "self": True},
            "reminders": event.get("reminders", {"useDefault": True}),
        }
        for one in event.get("attendees", ()):
            one.setdefault("responseStatus", "needsAction")
        if conference and wanted:
            self._tenant.rooms.confer(event, wanted)
        _mark_self(event, calendar.id)
        return event

    def _store(self, calendar: Calendar, event: Document, call: Call) -> Document:
        stored = calendar.put(event)
        if event.get("organizer", {}).get("self"):
            self._tenant.spread(event, calendar.id)
        self._mail(event["id"], call)
        return stored

    def _forget_exceptions(self, calendar: Calendar, event: Document) -> None:
        """A series with other starts has no use for the exceptions of the old ones, in nobody's calendar."""
        guests = [self._tenant.calendars.get(one["email"]) for one in event.get("attendees", ())]
        for each in {one.id: one for one in (calendar, *guests) if one is not None}.values():
            for one in each.exceptions(event["id"]).values():
                del each.events[one["id"]]

    def _mail(self, event_id: str, call: Call) -> None:
        if call.one("sendUpdates", "none") != "none":
            self.mails.append((event_id, call.one("sendUpdates")))


def _merge(into: Document, changes: Document) -> None:
    for name, value in changes.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict) and isinstance(into.get(name), dict):
            _merge(into[name], value)
        else:
            into[name] = value


def _moved(before: Document, after: Document) -> bool:
    return bool(before["start"] != after["start"] or before.get("recurrence") != after.get("recurrence"))


def _sane(body: Document) -> Document:
    """Extended properties as Google keeps them: long names dropped, long values cut, without a word."""
    for kind, named in body.get("extendedProperties", {}).items():
        kept = {n: v if v is None else v[:LONGEST_VALUE] for n, v in named.items() if len(n) <= LONGEST_KEY}
        body["extendedProperties"][kind] = kept
    for one in body.get("attendees") or ():
        if one.get("responseStatus", "needsAction") not in ANSWERS:
            raise ApiError("invalid", location="responseStatus")
    return body


def _with_own(all_of_them: list[Document], given: list[Document]) -> list[Document]:
    """With attendeesOmitted only the own entry is given, and the others stay."""
    own = {one["email"]: one for one in given}
    return [{**one, **own.get(one["email"], {})} for one in all_of_them]


def _mark_self(event: Document, address: str) -> None:
    for one in event.get("attendees", ()):
        if one["email"] == address:
            one["self"] = True
