"""What people do to their calendars: every edit takes and gives JSON.

Times are ISO 8601; without an offset they are wall times of the item's zone. `item` is an item id or a UID, `at` the original start
of an occurrence. `send` is a sending mode of EWS. `fields` are those of `fields.read_fields`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import wraps
from typing import Any

from tests.lab.exchange import administration, meetings
from tests.lab.exchange.calendar import Content, Item, Person
from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.fields import (
    Json,
    complete_times,
    default_end,
    describe,
    read_attendees,
    read_fields,
    read_time,
    write_time,
)
from tests.lab.exchange.identifiers import parse
from tests.lab.exchange.mailbox import Disposal, Mailbox
from tests.lab.exchange.meetings import SEND_TO_NONE, Place
from tests.lab.exchange.organisation import Organisation
from tests.lab.exchange.recurrence import Rule
from tests.lab.exchange.recurrence import rule as read_rule

SENDING = "SendToAllAndSaveCopy"


def create(
    organisation: Organisation,
    *,
    mailbox: str,
    start: str,
    recurrence: Mapping[str, Any] | None = None,
    send: str = SENDING,
    by: str = "",
    **fields: Any,
) -> Json:
    """Make an appointment, or with attendees a meeting; `recurrence` as in recurrence.rule, `by` a delegate of the owner's."""
    owner = organisation.mailbox(mailbox)
    content = _new(start, fields)
    place = meetings.create(organisation, owner, content, _rule(recurrence, content), send)
    if by:
        place.write({"modified_by": organisation.mailbox(by).name})
    return _result(place)


