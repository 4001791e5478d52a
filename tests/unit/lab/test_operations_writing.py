"""Facts about CreateItem, UpdateItem and DeleteItem; every answer is also held against the EWS schema."""

import pytest
from lxml import etree

from tests.lab.exchange.elements import NAMES
from tests.unit.lab.asking import ANNA, BERT, EUROPE, Lab, codes, set_field, texts

MARKER = '<t:ExtendedFieldURI DistinguishedPropertySetId="PublicStrings" PropertyName="Marker" PropertyType="String"/>'
DAILY = {"kind": "daily", "count": 5}
ATTENDEE = f"<t:Attendee><t:Mailbox><t:EmailAddress>{BERT}</t:EmailAddress></t:Mailbox></t:Attendee>"


def create(
    lab: Lab, fields: str, mode: str = ' SendMeetingInvitations="SendToNone"', acting: str = ANNA
) -> etree._Element:
    """A CreateItem of one calendar item."""
    return lab.ask(
        f"<CreateItem{mode}><Items><t:CalendarItem>{fields}</t:CalendarItem></Items></CreateItem>", acting
    )


def item_id(answer: etree._Element) -> str:
    """The first item id of an answer."""
    found = answer.find(".//t:ItemId", NAMES)
    assert found is not None
    return found.get("Id", "")


def respond(lab: Lab, kind: str, reference: str, acting: str = BERT) -> etree._Element:
    """A CreateItem with a response object."""
    return lab.ask(
        f'<CreateItem MessageDisposition="SendAndSaveCopy"><Items><t:{kind}><t:ReferenceItemId Id="{reference}"/></t:{kind}></Items></CreateItem>',
        acting,
    )


def test_a_created_meeting_has_all_it_was_given() -> None:
    """Subject, body, times, UID, attendees, recurrence, zone and extended property come back."""
    lab = Lab()
    answer = create(
        lab,
        '<t:Subject>Plan</t:Subject><t:Body BodyType="HTML">&lt;p&gt;x&lt;/p&gt;</t:Body>'
        "<t:ReminderIsSet>false</t:ReminderIsSet>"
        f"<t:ExtendedProperty>{MARKER}<t:Value>c1</t:Value></t:ExtendedProperty>"
        "<t:UID>uid-1</t:UID><t:Start>2026-11-23T09:00:00</t:Start><t:End>2026-11-23T10:00:00+01:00</t:End>"
        "<t:Location>Room</t:Location>"
        f"<t:RequiredAttendees>{ATTENDEE}</t:RequiredAttendees>"
        "<t:Recurrence><t:WeeklyRecurrence><t:Interval>1</t:Interval><t:DaysOfWeek>Tuesday Thursday</t:DaysOfWeek></t:WeeklyRecurrence>"
        "<t:NumberedRecurrence><t:StartDate>2026-11-23</t:StartDate><t:NumberOfOccurrences>2</t:NumberOfOccurrences></t:NumberedRecurrence></t:Recurrence>"
        f'<t:StartTimeZone Id="{EUROPE}"/>',
        ' SendMeetingInvitations="SendToAllAndSaveCopy"',
    )
    assert codes(answer) == ["NoError"]
    mine, theirs = lab.truth(ANNA), lab.truth(BERT)
    assert [one["start"] for one in mine] == ["2026-11-24T08:00:00Z", "2026-11-26T08:00:00Z"]
    assert (mine[0]["uid"], mine[0]["location"], mine[0]["reminder"]) == ("uid-1", "Room", None)
    assert mine[0]["properties"][0]["value"] == "c1"
    assert [one["start"] for one in theirs] == [one["start"] for one in mine]


def test_a_described_zone_is_taken_by_its_rule() -> None:
    """A custom zone of the request decides what a wall time means; an unknown bare one is refused."""
    lab = Lab()
    source = lab.edit(
        "create",
        mailbox=ANNA,
        start="2026-07-01T09:00",
        zone={"id": "tzone://Microsoft/Custom", "like": EUROPE},
    )
    zone = lab.get(source["item_id"]).find(".//t:StartTimeZone", NAMES)
    assert zone is not None
    described = etree.tostring(zone).decode()
    times = "<t:Start>2026-07-02T09:00:00</t:Start><t:End>2026-07-02T10:00:00</t:End>"
    assert codes(create(lab, times + described)) == ["NoError"]
    assert [one["start"] for one in lab.truth(ANNA)] == ["2026-07-01T07:00:00Z", "2026-07-02T07:00:00Z"]
    assert codes(create(lab, times + '<t:StartTimeZone Id="Elbonia"/>')) == ["ErrorTimeZone"]


