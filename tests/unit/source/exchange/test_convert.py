"""From CalendarItem elements to meetings."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.errors import Unreadable
from connector.model import Attendee, Response, Role, Sensitivity, ShowAs
from connector.source.exchange import convert
from connector.source.exchange.text import plain_text

T = "http://schemas.microsoft.com/exchange/services/2006/types"
EARLIEST, LATEST = datetime(1990, 1, 1), datetime(2100, 1, 1)  # noqa: DTZ001 - hypothesis wants them naive
TIMES = "<Start>2026-03-09T08:00:00Z</Start><End>2026-03-09T09:00:00Z</End>"


def element(inside: str = TIMES) -> etree._Element:
    """A CalendarItem with an id."""
    return etree.fromstring(
        f'<CalendarItem xmlns="{T}"><ItemId Id="i1" ChangeKey="c1"/>{inside}</CalendarItem>'
    )


def test_bare_item_is_a_meeting() -> None:
    """Id, start and end are enough; all else has a plain default, and a missing UID is made of the id."""
    meeting = convert.item(element()).meeting
    assert (meeting.item_id, meeting.home_id, meeting.change_key) == ("i1", "i1", "c1")
    assert meeting.start == datetime(2026, 3, 9, 8, tzinfo=UTC) == meeting.original_start
    assert meeting.uid == convert.item(element()).meeting.uid != ""
    assert not meeting.recurring


def test_fields_are_taken_over() -> None:
    """Words, people, answers and marks arrive as the model has them."""
    person = (
        "<Mailbox><Name>{0}</Name><EmailAddress>{1}</EmailAddress><RoutingType>SMTP</RoutingType></Mailbox>"
    )
    attendee = "<Attendee>" + person + "<ResponseType>{2}</ResponseType></Attendee>"
    inside = (
        "<Subject>Plan</Subject><Sensitivity>Private</Sensitivity><Body BodyType='Text'>one\r\ntwo\r\n</Body><UID> U1 </UID>"
        + TIMES
        + "<LegacyFreeBusyStatus>OOF</LegacyFreeBusyStatus><Location>Room 1</Location><IsCancelled>true</IsCancelled>"
        "<CalendarItemType>Single</CalendarItemType><MyResponseType>Tentative</MyResponseType>"
        f"<Organizer>{person.format('Anna', 'Anna@Example.com')}</Organizer>"
        f"<RequiredAttendees>{attendee.format('Bert', 'BERT@example.com', 'Accept')}</RequiredAttendees>"
        f"<OptionalAttendees>{attendee.format('Old', '/o=Lab/cn=old', 'Unknown')}</OptionalAttendees>"
        f"<Resources>{attendee.format('Room', 'room@example.com', 'NoResponseReceived')}</Resources>"
        "<JoinOnlineMeetingUrl>https://meet.example.com/a</JoinOnlineMeetingUrl>"
    )
    meeting = convert.item(element(inside)).meeting
    assert (meeting.subject, meeting.location, meeting.body, meeting.uid) == (
        "Plan",
        "Room 1",
        "one\ntwo",
        "U1",
    )
    assert meeting.organizer == Attendee("anna@example.com", "Anna", response=Response.ORGANIZER)
    assert meeting.attendees == (
        Attendee("bert@example.com", "Bert", Role.REQUIRED, Response.ACCEPTED),
        Attendee("", "Old", Role.OPTIONAL, Response.NONE),
        Attendee("room@example.com", "Room", Role.RESOURCE, Response.NONE),
    )
    assert (meeting.sensitivity, meeting.show_as) == (Sensitivity.PRIVATE, ShowAs.OUT_OF_OFFICE)
    assert (meeting.response, meeting.cancelled) == (Response.TENTATIVE, True)
    assert meeting.online == ("https://meet.example.com/a",)


def test_join_addresses_come_best_first_and_once() -> None:
    """Teams' own property leads, then what EWS derives, then Skype for Business's; doubles are dropped."""
    named = (
        '<ExtendedProperty><ExtendedFieldURI PropertySetId="00020329-0000-0000-c000-000000000046" PropertyName="{}"'
        ' PropertyType="String"/><Value>{}</Value></ExtendedProperty>'
    )
    inside = (
        named.format("OnlineMeetingExternalLink", "https://sfb.example.com/x")
        + named.format("SkypeTeamsMeetingUrl", "https://teams.example.com/y")
        + TIMES
        + "<JoinOnlineMeetingUrl>https://sfb.example.com/x</JoinOnlineMeetingUrl>"
    )
    online = convert.item(element(inside)).meeting.online
    assert online == ("https://teams.example.com/y", "https://sfb.example.com/x")


def test_exception_keeps_the_start_of_its_rule() -> None:
    """OriginalStart names the occurrence an exception stands for."""
    inside = TIMES.replace("<End>", "<End>") + (
        "<OriginalStart>2026-03-08T08:00:00Z</OriginalStart><CalendarItemType>Exception</CalendarItemType>"
    )
    meeting = convert.item(element(inside)).meeting
    assert meeting.original_start == datetime(2026, 3, 8, 8, tzinfo=UTC)
    assert meeting.exception
    assert meeting.recurring


def test_occurrence_invited_by_itself_keeps_its_recurrence_id() -> None:
    """Who is invited to one occurrence alone has a single item with a RecurrenceId, in the UID of the series."""
    inside = "<UID>U1</UID><RecurrenceId>2026-03-07T08:00:00Z</RecurrenceId>" + TIMES
    meeting = convert.item(element(inside)).meeting
    assert meeting.original_start == datetime(2026, 3, 7, 8, tzinfo=UTC)
    assert meeting.exception


@pytest.mark.parametrize(
    "inside",
    ["", "<Start>soon</Start><End>2026-03-09T09:00:00Z</End>", "<Start>2026-03-09T08:00:00Z</Start>"],
)
def test_item_without_times_is_unreadable(inside: str) -> None:
    """What can't be placed in time is reported by its id and stops nothing else."""
    with pytest.raises(Unreadable) as caught:
        convert.item(element(inside))
    assert caught.value.item_id == "i1"


