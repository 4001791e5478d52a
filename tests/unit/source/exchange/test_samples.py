"""Microsoft's published examples and recorded answers go through our readers and come out as their pages say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from connector.errors import Transient, Verdict
from connector.model import ShowAs
from connector.source.exchange import convert
from connector.source.exchange.convert import SHOW_AS
from connector.source.exchange.delta import page
from connector.source.exchange.envelope import local, read
from connector.source.exchange.errors import message_verdict
from tests.unit.source.exchange.shelf import on_shelf


def sample(name: str) -> etree._Element:
    """The child of soap:Body of one published example."""
    return read(
        on_shelf(f"ews-samples/{name}")
        .read_bytes()
        .replace(b"https://schemas.xmlsoap.org", b"http://schemas.xmlsoap.org")
    )


def message(name: str) -> etree._Element:
    """The first response message of one published example."""
    return next(each for each in sample(name).iter() if each.get("ResponseClass"))


def test_get_item_example_is_an_item() -> None:
    """The calendar example states id and change key, which is too little for a meeting and just that."""
    item = next(message("ms-docs/getitem-operation-calendar-item.01.response.xml").iter("{*}CalendarItem"))
    with pytest.raises(Verdict, match="item-unreadable"):
        convert.item(item)


def test_sync_example_is_a_page() -> None:
    """The example of SyncFolderItems has a state, an end mark and its changes."""
    found = page(message("ms-docs/syncfolderitems-operation.01.response.xml"))
    assert found.cursor
    assert found.dirty or found.gone


def test_error_example_of_sync_is_a_verdict() -> None:
    """The error example names its code."""
    verdict = message_verdict(message("ms-docs/syncfolderitems-operation.02.response.xml"))
    assert verdict is not None
    assert verdict.detail.startswith("Error")


def test_free_busy_example_keeps_its_offsets() -> None:
    """06:00 at seven hours west is 13:00 UTC."""
    event = next(sample("ms-docs/getuseravailability-operation.01.response.xml").iter("{*}CalendarEvent"))
    assert convert.moment(event.findtext("{*}StartTime", "")) == datetime(2006, 10, 16, 13, tzinfo=UTC)
    assert SHOW_AS[event.findtext("{*}BusyType", "")] is ShowAs.BUSY


def documents() -> list[Path]:
    """All XML samples."""
    root = on_shelf("ews-samples")
    return sorted(root.rglob("*.xml"))


def test_every_sample_is_read_or_refused_in_words() -> None:
    """No recorded or published document makes a reader fail with anything but a verdict, and most are read."""
    understood = 0
    for path in documents():
        try:
            content = read(path.read_bytes())
        except Transient:
            continue
        understood += 1
        for each in content.iter():
            if each.get("ResponseClass") or local(each) == "Fault":
                message_verdict(each)
            if local(each) == "CalendarItem" and each.find("{*}ItemId") is not None:
                try:
                    convert.item(each)
                except Verdict as verdict:
                    assert verdict.code == "item-unreadable"  # noqa: PT017 - either outcome is right
    assert understood > 100


def test_complete_published_items_become_meetings() -> None:
    """Every published CalendarItem with an id, a start and an end is a meeting with those times."""
    meetings = 0
    for path in documents():
        try:
            items = [each for each in read(path.read_bytes()).iter() if local(each) == "CalendarItem"]
        except Transient:
            continue
        for item in items:
            if all(item.find(f"{{*}}{name}") is not None for name in ("ItemId", "Start", "End")):
                meeting = convert.item(item).meeting
                assert meeting.start == convert.moment(item.findtext("{*}Start", ""))
                meetings += 1
    assert meetings >= 3


@given(st.data())
def test_damaged_sample_never_escapes_as_a_library_error(data: st.DataObject) -> None:
    """A published answer with bytes flipped, dropped or doubled is read or refused by a verdict."""
    body = bytearray(on_shelf("ews-samples/ms-docs/syncfolderitems-operation.01.response.xml").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    try:
        content = read(bytes(body))
        for each in content.iter():
            if each.get("ResponseClass"):
                page(each)
    except Verdict as verdict:
        assert verdict.code  # noqa: PT017 - either outcome is right
