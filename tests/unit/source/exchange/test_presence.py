"""Automatic replies and free/busy."""

from datetime import UTC, datetime, timedelta

import pytest
from lxml import etree

from connector.errors import Refused, Transient
from connector.model import BusySpan, ShowAs
from connector.source.exchange.presence import availability, presence
from tests.unit.source.exchange.room import MAILBOX, NOW, WINDOW, Room

M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"


def oof(inside: str) -> etree._Element:
    """An answer to GetUserOofSettings."""
    return etree.fromstring(
        f'<m:GetUserOofSettingsResponse xmlns:m="{M}" xmlns:t="{T}"><m:ResponseMessage ResponseClass="Success">'
        f"<m:ResponseCode>NoError</m:ResponseCode></m:ResponseMessage>{inside}</m:GetUserOofSettingsResponse>"
    )


def state(name: str) -> str:
    """Settings of one state."""
    return (
        f"<t:OofSettings><t:OofState>{name}</t:OofState><t:ExternalAudience>All</t:ExternalAudience>"
        "<t:Duration><t:StartTime>2026-03-03T00:00:00</t:StartTime><t:EndTime>2026-03-05T00:00:00</t:EndTime></t:Duration>"
        "<t:InternalReply><t:Message>&lt;p&gt;Gone fishing&lt;/p&gt;</t:Message></t:InternalReply></t:OofSettings>"
    )


def asked(inside: str) -> Room:
    """A room that answers so."""
    return Room(lambda _, __: oof(inside))


def test_nobody_is_away_by_default() -> None:
    """Disabled replies are presence, whatever times and texts are left over."""
    assert not presence(Room().services, MAILBOX).away
    assert not presence(asked(state("Disabled")).services, MAILBOX).away


def test_enabled_replies_mean_away_until_further_notice() -> None:
    """The times of an unscheduled absence are left-overs and not passed on; the text is plain."""
    found = presence(asked(state("Enabled")).services, MAILBOX)
    assert (found.away, found.since, found.until, found.text) == (True, None, None, "Gone fishing")


def test_scheduled_replies_carry_their_times() -> None:
    """Whether a scheduled absence holds now is for who has a clock."""
    found = presence(asked(state("Scheduled")).services, MAILBOX)
    assert (found.since, found.until) == (datetime(2026, 3, 3, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC))


@pytest.mark.parametrize(
    "inside", ["", state("Sometimes"), state("Scheduled").replace("2026-03-03T00:00:00", "")]
)
def test_answer_without_a_state_is_not_believed(inside: str) -> None:
    """Half an answer says neither present nor away."""
    with pytest.raises(Transient, match="bad-answer"):
        presence(asked(inside).services, MAILBOX)


def test_free_busy_has_one_answer_per_address() -> None:
    """A person's busy times, and for a stranger the reason why there are none."""
    room = Room()
    room.edit(
        "create", subject="One", start="2026-03-02T10:00:00Z", end="2026-03-02T11:00:00Z", show_as="Busy"
    )
    found = availability(room.services, MAILBOX, ["anna@example.com", "nobody@elsewhere.example"], WINDOW)
    ten = NOW.replace(hour=10)
    assert found[0].busy == (BusySpan(ten, ten + timedelta(hours=1), ShowAs.BUSY),)
    assert (found[1].busy, found[1].code) == ((), "no-free-busy")
    assert room.operations == ["GetUserAvailabilityRequest"]


def test_free_busy_is_bounded() -> None:
    """More than a hundred addresses are refused before anything is asked, none at all ask nothing."""
    room = Room()
    with pytest.raises(Refused):
        availability(room.services, MAILBOX, ["a@example.com"] * 101, WINDOW)
    assert availability(room.services, MAILBOX, [], WINDOW) == ()
    assert room.asked == []


def test_free_busy_with_an_answer_too_few_is_not_believed() -> None:
    """Answers are by position, so their number must be right."""

    def lose(_: etree._Element, response: etree._Element) -> etree._Element:
        holder = next(response.iter("{*}FreeBusyResponseArray"))
        holder.remove(holder[0])
        return response

    with pytest.raises(Transient, match="bad-answer"):
        availability(Room(lose).services, MAILBOX, ["anna@example.com", "bert@example.com"], WINDOW)
