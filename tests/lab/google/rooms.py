"""Google Meet: rooms that are asked for with an event and made a while later, or not."""

import secrets
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

Document = dict[str, Any]
LETTERS = "abcdefghijkmnopqrstuvwxyz"


class Rooms:
    """Makes rooms. ``seconds`` is how long it takes; ``answer`` is what comes of it, success or failure."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.seconds = 0.0
        self.answer = "success"
        self.requests: list[str] = []
        """Ids of requests so far: one that was seen before is passed over."""
        self.made: dict[str, str] = {}
        """Links by the id of their request."""
        self._due: dict[str, datetime] = {}

    def confer(self, event: Document, wanted: Document | None) -> None:
        """What a write says of the conference: a request for one, one as it stands, or none any more."""
        request = (wanted or {}).get("createRequest")
        if wanted is None:
            event.pop("conferenceData", None)
            event.pop("hangoutLink", None)
        elif request is None:
            event["conferenceData"] = wanted
        elif request["requestId"] not in self.requests:
            self._begin(event, request)

    def settle(self, events: dict[str, Document], put: Callable[[Document], Document]) -> None:
        """Finish what is due among the events of a calendar; each is a change of its event."""
        for event in list(events.values()):
            request = event.get("conferenceData", {}).get("createRequest", {})
            due = self._due.get(request.get("requestId", ""))
            if request.get("status", {}).get("statusCode") == "pending" and due and due <= self._now():
                finished = deepcopy(event)
                self._finish(finished, finished["conferenceData"]["createRequest"])
                put(finished)

    def hurry(self) -> None:
        """Everything that was asked for is due."""
        self._due = dict.fromkeys(self._due, self._now())

    def _begin(self, event: Document, request: Document) -> None:
        self.requests.append(request["requestId"])
        event.pop("hangoutLink", None)
        event["conferenceData"] = {"createRequest": {**request, "status": {"statusCode": "pending"}}}
        self._due[request["requestId"]] = self._now() + timedelta(seconds=self.seconds)
        if not self.seconds:
            self._finish(event, event["conferenceData"]["createRequest"])

    def _finish(self, event: Document, request: Document) -> None:
        request["status"] = {"statusCode": self.answer}
        if self.answer != "success":
            return
        code = "-".join("".join(secrets.choice(LETTERS) for _ in range(n)) for n in (3, 4, 3))
        link = self.made.setdefault(request["requestId"], f"https://meet.google.com/{code}")
        code = link.rpartition("/")[2]
        event["hangoutLink"] = link
        event["conferenceData"] |= {
            "conferenceId": code,
            "conferenceSolution": {"key": {"type": "hangoutsMeet"}, "name": "Google Meet"},
            "entryPoints": [{"entryPointType": "video", "uri": link, "label": link.removeprefix("https://")}],
        }