def receive(
    organisation: Organisation,
    *,
    mailbox: str,
    start: str,
    organizer: Mapping[str, str],
    recurrence: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Json:
    """Let an invitation from outside the organisation arrive; `organizer` has address and name."""
    owner = organisation.mailbox(mailbox)
    shown = replace(
        _new(start, {"my_response": "NoResponseReceived", "show_as": "Tentative", **fields}),
        organizer=Person(organizer["address"], organizer.get("name", "")),
        meeting=True,
        mine=False,
        request_sent=True,
    )
    rule = _rule(recurrence, shown)
    content = meetings.aligned(replace(shown, uid=shown.uid or organisation.fresh_uid()), rule)
    item = owner.create(content, rule, organisation.clock())
    owner.tell_mail(organisation.clock())
    return _result(Place(organisation, owner, item))


def change(
    organisation: Organisation, *, mailbox: str, item: str, send: str = SENDING, **fields: Any
) -> Json:
    """Change any fields of a single item or of a whole series."""
    return _changed(_place(organisation, mailbox, item), fields, send)


def move(
    organisation: Organisation,
    *,
    mailbox: str,
    item: str,
    start: str,
    end: str | None = None,
    send: str = SENDING,
) -> Json:
    """Move an item or a series; without `end` it keeps its duration. Exceptions of a series are lost, as in Outlook."""
    times = {"start": start} if end is None else {"start": start, "end": end}
    return _changed(_place(organisation, mailbox, item), times, send)


def make_recurring(
    organisation: Organisation, *, mailbox: str, item: str, recurrence: Mapping[str, Any], send: str = SENDING
) -> Json:
    """Turn a single item into a series, or give a series another recurrence (exceptions are lost)."""
    place = _place(organisation, mailbox, item)
    meetings.update(place, {"rule": _rule(recurrence, place.content)}, send)
    return _result(place)


def make_single(organisation: Organisation, *, mailbox: str, item: str, send: str = SENDING) -> Json:
    """Take the recurrence away; the series' first meeting stays."""
    place = _place(organisation, mailbox, item)
    meetings.update(place, {"rule": None}, send)
    return _result(place)


def change_occurrence(
    organisation: Organisation, *, mailbox: str, item: str, at: str, send: str = SENDING, **fields: Any
) -> Json:
    """Change one occurrence."""
    return _changed(_place(organisation, mailbox, item, at), fields, send)


def delete_occurrence(
    organisation: Organisation, *, mailbox: str, item: str, at: str, send: str = SENDING
) -> Json:
    """Delete one occurrence; the organiser's deletion cancels it for the attendees."""
    place = _place(organisation, mailbox, item, at)
    meetings.cancel(place, send)
    return _result(Place(organisation, place.mailbox, place.item))


def cancel(organisation: Organisation, *, mailbox: str, item: str) -> Json:
    """Cancel a meeting: it leaves the organiser's calendar and is marked in the attendees'."""
    place = _place(organisation, mailbox, item)
    meetings.cancel(place)
    return {"uid": place.item.content.uid}


def delete(
    organisation: Organisation, *, mailbox: str, item: str, to: Disposal = "MoveToDeletedItems"
) -> Json:
    """Delete an item from one calendar without telling anybody."""
    place = _place(organisation, mailbox, item)
    meetings.cancel(place, SEND_TO_NONE, to)
    return {"uid": place.item.content.uid}


def send(organisation: Organisation, *, mailbox: str, item: str) -> Json:
    """Send the invitation of a meeting that was only saved so far."""
    place = _place(organisation, mailbox, item)
    meetings.send_request(place)
    return _result(place)


def respond(
    organisation: Organisation,
    *,
    mailbox: str,
    item: str,
    response: str,
    at: str | None = None,
    mail: bool = True,
) -> Json:
    """Accept, Tentative or Decline an invitation, or one occurrence of it."""
    place = _place(organisation, mailbox, item, at)
    meetings.respond(place, response, mail=mail)
    return {"uid": place.item.content.uid}


def add_attendees(
    organisation: Organisation,
    *,
    mailbox: str,
    item: str,
    attendees: Sequence[str | Mapping[str, Any]],
    send: str = "SendToChangedAndSaveCopy",
) -> Json:
    """Invite more people; only they get a mail, as Outlook proposes."""
    place = _place(organisation, mailbox, item)
    meetings.update(place, {"attendees": (*place.content.attendees, *read_attendees(attendees))}, send)
    return _result(place)


def remove_attendees(
    organisation: Organisation,
    *,
    mailbox: str,
    item: str,
    attendees: Sequence[str],
    send: str = "SendToChangedAndSaveCopy",
) -> Json:
    """Take people off the list; only they get a mail."""
    place = _place(organisation, mailbox, item)
    leaving = {address.lower() for address in attendees}
    staying = tuple(one for one in place.content.attendees if one.address.lower() not in leaving)
    meetings.update(place, {"attendees": staying}, send)
    return _result(place)


def corrupt(organisation: Organisation, *, mailbox: str, item: str, code: str = "ErrorItemCorrupt") -> Json:
    """Make an item unreadable: GetItem answers `code` for it; "" repairs it."""
    place = _place(organisation, mailbox, item)
    place.item.corrupt = code
    place.write({})
    return _result(place)


def truth(organisation: Organisation, address: str, start: str | datetime, end: str | datetime) -> list[Json]:
    """The occurrences in [start, end) of one calendar in order of start, as they really are, whatever the mailbox's state.

    Raises ValueError when there is no such mailbox.
    """
    with organisation.lock:
        mailbox = organisation.find(address)
        if mailbox is None:
            raise ValueError(f"no mailbox is called {address}")
        seen = sorted(
            mailbox.view(_instant(start), _instant(end)),
            key=lambda one: (one.content.start, one.item.serial),
        )
        return [describe(one, mailbox.id_of(one), mailbox.key_of(one.item)) for one in seen]


def show(organisation: Organisation, *, mailbox: str, start: str, end: str) -> Json:
    """`truth` as an edit: {"occurrences": [...]}."""
    return {"occurrences": truth(organisation, mailbox, start, end)}


def mails(organisation: Organisation, *, sender: str | None = None, recipient: str | None = None) -> Json:
    """The meeting mails sent so far, oldest first: {"mails": [...]}."""
    wanted = [
        one
        for one in organisation.mails
        if sender in {None, one.sender} and recipient in {None, one.recipient}
    ]
    listed = [
        {
            "at": write_time(one.at),
            "sender": one.sender,
            "recipient": one.recipient,
            "kind": one.kind,
            "uid": one.uid,
            "subject": one.subject,
            "original_start": write_time(one.original),
            "mode": one.mode,
        }
        for one in wanted
    ]
    return {"mails": listed}


def _instant(when: str | datetime) -> datetime:
    return read_time(when) if isinstance(when, str) else when


def _new(start: str, fields: Mapping[str, Any]) -> Content:
    read = read_fields({"start": start, **fields})
    read.setdefault("end", default_end(read["start"]))
    return Content(**{"uid": "", **read})


def _rule(recurrence: Mapping[str, Any] | None, content: Content) -> Rule | None:
    if recurrence is None:
        return None
    return read_rule(recurrence, content.zone.to_wall(content.start).date())


def _changed(place: Place, fields: Mapping[str, Any], mode: str) -> Json:
    current = place.content
    changes = complete_times(read_fields(fields, current), current)
    meetings.update(place, changes, mode)
    return _result(place)


def _place(organisation: Organisation, address: str, item: str, at: str | None = None) -> Place:
    mailbox = organisation.mailbox(address)
    found = mailbox.with_uid(item) or _by_id(mailbox, item)
    place = Place(organisation, mailbox, found)
    if at is None:
        return place
    place = replace(place, original=read_time(at, found.content.zone))
    mailbox.sight(found.serial, place.original)
    return place


def _by_id(mailbox: Mailbox, text: str) -> Item:
    named = parse(text)
    if named.guid != mailbox.guid:
        raise ResponseFault("ErrorItemNotFound", f"The item is not in {mailbox.address}.")
    return mailbox.item(named.serial)


def _result(place: Place) -> Json:
    mailbox, item = place.mailbox, place.item
    return {
        "item_id": mailbox.item_id(item.serial, place.original),
        "change_key": mailbox.key_of(item),
        "uid": item.content.uid,
    }


Edit = Callable[..., Json]


def _locked(edit: Edit) -> Edit:
    @wraps(edit)
    def run(organisation: Organisation, **arguments: Any) -> Json:
        with organisation.lock:
            return edit(organisation, **arguments)

    return run


EDITS: dict[str, Edit] = {
    edit.__name__: _locked(edit)
    for edit in (
        create,
        receive,
        change,
        move,
        make_recurring,
        make_single,
        change_occurrence,
        delete_occurrence,
        cancel,
        delete,
        send,
        respond,
        add_attendees,
        remove_attendees,
        corrupt,
        show,
        mails,
        *administration.EDITS,
    )
}
"""By name. An edit raises ValueError or TypeError for arguments that make no sense, ResponseFault for things that are not there."""