@pytest.mark.parametrize(
    ("fields", "mode", "code"),
    [
        ("<t:Subject>x</t:Subject>", "", "ErrorSendMeetingInvitationsRequired"),
        (
            "<t:Start>2026-11-23T09:00:00Z</t:Start><t:End>2026-11-22T09:00:00Z</t:End>",
            None,
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
        ("<t:IsMeeting>true</t:IsMeeting>", None, "ErrorInvalidPropertySet"),
        (
            (
                "<t:Recurrence><t:DailyRecurrence><t:Interval>1</t:Interval></t:DailyRecurrence>"
                "<t:EndDateRecurrence><t:StartDate>2026-11-23</t:StartDate><t:EndDate>2026-11-22</t:EndDate></t:EndDateRecurrence></t:Recurrence>"
            ),
            None,
            "ErrorRecurrenceHasNoOccurrence",
        ),
    ],
)
def test_a_wrong_item_is_not_created(fields: str, mode: str | None, code: str) -> None:
    """Each mistake has its code, and nothing is left behind."""
    lab = Lab()
    answer = create(lab, fields) if mode is None else create(lab, fields, mode)
    assert codes(answer) == [code]
    assert lab.truth(ANNA, "2020-01-01", "2030-01-01") == []


def test_an_update_sets_appends_and_deletes() -> None:
    """SetItemField, AppendToItemField and DeleteItemField of one request apply together and renew the ChangeKey."""
    lab = Lab()
    made = lab.edit(
        "create", mailbox=ANNA, start="2026-11-23T09:00", body="a", body_kind="Text", location="old"
    )
    updates = (
        set_field("item:Subject", "<t:Subject>new</t:Subject>")
        + '<t:AppendToItemField><t:FieldURI FieldURI="item:Body"/><t:CalendarItem><t:Body BodyType="Text">b</t:Body></t:CalendarItem></t:AppendToItemField>'
        + '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Location"/></t:DeleteItemField>'
        + f"<t:SetItemField>{MARKER}<t:CalendarItem><t:ExtendedProperty>{MARKER}<t:Value>k</t:Value></t:ExtendedProperty></t:CalendarItem></t:SetItemField>"
    )
    answer = lab.update(made["item_id"], updates)
    one = lab.truth(ANNA)[0]
    assert codes(answer) == ["NoError"]
    assert (one["subject"], one["body"], one["location"], one["properties"][0]["value"]) == (
        "new",
        "ab",
        "",
        "k",
    )
    assert one["change_key"] != made["change_key"]
    lab.update(made["item_id"], f"<t:DeleteItemField>{MARKER}</t:DeleteItemField>")
    assert lab.truth(ANNA)[0]["properties"] == []


@pytest.mark.parametrize(
    ("resolution", "field", "code"),
    [
        ("NeverOverwrite", "calendar:Location", "ErrorIrresolvableConflict"),
        ("AutoResolve", "item:Subject", "ErrorIrresolvableConflict"),
        ("AutoResolve", "calendar:Location", "NoError"),
        ("AlwaysOverwrite", "item:Subject", "NoError"),
    ],
)
def test_an_overtaken_change_key_conflicts(resolution: str, field: str, code: str) -> None:
    """After somebody changed the subject, an old key fails: always, for the subject, or never."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", subject="old")
    lab.edit("change", mailbox=ANNA, item=made["uid"], subject="theirs")
    name = field.partition(":")[2]
    answer = lab.update(
        made["item_id"],
        set_field(field, f"<t:{name}>mine</t:{name}>"),
        key=made["change_key"],
        resolution=resolution,
    )
    assert codes(answer) == [code]
    assert (lab.truth(ANNA)[0][name.lower()] == "mine") is (code == "NoError")


def test_a_key_is_needed_unless_everything_is_overwritten() -> None:
    """No key, a nonsense key and the right key."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    update = set_field("item:Subject", "<t:Subject>x</t:Subject>")
    found = [
        codes(lab.update(made["item_id"], update, key=key, resolution="NeverOverwrite"))[0]
        for key in (None, "AAAA", made["change_key"])
    ]
    assert found == ["ErrorChangeKeyRequiredForWriteOperations", "ErrorInvalidChangeKey", "NoError"]


@pytest.mark.parametrize(
    ("update", "code"),
    [
        (set_field("item:Subject", "<t:Location>x</t:Location>"), "ErrorUpdatePropertyMismatch"),
        (set_field("calendar:IsMeeting", "<t:IsMeeting>true</t:IsMeeting>"), "ErrorInvalidPropertySet"),
        (
            '<t:DeleteItemField><t:FieldURI FieldURI="calendar:Start"/></t:DeleteItemField>',
            "ErrorInvalidPropertyDelete",
        ),
        (
            set_field("item:Subject", "<t:Subject>x</t:Subject>").replace(
                "SetItemField", "AppendToItemField"
            ),
            "ErrorInvalidPropertyAppend",
        ),
        (
            set_field("calendar:End", "<t:End>2020-01-01T00:00:00Z</t:End>"),
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
    ],
)
def test_a_wrong_update_changes_nothing(update: str, code: str) -> None:
    """Each mistake has its code, and the ChangeKey stays."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00")
    assert codes(lab.update(made["item_id"], update)) == [code]
    assert lab.truth(ANNA)[0]["change_key"] == made["change_key"]


def test_updating_an_occurrence_makes_an_exception() -> None:
    """An update by an occurrence's id touches that occurrence alone."""
    lab = Lab()
    lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", recurrence=DAILY)
    second = lab.truth(ANNA)[1]["item_id"]
    assert codes(lab.update(second, set_field("calendar:Location", "<t:Location>x</t:Location>"))) == [
        "NoError"
    ]
    assert [one["location"] for one in lab.truth(ANNA)] == ["", "x", "", "", ""]
    assert lab.truth(ANNA)[1]["item_id"] == second


def test_attendees_are_appended_and_mailed_by_mode() -> None:
    """Appending an attendee with SendToChangedAndSaveCopy invites that one."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", attendees=["x@else.example"])
    append = (
        '<t:AppendToItemField><t:FieldURI FieldURI="calendar:RequiredAttendees"/>'
        f"<t:CalendarItem><t:RequiredAttendees>{ATTENDEE}</t:RequiredAttendees></t:CalendarItem></t:AppendToItemField>"
    )
    lab.update(made["item_id"], append, mode="SendToChangedAndSaveCopy")
    assert [one["recipient"] for one in lab.edit("mails")["mails"]] == ["x@else.example", BERT]


def test_accepting_and_declining_by_response_object() -> None:
    """AcceptItem and DeclineItem refer to the copy and reach the organiser."""
    lab = Lab()
    lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", attendees=[BERT])
    copy = lab.truth(BERT)[0]["item_id"]
    assert codes(respond(lab, "AcceptItem", copy)) == ["NoError"]
    assert lab.truth(ANNA)[0]["attendees"][0]["response"] == "Accept"
    assert codes(respond(lab, "DeclineItem", copy)) == ["NoError"]
    assert lab.truth(BERT) == []
    assert codes(respond(lab, "AcceptItem", copy)) == ["ErrorItemNotFound"]


def test_cancelling_by_response_object() -> None:
    """CancelCalendarItem takes the organiser's item away and marks the copies."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", attendees=[BERT])
    assert codes(respond(lab, "CancelCalendarItem", made["item_id"], ANNA)) == ["NoError"]
    assert (lab.truth(ANNA), lab.truth(BERT)[0]["cancelled"]) == ([], True)


@pytest.mark.parametrize(("mode", "cancelled"), [("SendToNone", False), ("SendToAllAndSaveCopy", True)])
def test_deleting_cancels_only_by_mail(mode: str, cancelled: bool) -> None:
    """DeleteItem of the organiser tells the attendees if it mails; an occurrence's id deletes that occurrence."""
    lab = Lab()
    made = lab.edit("create", mailbox=ANNA, start="2026-11-23T09:00", attendees=[BERT], recurrence=DAILY)
    second = lab.truth(ANNA)[1]["item_id"]
    delete = '<DeleteItem DeleteType="MoveToDeletedItems" SendMeetingCancellations="{}"><ItemIds><t:ItemId Id="{}"/></ItemIds></DeleteItem>'
    assert codes(lab.ask(delete.format(mode, second))) == ["NoError"]
    assert [one["cancelled"] for one in lab.truth(BERT)] == [False, cancelled, False, False, False]
    assert codes(lab.ask(delete.format(mode, made["item_id"]))) == ["NoError"]
    assert lab.truth(ANNA) == []
    assert codes(lab.ask(delete.format(mode, made["item_id"]))) == ["ErrorItemNotFound"]


def test_a_created_item_is_found_by_its_answer() -> None:
    """The id of the answer opens the new item."""
    lab = Lab()
    answer = create(lab, "<t:Subject>here</t:Subject>")
    assert texts(lab.get(item_id(answer)), "t:Subject") == ["here"]