def test_all_day_meeting_has_its_date() -> None:
    """The date is that of the item's own zone."""
    inside = (
        "<Start>2026-03-08T23:00:00Z</Start><End>2026-03-09T23:00:00Z</End><IsAllDayEvent>true</IsAllDayEvent>"
        '<StartTimeZone Id="W. Europe Standard Time"/>'
    )
    meeting = convert.item(element(inside)).meeting
    assert meeting.first_day == date(2026, 3, 9)
    assert meeting.start == datetime(2026, 3, 8, 23, tzinfo=UTC)


def test_whole_day_series_keeps_its_dates_over_the_change_of_time() -> None:
    """Each occurrence's date is computed at its own instant, across the start of summer time."""
    inside = (
        "<Start>2026-03-27T23:00:00Z</Start><End>2026-03-28T23:00:00Z</End><IsAllDayEvent>true</IsAllDayEvent>"
        '<CalendarItemType>RecurringMaster</CalendarItemType><StartTimeZone Id="W. Europe Standard Time"/>'
    )
    master = convert.item(element(inside))
    starts = [datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 3, 29, 22, tzinfo=UTC)]
    rows = [
        convert.Row(f"o{n}", "c", "u", "Occurrence", s, s + timedelta(days=1)) for n, s in enumerate(starts)
    ]
    assert [master.occurrence(row).first_day for row in rows] == [date(2026, 3, 29), date(2026, 3, 30)]


@given(
    st.datetimes(EARLIEST, LATEST),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
    st.sampled_from(["%z", "%:z"]),
    st.booleans(),
)
def test_moments_are_read_liberally(naive: datetime, minutes: int, form: str, fraction: bool) -> None:
    """With or without fractions of a second and a colon in the offset, the instant is the same and in UTC."""
    given_at = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    offset = given_at.strftime("%z")
    shown = offset if form == "%z" else f"{offset[:3]}:{offset[3:]}"
    text = given_at.strftime("%Y-%m-%dT%H:%M:%S") + (".0000000" if fraction else "") + shown
    read = convert.moment(text)
    assert read == given_at
    assert read.tzinfo is UTC


def test_moment_without_an_offset_is_utc() -> None:
    """We ask for no other zone, so the server means UTC."""
    assert convert.moment("2026-03-09T08:00:00") == datetime(2026, 3, 9, 8, tzinfo=UTC)


def test_html_that_came_uninvited_becomes_text() -> None:
    """Scripts vanish, blocks become lines, and a link's address stays readable."""
    source = (
        "<html><head><style>p{}</style></head><body><p>Hello<br>you</p><!-- no --><script>x()</script>"
        '<p>Join <a href="https://meet.example.com/a">here</a> now</p></body></html>'
    )
    assert plain_text(source) == "Hello\nyou\nJoin here <https://meet.example.com/a> now"


@given(st.text(max_size=200))
def test_any_html_can_be_read(source: str) -> None:
    """No text makes the fallback fail."""
    assert isinstance(plain_text(source.replace("\x00", "")), str)
