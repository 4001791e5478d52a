"""Facts about free/busy, absence, mail tips and time zones; every answer is also held against the EWS schema."""

import pytest
from lxml import etree

from tests.lab.exchange.call import ResponseFault
from tests.lab.exchange.zones import ZONES
from tests.unit.lab.asking import ANNA, BERT, EUROPE, Lab, codes, texts

CET = (
    "<t:TimeZone><t:Bias>-60</t:Bias>"
    "<t:StandardTime><t:Bias>0</t:Bias><t:Time>03:00:00</t:Time><t:DayOrder>5</t:DayOrder><t:Month>10</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:StandardTime>"
    "<t:DaylightTime><t:Bias>-60</t:Bias><t:Time>02:00:00</t:Time><t:DayOrder>5</t:DayOrder><t:Month>3</t:Month><t:DayOfWeek>Sunday</t:DayOfWeek></t:DaylightTime></t:TimeZone>"
)


def free_busy(
    lab: Lab,
    *addresses: str,
    view: str = "DetailedMerged",
    day: str = "2026-11-23",
    until: str = "2026-11-24",
) -> etree._Element:
    """A GetUserAvailability of whole days of Central Europe."""
    who = "".join(
        f"<t:MailboxData><t:Email><t:Address>{one}</t:Address></t:Email><t:AttendeeType>Required</t:AttendeeType></t:MailboxData>"
        for one in addresses
    )
    window = f"<t:TimeWindow><t:StartTime>{day}T00:00:00</t:StartTime><t:EndTime>{until}T00:00:00</t:EndTime></t:TimeWindow>"
    options = (
        f"<t:FreeBusyViewOptions>{window}<t:MergedFreeBusyIntervalInMinutes>60</t:MergedFreeBusyIntervalInMinutes>"
        f"<t:RequestedView>{view}</t:RequestedView></t:FreeBusyViewOptions>"
    )
    return lab.ask(
        f"<GetUserAvailabilityRequest>{CET}<MailboxDataArray>{who}</MailboxDataArray>{options}</GetUserAvailabilityRequest>"
    )


@pytest.mark.parametrize("day", ["2026-07-23", "2026-11-23"])
def test_busy_times_are_wall_times_of_the_asker(day: str) -> None:
    """Events and the merged digits follow the zone of the request, in summer as in winter."""
    lab = Lab()
    lab.edit("create", mailbox=BERT, start=f"{day}T09:30", end=f"{day}T11:00", zone=EUROPE, subject="x")
    until = day[:-2] + "24"
    answer = free_busy(lab, BERT, day=day, until=until)
    assert texts(answer, "t:StartTime")[0] == f"{day}T09:30:00"
    assert texts(answer, "t:MergedFreeBusy") == ["0" * 9 + "22" + "0" * 13]


def test_private_meetings_show_no_words() -> None:
    """Details of a private meeting are its time and marks only."""
    lab = Lab()
    lab.edit("create", mailbox=BERT, start="2026-11-23T09:00", subject="secret", sensitivity="Private")
    answer = free_busy(lab, BERT)
    assert texts(answer, "t:IsPrivate") == ["true"]
    assert "secret" not in etree.tostring(answer).decode()


@pytest.mark.parametrize(
    "view", ["None", "MergedOnly", "FreeBusy", "FreeBusyMerged", "Detailed", "DetailedMerged"]
)
def test_every_view_is_valid(view: str) -> None:
    """Each view has the parts it is named after."""
    lab = Lab()
    lab.edit("create", mailbox=BERT, start="2026-11-23T09:00", subject="x")
    answer = free_busy(lab, BERT, view=view)
    assert len(texts(answer, "t:MergedFreeBusy")) == view.count("Merged")
    assert len(texts(answer, "t:CalendarEvent")) == (view not in {"None", "MergedOnly"})
    assert texts(answer, "t:Subject") == (["x"] if view.startswith("Detailed") else [])


def test_unknown_people_have_no_calendar() -> None:
    """One answer per address, in order."""
    answer = free_busy(Lab(), BERT, "nobody@example.com", ANNA)
    assert codes(answer) == ["NoError", "ErrorMailRecipientNotFound", "NoError"]


