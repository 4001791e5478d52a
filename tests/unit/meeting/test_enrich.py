"""The way into a meeting, from what a calendar item says."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.meeting.enrich import enrich, enricher, join_rules
from connector.meeting.joinlink import JoinRules, Passage, Place, find
from connector.model import Meeting

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ZOOM = "https://zoom.us/j/9246813570"
WORDS = """
https:// zoom.us /j/ 9246813570 ?pwd=Ab12 &amp; teams.microsoft.com /meet/ 247400650941423 ?p= /l/meetup-join/19:x
Passcode: 112233 Meeting ID: 924 681 3570 sip: 4711@video.example.com 9246813570@zoomcrc.com @ . , ( ) < > \\n
acme.webex.com /meet/ada .webex.com safelinks.protection.outlook.com/?url= https%3A%2F%2F %xx urldefense.com/v3/__
__;!!a!b$ **A <a href=" "> </a> <p> \u200b 日本 h323: tel:+1 www. meet.jit.si /Room invited.sf?id=1 /webapp/
"""
PIECES = st.sampled_from(WORDS.split())


def meeting(*online: str, location: str = "", body: str = "", subject: str = "") -> Meeting:
    return Meeting(
        "u", NOW, "i", "i", "1", NOW, NOW, online=online, location=location, body=body, subject=subject
    )


def test_the_first_usable_address_is_the_way_in() -> None:
    """Sources put the best first; what is no web address is passed over."""
    link = enrich(meeting("", "conf:sip:x@example.com", " https://meet.example.com/abc ")).link
    assert link is not None
    assert link.url == "https://meet.example.com/abc"


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "https://", "https://[::1", "https://x/" + "a" * 3000]
)
def test_what_is_no_web_address_is_no_way_in(url: str) -> None:
    """A hostile or broken property must not become a button."""
    assert enrich(meeting(url)).link is None


def test_the_rule_that_won_is_kept() -> None:
    """Whoever asks why gets the service, the shape of the address, and the place it stood in."""
    link = enrich(meeting(location=f"Room 5, {ZOOM}", body="https://whereby.com/ada")).link
    assert link is not None
    assert link.rule == "zoom: meeting, in the location"


def test_properties_come_before_location_body_and_subject() -> None:
    """Where something stands decides before what it is."""
    stated, location = "https://teams.microsoft.com/meet/247400650941423?p=Ab", "https://whereby.com/ada"
    full = meeting(stated, location=location, body=ZOOM, subject="https://join.me/ada")
    found = find(
        (
            Passage(Place.SUBJECT, full.subject),
            Passage(Place.BODY, full.body),
            Passage(Place.LOCATION, full.location),
            Passage(Place.CONFERENCE, stated),
        ),
        join_rules(),
    )
    assert [one.url for one in found.links] == [stated, location, ZOOM, "https://join.me/ada"]
    link = enrich(full).link
    assert link is not None
    assert link.url == stated


def test_a_meeting_without_a_way_in_stays_as_it_is() -> None:
    """Nothing found, nothing changed."""
    plain = meeting(location="Room 5", body="See https://example.com")
    assert enrich(plain) is plain


def test_words_of_the_body_complete_a_stated_address() -> None:
    """The property has the link, the body the printed passcode."""
    link = enrich(meeting(ZOOM, body=f"Join {ZOOM}\nMeeting ID: 924 681 3570\nPasscode: 112233")).link
    assert link is not None
    assert (link.passcode, link.sip) == ("112233", "9246813570.112233@zoomcrc.com")


def test_another_meetings_passcode_is_never_taken() -> None:
    """The body speaks of another meeting than the location."""
    link = enrich(meeting(location=ZOOM, body="https://zoom.us/j/1111111111\nPasscode: 112233")).link
    assert link is not None
    assert (link.passcode, link.sip) == (None, "9246813570@zoomcrc.com")


@given(st.text())
def test_no_text_makes_it_fail(text: str) -> None:
    """A property, a location, a body may hold anything."""
    found = enrich(meeting(text, location=text, body=text, subject=text)).link
    assert found is None or found.url


@given(st.lists(PIECES, max_size=40), st.booleans())
def test_what_is_found_is_sound(pieces: list[str], is_html: bool) -> None:
    """Only addresses that can be opened or dialled come out, and a dialled passcode was printed."""
    text = " ".join(pieces).replace(" ", "") if is_html else " ".join(pieces)
    found = find((Passage(Place.BODY, text, is_html=is_html),), RULES)
    assert len({one.key for one in found.links}) == len(found.links)
    if found.join is None:
        return
    scheme = found.join.url.partition(":")[0].lower()
    assert scheme in {"http", "https", "zoommtg", "zoomus", "msteams", "sip", "h323", "tel"}
    assert not any(letter.isspace() for letter in found.join.url)
    if found.join.sip and ".112233@" in found.join.sip:
        assert "112233" in text


RULES: JoinRules = join_rules()
HOSTILE = [
    "https://)))))",
    "https://a)https://b,",
    "https://zoom.us/j/1)",
    "https://zoom.us/j/1 Passcode: ",
    "@",
    "1@1.1 ",
    "a.us/",
    "zoom.us/",
    "&amp;",
    "\\,",
    "<div>",
    "<a href=https:",
    "https://urldefense.com/v3/__**_",
    "https://nam.safelinks.protection.outlook.com/?url=https%3A%2F%2F",
    "Passcode",
    "ID: 1 ",
    "tel:1",
    "h323:1",
    "x@a.",
    "a%",
    "日",
    "https://zoom.us/meet/",
    "://",
]


@pytest.mark.parametrize("is_html", [True, False])
@pytest.mark.parametrize("piece", HOSTILE)
def test_a_hostile_megabyte_is_read_to_its_end(piece: str, is_html: bool) -> None:
    """Half a million letters made to cost the most are done with; a runaway pattern would not return."""
    body = piece * (500_000 // len(piece))
    assert enricher(RULES)(meeting(body=body)).uid == "u"
    find((Passage(Place.BODY, body, is_html=is_html),), RULES)
