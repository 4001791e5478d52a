"""Who is invited to what: people who are asked along or left out, answers, and invitations from elsewhere."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from tests.lab.google.calendar import new_id
from tests.lab.google.recurrence import mark, moment
from tests.lab.google.server import Lab

Document = dict[str, Any]
ANSWERS = {"Accept": "accepted", "Tentative": "tentative", "Decline": "declined"}
WORDS = {"accepted": "Accept", "tentative": "Tentative", "declined": "Decline"}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


class Write(Protocol):
    """A request in the person's own name."""

    def __call__(self, what: str, facts: Document, body: Document, event: str = "") -> Document:
        """``what`` is insert, patch or delete."""


class Invitations:
    """Edits by name, as ``edits.Edits`` has them."""

    def __init__(self, lab: Lab, write: Write, occurrence: Callable[[Document], str]) -> None:
        self._lab = lab
        self._write = write
        self._occurrence = occurrence
        self.by_name: dict[str, Callable[[Document], Document]] = {
            "receive": self._receive,
            "respond": self._respond,
            "add_attendees": self._invite,
            "remove_attendees": self._disinvite,
        }

    def _receive(self, facts: Document) -> Document:
        """An invitation from another organisation."""
        begins = datetime.fromisoformat(facts["start"])
        ends = (begins + timedelta(hours=1)).isoformat()
        item = new_id()
        event = {
            "id": item,
            "iCalUID": f"{item}@elsewhere.example",
            "summary": facts.get("subject", ""),
            "location": facts.get("location", ""),
            "description": facts.get("body", ""),
            "start": {"dateTime": facts["start"]},
            "end": {"dateTime": facts.get("end") or ends},
            "organizer": {"email": facts["organizer"]["address"], "displayName": facts["organizer"]["name"]},
            "attendees": [
                {"email": facts["organizer"]["address"], "organizer": True, "responseStatus": "accepted"},
                {"email": facts["mailbox"], "self": True, "responseStatus": "needsAction"},
            ],
        }
        return self._lab.tenant.calendars[facts["mailbox"]].put(event)

    def _respond(self, facts: Document) -> Document:
        answer = ANSWERS.get(facts["response"], facts["response"])
        own = {"email": facts["mailbox"], "responseStatus": answer}
        event = self._occurrence(facts) if "at" in facts else ""
        return self._write("patch", facts, {"attendeesOmitted": True, "attendees": [own]}, event)

    def _invite(self, facts: Document) -> Document:
        event = self._lab.tenant.calendars[facts["mailbox"]].get(facts["item"])
        host = {"email": facts["mailbox"], "responseStatus": "accepted", "organizer": True, "self": True}
        there = event.get("attendees") or [host]
        asked = [{"email": one["address"], "responseStatus": "needsAction"} for one in facts["attendees"]]
        return self._write("patch", facts, {"attendees": [*there, *asked]})

    def _disinvite(self, facts: Document) -> Document:
        """Whoever is left out loses the copy, exceptions with it."""
        leaving = {one["address"] for one in facts["attendees"]}
        event = self._lab.tenant.calendars[facts["mailbox"]].get(facts["item"])
        staying = [one for one in event.get("attendees", ()) if one["email"] not in leaving]
        done = self._write("patch", facts, {"attendees": staying})
        for address in leaving & self._lab.tenant.calendars.keys():
            theirs = self._lab.tenant.calendars[address]
            copy = theirs.events.get(facts["item"])
            if copy is not None and copy["status"] != "cancelled":
                theirs.remove(facts["item"])
        return done


def row(event: Document, zone: ZoneInfo) -> Document:
    """An event as the truth tells it, in the words of the other source's lab."""
    organizer = event.get("organizer", {}).get("email", "")
    day = event["start"].get("date", "")
    return {
        "uid": event.get("recurringEventId") or event["id"],
        "start": moment(event["start"], zone).isoformat(),
        "end": moment(event["end"], zone).isoformat(),
        "original_start": moment(event.get("originalStartTime") or event["start"]).isoformat(),
        "first_day": day,
        "all_day": bool(day),
        "kind": "Occurrence" if "recurringEventId" in event else "Single",
        "subject": event.get("summary", ""),
        "location": event.get("location", ""),
        "body": event.get("description", ""),
        "organizer": organizer,
        "cancelled": False,
        "attendees": [
            {"address": one["email"], "response": WORDS.get(one.get("responseStatus", ""), "Unknown")}
            for one in event.get("attendees", ())
            if not one.get("organizer") and one["email"] != organizer
        ],
    }


def rule(recurrence: Document, start: Document) -> str:
    """An RRULE for a recurrence in the words of the other source's lab."""
    kind = recurrence["kind"].upper()
    days = ",".join(day[:2].upper() for day in recurrence.get("days", []))
    if kind == "RELATIVE-MONTHLY":
        day = datetime.fromisoformat(start.get("date") or start["dateTime"])
        kind, days = "MONTHLY", f"{min((day.day - 1) // 7 + 1, 4)}{WEEKDAYS[day.weekday()]}"
    parts = [f"FREQ={kind}", f"BYDAY={days}" if days else "", f"INTERVAL={recurrence.get('interval', 1)}"]
    parts.append(f"COUNT={recurrence['count']}" if "count" in recurrence else "")
    return ";".join(part for part in parts if part)


def occurrence(series: str, at: str, *, whole_day: bool) -> str:
    """The id of the occurrence that had this start by the series' rule."""
    point = {"date": at[:10]} if whole_day else {"dateTime": at}
    return f"{series}_{mark(point)}"
