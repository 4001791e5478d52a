"""CreateItem: new calendar items, and the response objects that answer or cancel meetings."""

from datetime import datetime

from lxml import etree

from tests.lab.exchange import meetings
from tests.lab.exchange.calendar import NEVER, Content
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, T, children, local, m, t
from tests.lab.exchange.mailbox import Mailbox
from tests.lab.exchange.meetings import Place
from tests.lab.exchange.operations.addressing import acting_mailbox, calendar_of, item_of, permitted
from tests.lab.exchange.operations.batch import answer_each
from tests.lab.exchange.operations.reading import Changes, read_children
from tests.lab.exchange.parts import write_id

_ANSWERS = {"AcceptItem": "Accept", "TentativelyAcceptItem": "Tentative", "DeclineItem": "Decline"}


def create_item(call: Call) -> etree._Element:
    """Answers CreateItem."""

    def fill(made: etree._Element, element: etree._Element) -> None:
        place = _carry_out(call, element)
        items = m(made, "Items")
        if place is not None:
            write_id(
                t(items, "CalendarItem"),
                place.mailbox,
                place.mailbox.sight(place.item.serial, place.original),
            )

    return answer_each(call, children(call.request.find("m:Items", NAMES)), fill, "Items")


def _carry_out(call: Call, element: etree._Element) -> Place | None:
    kind = local(element)
    if kind == "CalendarItem":
        return _create(call, element)
    if kind in _ANSWERS:
        return _respond(call, element, _ANSWERS[kind])
    if kind == "CancelCalendarItem":
        meetings.cancel(_referenced(call, element))
        return None
    raise ResponseFault("ErrorInvalidOperation", f"The lab does not create {kind}.")


def _create(call: Call, element: etree._Element) -> Place:
    mode = call.request.get("SendMeetingInvitations")
    if mode is None:
        raise ResponseFault(
            "ErrorSendMeetingInvitationsRequired", "SendMeetingInvitations attribute is required."
        )
    mailbox = _destination(call)
    changes = read_children(element, Content("", NEVER, NEVER))
    rule = changes.pop("rule", None)
    content = Content(**{"uid": "", **_with_times(changes, call.now)})
    if content.end < content.start:
        raise ResponseFault(
            "ErrorCalendarEndDateIsEarlierThanStartDate", "EndDate is earlier than StartDate."
        )
    return meetings.create(call.organisation, mailbox, content, rule, mode)


def _with_times(changes: Changes, now: datetime) -> Changes:
    start = changes.get("start", now.replace(second=0, microsecond=0))
    return {"end": start, **changes, "start": start}


def _destination(call: Call) -> Mailbox:
    folder = call.request.find("m:SavedItemFolderId", NAMES)
    mailbox = acting_mailbox(call) if folder is None else calendar_of(call, children(folder)[0])
    return permitted(call, mailbox, writing=True)


def _respond(call: Call, element: etree._Element, response: str) -> Place | None:
    place = _referenced(call, element)
    meetings.respond(place, response, mail=call.request.get("MessageDisposition") != "SaveOnly")
    return None if response == "Decline" else place


def _referenced(call: Call, element: etree._Element) -> Place:
    reference = element.find(T + "ReferenceItemId")
    if reference is None:
        raise ResponseFault("ErrorInvalidReferenceItem", "The response object has no ReferenceItemId.")
    target = item_of(call, reference, writing=True)
    return Place(call.organisation, target.mailbox, target.item, target.sight.original)
