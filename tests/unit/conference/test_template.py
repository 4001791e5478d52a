"""Fixed join details by templates."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.conference.settings import TemplateSettings
from connector.conference.template import TemplateRooms
from connector.errors import Refused, Transient
from connector.model import Conference, JoinDetails, Kind, Phone
from tests.unit.conference.orders import START, order

OWN_ROOM = TemplateSettings(link="https://vc.example.com/meet/{{ directory.employeeID }}")


def rooms(settings: TemplateSettings = OWN_ROOM) -> TemplateRooms:
    return TemplateRooms("own-room", settings)


def test_a_directory_attribute_makes_the_link() -> None:
    """A person's room is named by an attribute, whatever case the directory writes its name in."""
    made = rooms().make(order(employeeid="4711"))
    assert made == Conference(Kind.PERSONAL, JoinDetails("https://vc.example.com/meet/4711"))


def test_every_detail_may_be_a_template() -> None:
    """Video address, phones and codes are put together the same way."""
    settings = TemplateSettings(
        link="https://vc.example.com/{{ organizer.user }}",
        sip="{{ directory.room }}@vc.{{ organizer.domain }}",
        h323="192.0.2.4",
        meeting_id="{{ directory.room }}",
        passcode="{{ directory.pin | default('') }}",
        access_code="{{ directory.room }}#",
        video_passcode="{{ directory.room }}",
        phones={"Stockholm": "+46 8 123 45 67"},
    )
    details = rooms(settings).make(order(room="88")).details
    assert details == JoinDetails(
        url="https://vc.example.com/ada",
        sip="88@vc.example.com",
        h323="192.0.2.4",
        meeting_id="88",
        access_code="88#",
        video_passcode="88",
        phones=(Phone("+46 8 123 45 67", "Stockholm"),),
    )


@pytest.mark.parametrize("directory", [{}, {"employeeID": ""}, {"employeeID": "  "}, {"other": "1"}])
def test_a_missing_attribute_is_refused(directory: dict[str, str]) -> None:
    """Nobody gets a link with a hole in it."""
    with pytest.raises(Refused, match="conference-attribute-missing"):
        rooms().make(order(**directory))


@pytest.mark.parametrize(
    ("value", "link"),
    [
        ("../admin", "https://vc.example.com/meet/..%2Fadmin"),
        ("a b?c#d", "https://vc.example.com/meet/a%20b%3Fc%23d"),
        ("{{ 7*7 }}", "https://vc.example.com/meet/%7B%7B%207%2A7%20%7D%7D"),
        ("Åsa", "https://vc.example.com/meet/%C3%85sa"),
    ],
)
def test_an_attribute_stays_one_part_of_the_link(value: str, link: str) -> None:
    """Whatever a directory holds can't lead the link elsewhere, and is never taken for a template."""
    assert rooms().make(order(employeeID=value)).details.url == link


@pytest.mark.parametrize(
    "template",
    [
        "http://vc.example.com/x",
        "javascript:alert(1)",
        "//vc.example.com",
        "https://{{ directory.employeeID }}@",
        "https:///x",
        "https://[x/",
    ],
)
def test_what_is_no_web_address_is_refused(template: str) -> None:
    """A link without https and a host is never written into an invitation."""
    with pytest.raises(Refused, match="conference-link-invalid"):
        rooms(TemplateSettings(link=template)).make(order(employeeID="1"))


def test_a_video_address_that_is_none_is_refused() -> None:
    """A device must be able to dial it."""
    settings = TemplateSettings(link="https://a.example/x", sip="no address")
    with pytest.raises(Refused, match="conference-link-invalid"):
        rooms(settings).make(order())


@pytest.mark.parametrize(
    "template",
    [
        "https://x/{{ directory.__class__.__mro__ }}",
        "https://x/{{ organizer._values }}",
        "https://x/{{ 1 / 0 }}",
        "https://x/{{ 'a' * 4000 }}",
        "https://x/{{ 'a' + 1 }}",
    ],
)
def test_a_template_can_not_leave_its_sandbox(template: str) -> None:
    """Python's insides are out of reach, and a template that fails is a refusal, not an exception."""
    with pytest.raises(Refused):
        rooms(TemplateSettings(link=template)).make(order(employeeID="1"))


def test_nothing_has_to_be_taken_back() -> None:
    """Finding, moving and ending a personal room asks nobody."""
    provider = rooms()
    made = provider.make(order(employeeID="1"))
    assert provider.find(order(employeeID="1")) == made
    assert provider.move(made, order(employeeID="1")) == made
    provider.end(made, order(employeeID="1"), START)
    provider.close()


def test_a_csv_may_hold_the_attributes(tmp_path: Path) -> None:
    """A row is found by its address in any case; semicolons, comments and a byte order mark do no harm."""
    people = tmp_path / "rooms.csv"
    people.write_text("\ufeff# rooms\nAddress;employeeID\nAda@Example.com;12\n", encoding="utf-8")
    provider = rooms(TemplateSettings(link=OWN_ROOM.link, people=people))
    assert provider.make(order(address="ada@example.com")).details.url.endswith("/12")
    with pytest.raises(Refused, match="conference-attribute-missing"):
        provider.make(order(address="bob@example.com"))


def test_a_changed_csv_counts_at_once(tmp_path: Path) -> None:
    """The file is read anew when it was replaced."""
    people = tmp_path / "rooms.csv"
    people.write_text("address,employeeID\nada@example.com,1\n")
    provider = rooms(TemplateSettings(link=OWN_ROOM.link, people=people))
    provider.make(order())
    other = tmp_path / "new.csv"
    other.write_text("address,employeeID\nada@example.com,22\n")
    other.replace(people)
    assert provider.make(order()).details.url.endswith("/22")


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"name\nada\n", b"", b'address\n"x'])
def test_a_csv_that_can_not_be_read_is_tried_again(tmp_path: Path, content: bytes | None) -> None:
    """Somebody may just be writing the file; a refusal would leave the meeting without details for good."""
    people = tmp_path / "rooms.csv"
    if content is not None:
        people.write_bytes(content)
    provider = rooms(TemplateSettings(link=OWN_ROOM.link, people=people))
    with pytest.raises(Transient, match="conference-file-unreadable"):
        provider.make(order())
