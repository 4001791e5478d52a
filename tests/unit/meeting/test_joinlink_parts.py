"""The parts of finding: printed codes, video addresses, iCalendar lines, Google events, dialled strings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.meeting.enrich import join_rules
from connector.meeting.joinlink import Passage, Place, dialled, find, of_google_event, of_icalendar
from connector.meeting.joinlink.labels import Printed, printed, room_number
from connector.meeting.joinlink.video import video_addresses
from connector.meeting.scan import NEAR
from connector.meeting.weblink import parse


@pytest.mark.parametrize(
    ("text", "meeting_id", "expected"),
    [
        ("", None, Printed()),
        ("Passcode: 112233", None, Printed(None, "112233", "112233")),
        ("Passcode: aB3", None, Printed(None, "aB3")),
        ("Passcode:\n 112233", None, Printed(None, "112233", "112233")),
        ("**Passcode:** 112233", None, Printed(None, "112233", "112233")),
        ("Meeting ID: 924 681 3570", None, Printed("9246813570")),
        ("Meeting ID: 924-681-3570 Passcode: x1", None, Printed("9246813570", "x1")),
        ("Password: aB3 (77277123 from phones)", None, Printed(None, "aB3", "77277123")),
        ("Meeting number (access code): 2468 135 7901", None, Printed("24681357901")),
        ("Numéro de réunion (code d’accès) : 2468 135 7901", None, Printed("24681357901")),
        ("Host passcode: 112233", None, Printed()),
        ("Phone conference ID: 464 411 796", None, Printed()),
        ("Passcode: https://example.com/", None, Printed()),
        ("Passcode is 112233.", None, Printed(None, "112233", "112233")),
        ("no passcode is needed", None, Printed()),
        ("Zz: 924 681 3570\nYy: Ab12Cd\n", "9246813570", Printed(None, "Ab12Cd")),
        ("Zz: 924 681 3570\nYy: telephone\n", "9246813570", Printed()),
        ("Zz: 1924 681 3570\nYy: Ab12Cd\n", "9246813570", Printed()),
    ],
)
def test_printed_codes(text: str, meeting_id: str | None, expected: Printed) -> None:
    """Labels tell codes from each other; where none can be read, the line below the link's own id is one."""
    assert printed(text, meeting_id) == expected


def test_the_number_behind_a_video_address() -> None:
    """What the voice menu asks for stands right behind the key, under whatever label."""
    assert room_number("acme@m.webex.com\nVideo ID: 117 833 133 5\n", 16) == "1178331335"
    assert room_number("acme@m.webex.com\n\nBye", 16) is None


@given(st.text(), st.none() | st.text("0123456789", min_size=1, max_size=20))
def test_reading_labels_never_fails(text: str, meeting_id: str | None) -> None:
    """Invitations hold anything."""
    found = printed(text, meeting_id)
    assert found.digits is None or found.digits.isdigit()
    assert found.meeting_id is None or found.meeting_id.isdigit()


@given(st.text("ab1.@:- sip<>", max_size=60))
def test_video_addresses_have_a_user_and_a_domain(text: str) -> None:
    """Whatever stands around an at sign."""
    for found in video_addresses(text):
        user, at, domain = found.address.partition("@")
        assert user
        assert at
        assert "." in domain
        assert 0 <= found.start < found.end <= len(text)


def test_a_conf_address_is_none() -> None:
    """conf:sip:... names a conference of Skype for Business's own making; nobody can dial it."""
    assert list(video_addresses("conf:sip:ada@example.com;gruu;opaque=app:conf:focus:id:AB12")) == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("dial ann@acme.webex.com.", ["ann@acme.webex.com"]),
        ("(ann@ACME.Webex.Com)", ["ann@acme.webex.com"]),
        ("12345@company.com, 1.2@x.example", ["12345@company.com", "1.2@x.example"]),
        ("SIPS://a.b@c.example; sip:room@d.example.", ["a.b@c.example", "room@d.example"]),
        ("12@67.217.95.2.", ["12@67.217.95.2"]),
        ("bob@example.com, mailto:12@x.example, bob@webex.com, @, a@b, @zoomcrc.com", []),
        ("x" * NEAR + " sip:room@d.example 12345@company.com", ["room@d.example"]),
    ],
)
def test_video_addresses_of_a_text(text: str, addresses: list[str]) -> None:
    """Digits or a video service's domain near the beginning, ``sip:`` anywhere; mail addresses are none."""
    assert [found.address for found in video_addresses(text)] == addresses


def test_bare_links_are_looked_for_near_the_beginning() -> None:
    """With a scheme they are found anywhere."""
    rules = join_rules()
    far = "x " * NEAR
    for text, url in (
        ("zoom.us/j/123456789", "https://zoom.us/j/123456789"),
        (f"{far}https://zoom.us/j/123456789", "https://zoom.us/j/123456789"),
        (f"{far}zoom.us/j/123456789", None),
    ):
        join = find((Passage(Place.BODY, text),), rules).join
        assert (join.url if join else None) == url


def places(lines: list[str]) -> list[tuple[Place, str]]:
    return [(passage.place, passage.text) for passage in of_icalendar(lines)]


def test_content_lines_become_passages() -> None:
    """Names and parameters are read, values unescaped, other components left out; the weightiest comes first."""
    lines = [
        "BEGIN:VCALENDAR",
        "BEGIN:VTIMEZONE",
        "COMMENT:not this",
        "END:VTIMEZONE",
        "BEGIN:VEVENT",
        'description;ALTREP="cid:a:b";LANGUAGE=en:one\\, t',
        " wo",
        "LOCATION:Room\\; 5",
        "CONFERENCE;FEATURE=VIDEO:https://a.example/x",
        "X-UNKNOWN:https://b.example",
        "END:VEVENT",
    ]
    assert places(lines) == [
        (Place.CONFERENCE, "https://a.example/x"),
        (Place.LOCATION, "Room; 5"),
        (Place.BODY, "one, two"),
    ]


@given(st.lists(st.text(), max_size=10))
def test_any_lines_are_read(lines: list[str]) -> None:
    """Broken calendars are read as far as they go."""
    assert all(isinstance(passage, Passage) for passage in of_icalendar(lines))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["conferenceData", "entryPoints", "uri", "key", "type", "conferenceSolution", "location"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["conferenceData", "hangoutLink", "location", "description"]), JSON))
def test_any_google_event_is_read(event: dict[str, object]) -> None:
    """Members of another type than documented count as missing."""
    assert all(isinstance(passage.text, str) for passage in of_google_event(event))


@given(st.text())
def test_any_string_may_be_dialled(text: str) -> None:
    """What can't be dialled is nothing, not a fault."""
    found = dialled(text)
    assert found is None or found.url.partition(":")[0] in {"sip", "h323", "tel"}


@given(st.text("ab./:?#@[]%\\ \n"))
def test_parsing_is_strict(text: str) -> None:
    """A parsed address names a host without user, blanks or control signs."""
    link = parse(f"https://{text}")
    if link is not None:
        assert link.host
        assert not set(link.host) & set("@/?#\\ []\n")
