"""GetUserAvailability: who is busy when (MS-OXWAVLS)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree

from tests.lab.exchange.calendar import Kind, Sight
from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import NAMES, T, boolean, m, message, t, text_at
from tests.lab.exchange.mailbox import Mailbox
from tests.lab.exchange.operations.batch import failed, succeeded
from tests.lab.exchange.zones import WEEKDAYS, ZONES, Change, Zone

MAILBOX_LIMIT = 100
SPAN_LIMIT = timedelta(days=62)
DIGITS = {"Free": 0, "Tentative": 1, "Busy": 2, "OOF": 3, "WorkingElsewhere": 4}


@dataclass(frozen=True, slots=True)
class Question:
    """The part of the request that is the same for all mailboxes; times of the answer are wall times of `zone`."""

    zone: Zone
    start: datetime
    end: datetime
    view: str
    step: timedelta


def get_user_availability(call: Call) -> etree._Element:
    """Answers GetUserAvailability; free/busy is open to everyone in the organisation."""
    asked = call.request.findall("m:MailboxDataArray/t:MailboxData", NAMES)
    if len(asked) > MAILBOX_LIMIT:
        raise ResponseFault("ErrorMailboxDataArrayTooBig", "The mailbox data array is too big.", "soap")
    if not asked:
        raise ResponseFault("ErrorMailboxDataArrayEmpty", "The mailbox data array is empty.", "soap")
    question = _question(call)
    response = message("GetUserAvailabilityResponse")
    answers = m(response, "FreeBusyResponseArray")
    for one in asked:
        answers.append(_answer(call, text_at(one, "t:Email/t:Address"), question))
    return response


def _question(call: Call) -> Question:
    options = call.request.find("t:FreeBusyViewOptions", NAMES)
    if options is None:
        raise ResponseFault("ErrorInvalidFreeBusyViewType", "FreeBusyViewOptions are missing.", "soap")
    zone = _zone(call.request.find("t:TimeZone", NAMES))
    start, end = (_time(text_at(options, f"t:TimeWindow/t:{name}Time"), zone) for name in ("Start", "End"))
    if end <= start:
        raise ResponseFault("ErrorInvalidTimeInterval", "The time window ends before it begins.", "soap")
    if end - start > SPAN_LIMIT:
        raise ResponseFault("ErrorTimeIntervalTooBig", "The requested time duration is too long.", "soap")
    step = timedelta(minutes=int(text_at(options, "t:MergedFreeBusyIntervalInMinutes", "30")))
    return Question(zone, start, end, text_at(options, "t:RequestedView", "FreeBusy"), step)


def _time(text: str, zone: Zone) -> datetime:
    parsed = datetime.fromisoformat(text)
    return zone.to_utc(parsed) if parsed.tzinfo is None else parsed.astimezone(UTC)


def _answer(call: Call, address: str, question: Question) -> etree._Element:
    made = message("FreeBusyResponse")
    mailbox = call.organisation.find(address)
    if mailbox is None or mailbox.state in {"disabled", "online"}:
        fault = ResponseFault("ErrorMailRecipientNotFound", f"Unable to resolve {address}.")
        made.append(failed("ResponseMessage", fault))
        return made
    made.append(succeeded("ResponseMessage"))
    _write(made, mailbox, question)
    return made


def _write(parent: etree._Element, mailbox: Mailbox, question: Question) -> None:
    made = m(parent, "FreeBusyView")
    t(made, "FreeBusyViewType", question.view)
    seen = [
        sight for sight in mailbox.view(question.start, question.end) if sight.content.show_as != "NoData"
    ]
    seen.sort(key=lambda sight: (sight.content.start, sight.item.serial))
    if "Merged" in question.view:
        t(made, "MergedFreeBusy", "".join(_merged(seen, question)))
    if question.view not in {"None", "MergedOnly"}:
        events = t(made, "CalendarEventArray")
        for sight in seen:
            _event(events, sight, question)
    _working_hours(made)


def _merged(seen: list[Sight], question: Question) -> Iterable[str]:
    at = question.start
    while at < question.end:
        upto = at + question.step
        yield str(max((DIGITS[one.content.show_as] for one in seen if one.overlaps(at, upto)), default=0))
        at = upto


def _event(parent: etree._Element, sight: Sight, question: Question) -> None:
    content = sight.content
    made = t(parent, "CalendarEvent")
    t(made, "StartTime", question.zone.to_wall(content.start).isoformat(timespec="seconds"))
    t(made, "EndTime", question.zone.to_wall(content.end).isoformat(timespec="seconds"))
    t(made, "BusyType", content.show_as)
    if question.view.startswith("Detailed"):
        _details(made, sight)


def _details(parent: etree._Element, sight: Sight) -> None:
    content, private = sight.content, sight.content.sensitivity == "Private"
    made = t(parent, "CalendarEventDetails")
    t(made, "ID", f"{sight.item.serial:024X}")
    if not private:
        t(made, "Subject", content.subject)
        t(made, "Location", content.location)
    t(made, "IsMeeting", boolean(content.meeting))
    t(made, "IsRecurring", boolean(sight.original is not None))
    t(made, "IsException", boolean(sight.kind is Kind.EXCEPTION))
    t(made, "IsReminderSet", boolean(content.reminder is not None))
    t(made, "IsPrivate", boolean(private))


def _working_hours(parent: etree._Element) -> None:
    made = t(parent, "WorkingHours")
    _write_zone(made, ZONES["W. Europe Standard Time"])
    period = t(t(made, "WorkingPeriodArray"), "WorkingPeriod")
    t(period, "DayOfWeek", " ".join(WEEKDAYS[:5]))
    t(period, "StartTimeInMinutes", "480")
    t(period, "EndTimeInMinutes", "1020")


def _write_zone(parent: etree._Element, zone: Zone) -> None:
    made = t(parent, "TimeZone")
    t(made, "Bias", str(-zone.offset))
    for name, change, bias in (
        ("StandardTime", zone.to_standard, 0),
        ("DaylightTime", zone.to_daylight, -zone.saving),
    ):
        when = t(made, name)
        t(when, "Bias", str(bias if change else 0))
        hours, minutes = divmod(change.at if change else 0, 60)
        t(when, "Time", f"{hours:02}:{minutes:02}:00")
        t(when, "DayOrder", str(change.week if change else 0))
        t(when, "Month", str(change.month if change else 0))
        t(when, "DayOfWeek", WEEKDAYS[change.weekday] if change else "Sunday")


def _zone(element: etree._Element | None) -> Zone:
    """The zone of a SerializableTimeZone: biases are minutes west."""
    if element is None:
        raise ResponseFault("ErrorTimeZone", "The request has no time zone.", "soap")
    offset = -int(text_at(element, "t:Bias", "0"))
    standard, daylight = (element.find(f"{T}{name}") for name in ("StandardTime", "DaylightTime"))
    if (
        standard is None
        or daylight is None
        or text_at(daylight, "t:Bias", "0") == text_at(standard, "t:Bias", "0")
    ):
        return Zone("request", "request", offset)
    base = offset - int(text_at(standard, "t:Bias", "0"))
    saving = offset - int(text_at(daylight, "t:Bias", "0")) - base
    return Zone("request", "request", base, saving, _change(daylight), _change(standard))


def _change(element: etree._Element) -> Change:
    hours, minutes = (int(part) for part in text_at(element, "t:Time").split(":")[:2])
    return Change(
        month=int(text_at(element, "t:Month")),
        week=int(text_at(element, "t:DayOrder")),
        weekday=WEEKDAYS.index(text_at(element, "t:DayOfWeek")),
        at=60 * hours + minutes,
    )