@pytest.mark.parametrize(
    ("addresses", "until", "code"),
    [
        (["a@example.com"] * 101, "2026-11-24", "ErrorMailboxDataArrayTooBig"),
        ([BERT], "2027-03-01", "ErrorTimeIntervalTooBig"),
        ([BERT], "2026-11-23", "ErrorInvalidTimeInterval"),
    ],
)
def test_a_question_has_bounds(addresses: list[str], until: str, code: str) -> None:
    """More than 100 mailboxes, more than 62 days or no time at all fail as a whole."""
    with pytest.raises(ResponseFault, match=code):
        free_busy(Lab(), *addresses, until=until)


def absence(lab: Lab, address: str = ANNA) -> etree._Element:
    """A GetUserOofSettings."""
    return lab.ask(
        f"<GetUserOofSettingsRequest><t:Mailbox><t:Address>{address}</t:Address></t:Mailbox></GetUserOofSettingsRequest>"
    )


def test_absence_is_told_to_its_owner_only() -> None:
    """State, span and texts come back to the owner; another mailbox is closed."""
    lab = Lab()
    lab.edit(
        "set_out_of_office",
        mailbox=ANNA,
        state="Scheduled",
        start="2026-11-21",
        end="2026-11-28",
        internal="Away",
    )
    answer = absence(lab)
    assert texts(answer, "t:OofState") == ["Scheduled"]
    assert texts(answer, "t:EndTime") == ["2026-11-28T00:00:00Z"]
    assert texts(answer, "t:Message") == ["Away", ""]
    assert codes(absence(lab, BERT)) == ["ErrorAccessDenied"]
    assert texts(absence(Lab()), "t:OofState") == ["Disabled"]


def test_mail_tips_show_who_replies_automatically() -> None:
    """Absence within its span, presence outside, pending and unknown people."""
    lab = Lab()
    lab.edit("add_mailbox", address="carl@example.com")
    lab.edit(
        "set_out_of_office",
        mailbox=BERT,
        state="Scheduled",
        start="2026-11-21",
        end="2026-11-28",
        internal="Away",
    )
    lab.edit(
        "set_out_of_office",
        mailbox=ANNA,
        state="Scheduled",
        start="2026-12-21",
        end="2026-12-28",
        internal="Later",
    )
    lab.edit("pend_mail_tips", mailbox="carl@example.com")
    who = (BERT, ANNA, "carl@example.com", "nobody@example.com")
    asked = "".join(f"<t:Mailbox><t:EmailAddress>{one}</t:EmailAddress></t:Mailbox>" for one in who)
    answer = lab.ask(
        f"<GetMailTips><SendingAs><t:EmailAddress>{ANNA}</t:EmailAddress></SendingAs><Recipients>{asked}</Recipients>"
        "<MailTipsRequested>OutOfOfficeMessage</MailTipsRequested></GetMailTips>"
    )
    assert texts(answer, "t:Message") == ["Away", ""]
    assert texts(answer, "t:PendingMailTips") == ["", "", "OutOfOfficeMessage", ""]
    assert texts(answer, "t:InvalidRecipient") == ["false", "false", "false", "true"]


@pytest.mark.parametrize("full", ["true", "false"])
def test_zones_are_listed(full: str) -> None:
    """All zones, or those asked for; with rules only in full."""
    lab = Lab()
    every = lab.ask(f'<GetServerTimeZones ReturnFullTimeZoneData="{full}"/>')
    some = lab.ask(
        f'<GetServerTimeZones ReturnFullTimeZoneData="{full}"><Ids><t:Id>{EUROPE}</t:Id><t:Id>Elbonia</t:Id></Ids></GetServerTimeZones>'
    )
    assert len(texts(every, "t:TimeZoneDefinition")) == len(ZONES)
    assert len(texts(some, "t:TimeZoneDefinition")) == 1
    assert len(texts(some, "t:RecurringDayTransition")) == (2 if full == "true" else 0)
