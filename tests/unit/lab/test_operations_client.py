"""Unmodified exchangelib uses the lab's answers."""

from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
import requests
from exchangelib import (
    IMPERSONATION,
    Account,
    Build,
    CalendarItem,
    Configuration,
    EWSDateTime,
    EWSTimeZone,
    Version,
)
from exchangelib.errors import ErrorItemNotFound
from exchangelib.properties import AlternateId
from exchangelib.protocol import BaseProtocol, CachingProtocol
from exchangelib.recurrence import Recurrence, WeeklyPattern
from exchangelib.transport import NOAUTH
from requests.adapters import BaseAdapter

from tests.lab.exchange import soap
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.operations import OPERATIONS
from tests.unit.lab.asking import ANNA, BERT, EUROPE, Lab, validate

STOCKHOLM = EWSTimeZone("Europe/Stockholm")
WEEK = (EWSDateTime(2026, 11, 23, tzinfo=STOCKHOLM), EWSDateTime(2026, 11, 30, tzinfo=STOCKHOLM))


class Adapter(BaseAdapter):
    """Hands requests to the operations of one lab instead of a network."""

    lab: Lab

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body = request.body if isinstance(request.body, bytes) else (request.body or "").encode()
        envelope = soap.read(body)
        validate(envelope.request)
        impersonated = envelope.headers.get("ExchangeImpersonation")
        acting = (
            None if impersonated is None else "".join(str(text) for text in impersonated.itertext()).strip()
        )
        response = requests.Response()
        response.request, response.url = request, request.url or ""
        response.headers["Content-Type"] = "text/xml; charset=utf-8"
        response.status_code, content = self._answer(envelope, acting)
        response.raw = BytesIO(content)
        return response

    def _answer(self, envelope: soap.Envelope, acting: str | None) -> tuple[int, bytes]:
        organisation = self.lab.organisation
        call = Call(envelope.operation, envelope.request, "LAB\\service", acting, organisation, self.lab.now)
        try:
            answer = OPERATIONS[envelope.operation](call)
        except ResponseFault as fault:
            return 500, soap.fault(soap.Trouble(fault.code, fault.text, dict(fault.values)))
        validate(answer)
        return 200, soap.write(answer)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab that exchangelib reaches instead of any server."""
    made = Lab()
    adapter = type("LabAdapter", (Adapter,), {"lab": made})
    monkeypatch.setattr(BaseProtocol, "HTTP_ADAPTER_CLS", adapter)
    monkeypatch.setattr(BaseProtocol, "get_adapter", classmethod(lambda _: adapter()))
    CachingProtocol.clear_cache()
    yield made
    CachingProtocol.clear_cache()


def account(address: str = ANNA) -> Any:
    """An account of exchangelib, impersonated."""
    endpoint = "https://exchange.example.com/EWS/Exchange.asmx"
    version = Version(build=Build(15, 1, 2507, 6))
    config = Configuration(service_endpoint=endpoint, auth_type=NOAUTH, version=version, max_connections=1)
    return Account(
        address, access_type=IMPERSONATION, config=config, autodiscover=False, default_timezone=STOCKHOLM
    )


def test_a_series_reads_as_it_was_made(lab: Lab) -> None:
    """Occurrences of a view, the master with recurrence, zone and attendees, the changed occurrence."""
    spec = {"kind": "weekly", "days": ["Monday", "Wednesday"], "count": 6}
    made = lab.edit(
        "create",
        mailbox=ANNA,
        start="2026-11-23T09:00",
        zone=EUROPE,
        subject="Stand-up",
        body="<p>hi</p>",
        attendees=[BERT],
        recurrence=spec,
    )
    lab.edit(
        "change_occurrence",
        mailbox=ANNA,
        item=made["uid"],
        at="2026-11-25T09:00",
        subject="Late",
        start="2026-11-25T10:00",
    )
    seen = list(account().calendar.view(start=WEEK[0], end=WEEK[1]).order_by("start"))
    assert [(one.subject, one.start.hour, one.type) for one in seen] == [
        ("Stand-up", 8, "Occurrence"),
        ("Late", 9, "Exception"),
    ]
    master = seen[0].recurring_master()
    master.refresh()
    assert sorted(master.recurrence.pattern.weekdays) == [1, 3]
    assert master.recurrence.boundary.number == 6
    assert master._start_timezone.key == "Europe/Berlin" or master._start_timezone.ms_id == EUROPE
    assert master.required_attendees[0].mailbox.email_address == BERT
    assert master.modified_occurrences[0].original_start.hour == 8
    assert "<p>hi</p>" in master.body


def test_the_feed_is_followed(lab: Lab) -> None:
    """sync_items gives creations, then a deletion."""
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", subject="x")
    calendar = account().calendar
    first = list(calendar.sync_items(only_fields=["subject"], max_changes_returned=1))
    state = calendar.item_sync_state
    lab.edit("delete", mailbox=ANNA, item=made["uid"])
    second = list(calendar.sync_items(sync_state=state, only_fields=["subject"]))
    assert [(kind, item.id) for kind, item in first] == [("create", made["item_id"])]
    assert [(kind, item.id) for kind, item in second] == [("delete", made["item_id"])]


def test_a_meeting_is_made_changed_answered_and_deleted(lab: Lab) -> None:
    """The client's own requests create a series, change and decline it, and delete it."""
    anna, bert = account(), account(BERT)
    start = EWSDateTime(2026, 11, 23, 9, tzinfo=STOCKHOLM)
    item = CalendarItem(
        account=anna,
        folder=anna.calendar,
        subject="Plan",
        body="text",
        start=start,
        end=start + timedelta(hours=1),
        required_attendees=[BERT],
        recurrence=Recurrence(pattern=WeeklyPattern(interval=1, weekdays=[1]), start=start.date(), number=3),
    )
    item.save(send_meeting_invitations="SendToAllAndSaveCopy")
    assert [one["start"] for one in lab.truth(BERT)] == [
        f"2026-{day}T08:00:00Z" for day in ("11-23", "11-30", "12-07")
    ]
    item.location = "Room"
    item.save(update_fields=["location"], send_meeting_invitations="SendToAllAndSaveCopy")
    copy = next(iter(bert.calendar.filter(subject="Plan")))
    assert copy.location == "Room"
    copy.accept(body="yes")
    assert lab.truth(ANNA)[0]["attendees"][0]["response"] == "Accept"
    item.refresh()
    known = item.id
    item.delete(send_meeting_cancellations="SendToAllAndSaveCopy")
    assert lab.truth(BERT)[0]["cancelled"] is True
    with pytest.raises(ErrorItemNotFound):
        anna.calendar.get(id=known)


def test_free_busy_and_absence_are_understood(lab: Lab) -> None:
    """GetServerTimeZones, GetUserAvailability and GetUserOofSettings through the client's own words."""
    lab.edit("create", mailbox=BERT, start="2026-11-23T09:00", zone=EUROPE, subject="x")
    lab.edit("set_out_of_office", mailbox=ANNA, state="Enabled", internal="away", external="away")
    anna = account()
    views = list(
        anna.protocol.get_free_busy_info(accounts=[(BERT, "Required", False)], start=WEEK[0], end=WEEK[1])
    )
    assert [event.start.astimezone(STOCKHOLM).hour for event in views[0].calendar_events] == [9]
    assert anna.oof_settings.state == "Enabled"


def test_ids_are_converted(lab: Lab) -> None:
    """ConvertId through the client."""
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    asked = AlternateId(id=made["item_id"], format="EwsId", mailbox=ANNA)
    found = list(account().protocol.convert_ids([asked], destination_format="OwaId"))
    assert [(one.format, one.mailbox) for one in found] == [("OwaId", ANNA)]
