"""What people do in their calendars, in the words that the demo and the tests of the other source use too."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.lab.google.calendar import new_id
from tests.lab.google.call import Call
from tests.lab.google.invitations import Invitations, occurrence, row, rule
from tests.lab.google.recurrence import moment, shifted
from tests.lab.google.server import Lab

Document = dict[str, Any]
_serial = itertools.count(1)


class Edits:
    """Edits by name; each is a request in the person's own name, or several."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.by_name: dict[str, Callable[[Document], Document]] = {
            "create": self._create,
            "change": self._change,
            "move": self._move,
            "make_recurring": self._make_recurring,
            "change_occurrence": self._change_occurrence,
            "delete_occurrence": self._delete_occurrence,
            "make_single": self._make_single,
            "cancel": self._cancel,
            "delete": self._cancel,
            "split": self._split,
            "raw": self._raw,
            **Invitations(lab, self._write, self._at).by_name,
        }

    def edit(self, name: str, facts: Document) -> Document:
        """Carry one out; the answer names the event. Raises KeyError and ApiError."""
        with self._lab.tenant.lock:
            return {"item_id": self.by_name[name](facts).get("id", facts.get("item", ""))}

    def _call(self, operation: str, facts: Document, body: Document, event: str = "", **query: str) -> Call:
        path = {"calendar": facts.get("calendar", "primary"), "event": event or facts.get("item", "")}
        asked = {name: [value] for name, value in query.items()}
        return Call(operation, facts["mailbox"], path, asked, {}, body)

    def _create(self, facts: Document) -> Document:
        start = facts["start"]
        end = facts.get("end") or (datetime.fromisoformat(start) + timedelta(hours=1)).isoformat()
        zone = facts.get("zone", "Europe/Berlin")
        if isinstance(facts.get("recurrence"), dict):
            facts["recurrence"] = [f"RRULE:{rule(facts['recurrence'], _point(start, zone))}"]
        body = {
            "id": new_id(),
            "summary": facts.get("subject", ""),
            "start": _point(start, zone),
            "end": _point(end, zone),
            **{
                n: facts[n]
                for n in ("location", "attendees", "recurrence", "visibility", "transparency")
                if n in facts
            },
            **facts.get("more", {}),
        }
        if "body" in facts:
            body["description"] = facts["body"]
        body["attendees"] = [
            {"email": one.get("email") or one["address"]} for one in body.get("attendees", [])
        ]
        if body["attendees"]:
            body["attendees"].append(
                {"email": facts["mailbox"], "responseStatus": "accepted", "organizer": True}
            )
        else:
            del body["attendees"]
        return self._write("insert", facts, body)

    def _write(self, what: str, facts: Document, body: Document, event: str = "") -> Document:
        writing = self._lab.services.writing
        call = self._call(f"events.{what}", facts, body, event, sendUpdates="none", conferenceDataVersion="1")
        return {"insert": writing.insert, "patch": writing.patch, "delete": writing.delete}[what](call)

    def _change(self, facts: Document) -> Document:
        return self._write("patch", facts, _words(facts))

    def _move(self, facts: Document) -> Document:
        event = self._event(facts)
        by = datetime.fromisoformat(facts["start"]).astimezone(UTC) - moment(event["start"])
        return self._write("patch", facts, {name: shifted(event[name], by) for name in ("start", "end")})

    def _make_recurring(self, facts: Document) -> Document:
        stated = facts.get("rule") or rule(facts["recurrence"], self._event(facts)["start"])
        return self._write("patch", facts, {"recurrence": [f"RRULE:{stated}"]})

    def _make_single(self, facts: Document) -> Document:
        return self._write("patch", facts, {"recurrence": None})

    def _change_occurrence(self, facts: Document) -> Document:
        event_id = self._at(facts)
        body = _words(facts)
        if "start" in facts:
            event = self._lab.tenant.calendars[facts["mailbox"]].get(event_id)
            by = datetime.fromisoformat(facts["start"]).astimezone(UTC) - moment(event["start"])
            body |= {name: shifted(event[name], by) for name in ("start", "end")}
        return self._write("patch", facts, body, event_id)

    def _delete_occurrence(self, facts: Document) -> Document:
        event_id = self._at(facts)
        calendar = self._lab.tenant.calendars[facts["mailbox"]]
        one = calendar.get(event_id)
        calendar.put({**one, "status": "cancelled"})
        for guest in one.get("attendees", ()):
            theirs = self._lab.tenant.calendars.get(guest["email"])
            if theirs is not None and theirs is not calendar:
                theirs.put({**theirs.get(event_id), "status": "cancelled"})
        return {"id": event_id}

    def _cancel(self, facts: Document) -> Document:
        return self._write("delete", facts, {}) or {"id": facts["item"]}

    def _split(self, facts: Document) -> Document:
        """This and following: the old series ends, a new one begins under ``_R``."""
        calendar = self._lab.tenant.calendars[facts["mailbox"]]
        old, at = self._event(facts), datetime.fromisoformat(facts["at"]).astimezone(UTC)
        mark = f"{at:%Y%m%dT%H%M%S}"
        following = {**old, "id": f"{old['id']}_R{mark}", **_words(facts)}
        following["iCalUID"] = f"{old['id']}_R{mark}@google.com"
        by = at - moment(old["start"])
        following |= {name: shifted(old[name], by) for name in ("start", "end")}
        following["recurrence"] = [f"RRULE:{facts['rule']}"]
        until = f"{at - timedelta(seconds=1):%Y%m%dT%H%M%SZ}"
        calendar.put({**old, "recurrence": [f"RRULE:{facts['old_rule']};UNTIL={until}"]})
        return calendar.put(following)

    def _raw(self, facts: Document) -> Document:
        """Put a document into the calendar as it stands, whatever is wrong with it."""
        event = {"id": new_id(), "iCalUID": f"raw{next(_serial)}@example.com", **facts["event"]}
        return self._lab.tenant.calendars[facts["mailbox"]].put(event)

    def _event(self, facts: Document) -> Document:
        return self._lab.tenant.calendars[facts["mailbox"]].get(facts["item"])

    def _at(self, facts: Document) -> str:
        return occurrence(facts["item"], facts["at"], whole_day="date" in self._event(facts)["start"])

    # --- what is there

    def truth(self, address: str, start: datetime, end: datetime) -> list[Document]:
        """What the calendar's owner sees between two times."""
        with self._lab.tenant.lock:
            found = self._lab.tenant.calendars[address].expanded(start, end)
            user = self._lab.tenant.users.get(address)
            zone = ZoneInfo(user.settings["timezone"] if user else "UTC")
            return [
                row(one, zone)
                for one in found
                if one.get("eventType", "default") not in {"workingLocation", "birthday"}
            ]


def _point(text: str, zone: str) -> Document:
    """A time, or a day where there is no time in it."""
    if "T" not in text:
        return {"date": text}
    read = datetime.fromisoformat(text)
    stated = (
        read.isoformat() if read.tzinfo is None else read.astimezone(UTC).isoformat().replace("+00:00", "Z")
    )
    return {"dateTime": stated, "timeZone": zone}


def _words(facts: Document) -> Document:
    names = {"subject": "summary", "location": "location", "body": "description", "visibility": "visibility"}
    words = {theirs: facts[ours] for ours, theirs in names.items() if ours in facts}
    return {**words, **facts.get("more", {})}
