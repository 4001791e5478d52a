"""events.list, events.instances, events.get: pages, sync tokens, windows."""

import base64
import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from tests.lab.google.calendar import Calendar, tombstone
from tests.lab.google.call import Call
from tests.lab.google.problems import ApiError
from tests.lab.google.recurrence import moment
from tests.lab.google.tenant import Tenant

Document = dict[str, Any]
FORBIDDEN_WITH_TOKEN = frozenset(
    {"iCalUID", "orderBy", "privateExtendedProperty", "q", "sharedExtendedProperty", "timeMin", "timeMax", "updatedMin"}
)  # fmt: skip
OF_THE_REQUEST = frozenset({"pageToken", "syncToken", "fields", "maxResults", "alt", "prettyPrint", "key"})
"""Everything else has to stay the same from page to page and from sync to sync."""
MOST = 2500


def sealed(facts: Document) -> str:
    """A token that clients can't read anything from without trying."""
    return base64.urlsafe_b64encode(json.dumps(facts, sort_keys=True).encode()).decode()


def opened(token: str) -> Document:
    """What a token says. Raises ValueError."""
    return dict(json.loads(base64.urlsafe_b64decode(token)))


class Reading:
    """The reading half of the events resource."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self.page = MOST
        """At most so many on a page, whatever is asked for: pages may be short."""

    def get(self, call: Call) -> Document:
        """events.get: deleted events are still there, as cancelled ones."""
        return self._calendar(call).get(call.path["event"])

    def list(self, call: Call) -> Document:
        """events.list."""
        calendar = self._calendar(call)
        shape = _shape(call)
        if "pageToken" in call.query:
            facts = _token(call, "pageToken", calendar, shape)
            return self._page(call, calendar, self._found(call, calendar, facts["since"]), facts)
        since = None
        if "syncToken" in call.query:
            if wrong := FORBIDDEN_WITH_TOKEN & call.query.keys():
                raise ApiError("invalid", "Sync token cannot be combined with it.", location=min(wrong))
            since = _token(call, "syncToken", calendar, shape)["place"]
        place = len(calendar.feed)
        facts = {"life": calendar.life, "shape": shape, "since": since, "place": place, "from": 0}
        return self._page(call, calendar, self._found(call, calendar, since), facts)

    def instances(self, call: Call) -> Document:
        """events.instances."""
        calendar = self._calendar(call)
        master = calendar.master(call.path["event"])
        found = calendar.instances(master, call.moment("timeMin"), call.moment("timeMax"))
        shape = _shape(call)
        facts = {"life": calendar.life, "shape": shape, "since": None, "place": 0, "from": 0}
        if "pageToken" in call.query:
            facts = _token(call, "pageToken", calendar, shape)
        return self._page(call, calendar, found, facts, tokens=False)

    def _calendar(self, call: Call) -> Calendar:
        return self._tenant.calendar(call.path["calendar"], call.subject)

    def _found(self, call: Call, calendar: Calendar, since: int | None) -> Iterable[Document]:
        if since is not None:
            found: Iterable[Document] = calendar.since(since)
        elif call.yes("singleEvents"):
            found = calendar.expanded(call.moment("timeMin"), call.moment("timeMax"))
        else:
            found = (
                one
                for one in calendar.unexpanded()
                if _inside(one, call.moment("timeMin"), call.moment("timeMax"))
            )
        kinds, uid = call.query.get("eventTypes"), call.one("iCalUID")
        if since_then := call.moment("updatedMin"):
            found = (one for one in found if datetime.fromisoformat(one["updated"]) >= since_then)
        found = (one for one in found if not kinds or one.get("eventType", "default") in kinds)
        return (one for one in found if not uid or one.get("iCalUID") == uid)

    def _page(
        self,
        call: Call,
        calendar: Calendar,
        found: Iterable[Document],
        facts: Document,
        *,
        tokens: bool = True,
    ) -> Document:
        """One page, and what leads on from it; a token comes on the last page alone."""
        whole = sorted(found, key=_order) if call.one("orderBy") == "startTime" else list(found)
        begin, size = facts["from"], min(int(call.one("maxResults", "250")), self.page)
        document = _head(calendar, call.subject, self._tenant)
        document["items"] = [tombstone(one) for one in whole[begin : begin + size]]
        if begin + size < len(whole):
            document["nextPageToken"] = sealed(facts | {"from": begin + size})
        elif tokens and "orderBy" not in call.query:
            place = {name: facts[name] for name in ("life", "shape", "place")}
            document["nextSyncToken"] = sealed(place)
        return document


def _shape(call: Call) -> Document:
    return {name: values for name, values in call.query.items() if name not in OF_THE_REQUEST}


def _token(call: Call, name: str, calendar: Calendar, shape: Document) -> Document:
    try:
        facts = opened(call.one(name))
        life, asked = facts["life"], facts["shape"]
    except (ValueError, KeyError, TypeError) as error:
        reason = "invalid" if name == "pageToken" else "fullSyncRequired"
        raise ApiError(reason, location=name) from error
    if life != calendar.life:
        raise ApiError("fullSyncRequired", location=name)
    if asked != shape:
        raise ApiError("badRequest", "The parameters are not those of the first request.", location=name)
    return facts


def _inside(event: Document, start: datetime | None, end: datetime | None) -> bool:
    if (start is None and end is None) or "start" not in event or "recurrence" in event:
        return True
    return (start is None or moment(event["end"]) > start) and (end is None or moment(event["start"]) < end)


def _order(event: Document) -> datetime:
    return moment(event["start"])


def _head(calendar: Calendar, subject: str, tenant: Tenant) -> Document:
    user = tenant.users.get(calendar.id)
    return {
        "kind": "calendar#events",
        "etag": f'"p{len(calendar.feed)}"',
        "summary": calendar.id,
        "description": "",
        "updated": tenant.now().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "timeZone": user.settings["timezone"] if user else "UTC",
        "accessRole": "owner" if calendar.id == subject else calendar.readers[subject],
        "defaultReminders": [{"method": "popup", "minutes": 10}],
    }
