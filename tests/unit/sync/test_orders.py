"""Commands are read member by member."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import Refused
from connector.model import Command, Conference, JoinDetails, Kind, MailMode, Phone
from connector.sync import orders

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
CREATE = {"subject": "Plan", "start": "2026-11-23T10:00:00+01:00", "end": "2026-11-23T11:00:00+01:00"}


def command(kind: str, body: Mapping[str, Any]) -> Command:
    return Command("c1", "m1", kind, "ada@example.com", NOW, body)


def test_a_meeting_is_read_with_its_people() -> None:
    """Times come out in UTC, addresses in lower case."""
    people = [{"address": "Bob@Example.com", "name": "Bob", "role": "optional"}]
    order = orders.parse(command("meeting.create", {**CREATE, "attendees": people, "mail": "none"}))
    assert isinstance(order, orders.Create)
    assert order.meeting.start == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert order.meeting.attendees[0].address == "bob@example.com"
    assert order.meeting.mail is MailMode.NONE


def test_the_same_command_makes_the_same_uid() -> None:
    """A retry after a crash is recognisable by the UID too."""
    first, second = (orders.parse(command("meeting.create", CREATE)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("meeting.create", {}),
        ("meeting.create", {**CREATE, "end": CREATE["start"]}),
        ("meeting.create", {**CREATE, "start": "2026-11-23T10:00:00"}),
        ("meeting.create", {**CREATE, "subject": 7}),
        ("meeting.create", {**CREATE, "attendees": [{"address": "nobody"}]}),
        ("meeting.create", {**CREATE, "attendees": [{"address": "a@example.com"}] * 101}),
        ("meeting.create", {**CREATE, "mail": "everybody"}),
        ("meeting.update", {"id": "x"}),
        ("meeting.update", {"location": "Room"}),
        ("meeting.reply", {"id": "x"}),
        ("meeting.reply", {"id": "x", "response": "organizer"}),
        ("meeting.reply", {"response": "accepted"}),
        ("meeting.reply", {"id": "x", "response": "accepted", "whole": "yes"}),
        ("meeting.delete", {}),
        ("meeting.delete", {"id": "x", "mail": "everybody"}),
        ("meeting.quick-add", {"text": " "}),
        ("meeting.quick-add", {"text": "two\nlines"}),
        ("meeting.quick-add", {"text": "x" * 1025}),
        ("freebusy.ask", {"addresses": [], **CREATE}),
        (
            "freebusy.ask",
            {"addresses": ["a@example.com"], "start": CREATE["start"], "end": "2027-11-23T10:00:00Z"},
        ),
    ],
)
def test_what_is_wrong_is_refused(kind: str, body: Mapping[str, Any]) -> None:
    """A malformed command is answered, never half carried out."""
    with pytest.raises(Refused, match="command-malformed"):
        orders.parse(command(kind, body))


def test_an_unknown_kind_is_refused() -> None:
    """A newer cloud may ask for what this version does not know."""
    with pytest.raises(Refused, match="command-unknown"):
        orders.parse(command("meeting.levitate", {}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@given(
    st.sampled_from(["meeting.create", "meeting.update", "freebusy.ask", "x"]),
    st.dictionaries(
        st.sampled_from(
            ["subject", "start", "end", "attendees", "addresses", "id", "location", "mail", "body"]
        ),
        JSON | st.just("2026-11-23T10:00:00Z"),
    ),
)
def test_no_body_gives_anything_but_an_order_or_a_refusal(kind: str, body: Mapping[str, Any]) -> None:
    """Whoever holds the keys may still send nonsense."""
    try:
        order = orders.parse(command(kind, body))
    except Refused:
        return
    assert isinstance(order, orders.Create | orders.Update | orders.AskFreeBusy)


MADE = {"tag": "t1", "url": "https://cloud.example.com/r1"}


def test_a_conference_is_read_with_its_details() -> None:
    """Link and tag are enough; phones keep their order."""
    phones = [{"number": "+46 8 1", "place": "Stockholm"}]
    more = {"kind": "personal", "id": "r1", "sip": "r1@x.example", "phones": phones, "videoPasscode": "4711"}
    order = orders.parse(command("conference.made", {**MADE, **more}))
    assert isinstance(order, orders.ConferenceMade)
    assert (order.tag, order.conference.kind, order.conference.id) == ("t1", Kind.PERSONAL, "r1")
    assert order.conference.details.phones == (Phone("+46 8 1", "Stockholm"),)
    assert order.conference.details.video_passcode == "4711"
    least = orders.parse(command("conference.made", MADE))
    assert isinstance(least, orders.ConferenceMade)
    assert least.conference == Conference(Kind.ONE_TIME, JoinDetails(MADE["url"]))


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://x"},
        {"url": "javascript:x"},
        {"url": "https://x\ny"},
        {"tag": 5},
        {"kind": "public"},
        {"kind": []},
        {"phones": "none"},
        {"phones": ["x"]},
        {"phones": [{}]},
        {"phones": [{"number": "1"}] * 21},
        {"sip": "x" * 2049},
    ],
)
def test_a_conference_that_is_none_is_refused(wrong: Mapping[str, Any]) -> None:
    """What would not be join details never reaches an invitation."""
    with pytest.raises(Refused, match="command-malformed"):
        orders.parse(command("conference.made", {**MADE, **wrong}))
