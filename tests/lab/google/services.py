"""Which request is which operation, and what each answers."""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from tests.lab.google.calendar import Calendar
from tests.lab.google.call import Call
from tests.lab.google.problems import ApiError
from tests.lab.google.push import Push
from tests.lab.google.reading import Reading
from tests.lab.google.recurrence import moment
from tests.lab.google.tenant import CALENDAR, GMAIL, Tenant
from tests.lab.google.writing import Writing

Document = dict[str, Any]
_CAL = r"/calendar/v3/calendars/(?P<calendar>[^/]+)"
ROUTES = [
    ("events.list", "GET", rf"{_CAL}/events"),
    ("events.insert", "POST", rf"{_CAL}/events"),
    ("events.quickAdd", "POST", rf"{_CAL}/events/quickAdd"),
    ("events.watch", "POST", rf"{_CAL}/events/watch"),
    ("events.instances", "GET", rf"{_CAL}/events/(?P<event>[^/]+)/instances"),
    ("events.get", "GET", rf"{_CAL}/events/(?P<event>[^/]+)"),
    ("events.patch", "PATCH", rf"{_CAL}/events/(?P<event>[^/]+)"),
    ("events.delete", "DELETE", rf"{_CAL}/events/(?P<event>[^/]+)"),
    ("acl.insert", "POST", rf"{_CAL}/acl"),
    ("acl.delete", "DELETE", rf"{_CAL}/acl/(?P<rule>[^/]+)"),
    ("channels.stop", "POST", r"/calendar/v3/channels/stop"),
    ("settings.get", "GET", r"/calendar/v3/users/me/settings/(?P<setting>[^/]+)"),
    ("freebusy.query", "POST", r"/calendar/v3/freeBusy"),
    ("vacation.get", "GET", r"/gmail/v1/users/(?P<user>[^/]+)/settings/vacation"),
]
_ROUTES = [(name, method, re.compile(f"{path}$")) for name, method, path in ROUTES]
MOST_CALENDARS = 50


def route(method: str, path: str) -> tuple[str, dict[str, str]]:
    """The operation and the variables of the path. Raises ApiError."""
    for name, wanted, pattern in _ROUTES:
        if method == wanted and (found := pattern.match(path)):
            return name, {key: unquote(value) for key, value in found.groupdict().items()}
    raise ApiError("notFound")


class Services:
    """All operations."""

    def __init__(self, tenant: Tenant, push: Push) -> None:
        self._tenant = tenant
        self._push = push
        self.reading, self.writing = Reading(tenant), Writing(tenant)
        self.api_on = True
        self._operations: dict[str, Callable[[Call], Document]] = {
            "events.list": self.reading.list,
            "events.get": self.reading.get,
            "events.instances": self.reading.instances,
            "events.insert": self.writing.insert,
            "events.quickAdd": self.writing.quick_add,
            "events.patch": self.writing.patch,
            "events.delete": self.writing.delete,
            "events.watch": self._watch,
            "channels.stop": self._stop,
            "settings.get": self._setting,
            "freebusy.query": self._free_busy,
            "acl.insert": self._share,
            "acl.delete": self._unshare,
            "vacation.get": self._vacation,
        }

    def answer(self, call: Call, scopes: frozenset[str]) -> Document:
        """Carry a request out. Raises ApiError."""
        if (GMAIL if call.operation == "vacation.get" else CALENDAR) not in scopes:
            raise ApiError("insufficientPermissions")
        if not self.api_on:
            raise ApiError("accessNotConfigured")
        if call.operation != "vacation.get" and not self._tenant.users[call.subject].calendar_on:
            raise ApiError("notACalendarUser")
        return self._operations[call.operation](call)

    def _watch(self, call: Call) -> Document:
        calendar = self._tenant.calendar(call.path["calendar"], call.subject)
        return self._push.watch(calendar.id, call.subject, call.body)

    def _stop(self, call: Call) -> Document:
        self._push.stop(call.body)
        return {}

    def _setting(self, call: Call) -> Document:
        name = call.path["setting"]
        value = self._tenant.users[call.subject].settings.get(name)
        if value is None:
            raise ApiError("notFound")
        return {"kind": "calendar#setting", "etag": '"1"', "id": name, "value": value}

    def _vacation(self, call: Call) -> Document:
        user = self._tenant.users[call.subject]
        if call.path["user"] not in {"me", user.address}:
            raise ApiError("forbidden", "Delegation denied")
        if not user.gmail_on:
            raise ApiError("failedPrecondition")
        return user.vacation

    def _share(self, call: Call) -> Document:
        calendar = self._own(call)
        scope, role = call.body["scope"], call.body["role"]
        calendar.readers[scope["value"]] = role
        calendar.life += 1
        if call.one("sendNotifications", "true") == "true":
            self.writing.mails.append((f"acl {scope['value']}", "all"))
        rule = f"{scope['type']}:{scope['value']}"
        return {"kind": "calendar#aclRule", "etag": '"1"', "id": rule, "scope": scope, "role": role}

    def _own(self, call: Call) -> Calendar:
        """A calendar whose access list the person may change."""
        calendar = self._tenant.calendar(call.path["calendar"], call.subject)
        if call.subject != calendar.id and calendar.readers.get(call.subject) != "owner":
            raise ApiError("forbidden")
        return calendar

    def _unshare(self, call: Call) -> Document:
        calendar = self._own(call)
        if calendar.readers.pop(call.path["rule"].partition(":")[2], None) is None:
            raise ApiError("notFound")
        calendar.life += 1
        return {}

    def _free_busy(self, call: Call) -> Document:
        asked = [one["id"] for one in call.body.get("items", [])]
        if len(asked) > MOST_CALENDARS:
            raise ApiError("badRequest", "Too many calendars requested.")
        start, end = (datetime.fromisoformat(call.body[name]) for name in ("timeMin", "timeMax"))
        return {
            "kind": "calendar#freeBusy",
            "timeMin": call.body["timeMin"],
            "timeMax": call.body["timeMax"],
            "calendars": {one: self._busy(call, one, start, end) for one in asked},
        }

    def _busy(self, call: Call, name: str, start: datetime, end: datetime) -> Document:
        calendar = self._tenant.calendars.get(call.subject if name == "primary" else name)
        if calendar is None:
            return {"errors": [{"domain": "global", "reason": "notFound"}], "busy": []}
        found = [
            one
            for one in calendar.expanded(start, end)
            if one.get("transparency") != "transparent" and one.get("eventType") != "workingLocation"
        ]
        spans = sorted((moment(one["start"]), moment(one["end"])) for one in found)
        return {"busy": [{"start": _utc(begins), "end": _utc(ends)} for begins, ends in spans]}


def _utc(when: datetime) -> str:
    return when.isoformat().replace("+00:00", "Z")
