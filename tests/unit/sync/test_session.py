"""Steps of a mailbox from wish to end, over memory adapters."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import (
    AccessDenied,
    CredentialRefused,
    CursorExpired,
    MailboxMoved,
    Scope,
    Throttled,
    Transient,
)
from connector.model import Mailbox, Phase, Presence
from tests.fakes.house import House

HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def ada(house: House) -> Mailbox:
    calendar = house.source.calendar("ada@example.com")
    calendar.add("Plan", house.clock() + HOUR, house.clock() + 2 * HOUR)
    mailbox = house.activate()
    house.run()
    return mailbox


def drain(house: House) -> list[str]:
    """Kinds of what waited, acknowledged."""
    queued = house.store.claim(10_000, house.clock())
    house.store.acknowledge([one.envelope.id for one in queued])
    return [one.envelope.kind.value for one in queued]


def test_an_activated_mailbox_is_located_validated_and_loaded(house: House, ada: Mailbox) -> None:
    """Its list goes up between the marks of a snapshot."""
    assert house.phase(ada) is Phase.LIVE
    kinds = drain(house)
    assert kinds[:3] == ["mailbox.put", "snapshot.begin", "meeting.put"]
    assert "snapshot.end" in kinds


def test_nothing_is_opened_before_the_address_is_located(house: House) -> None:
    """The first call is a look-up; the calendar is opened only after it."""
    house.activate()
    house.run()
    assert [operation for operation, _ in house.source.calls[:2]] == ["locate", "probe"]


def test_an_edit_goes_up_after_a_nudge_and_its_echo_does_not(house: House, ada: Mailbox) -> None:
    """One changed meeting is one event; a second look at the same state is none."""
    drain(house)
    calendar = house.source.calendar(ada.address)
    calendar.edit(next(iter(calendar.items)), subject="Changed")
    house.engine.nudge(ada.id, "stream")
    house.forward(timedelta(seconds=3))
    assert house.subjects(ada) == {"Changed"}
    assert drain(house) == ["meeting.put"]
    calendar.feed.append(next(iter(calendar.items)))
    house.engine.nudge(ada.id, "stream")
    house.forward(timedelta(seconds=3))
    assert drain(house) == []


def test_a_deleted_series_takes_all_its_occurrences_along(house: House, ada: Mailbox) -> None:
    """One deleted id removes every row that depends on it."""
    calendar, start = house.source.calendar(ada.address), house.clock() + HOUR
    series = calendar.add("Daily", start, start + HOUR, *(start + timedelta(days=n) for n in (1, 2, 3)))
    house.engine.wake(ada.id, "stream")
    house.run()
    drain(house)
    calendar.delete(series)
    house.engine.wake(ada.id, "stream")
    house.run()
    assert drain(house) == ["meeting.gone"] * 4


def test_one_changed_occurrence_is_one_event(house: House, ada: Mailbox) -> None:
    """The rest of the series is as it was sent."""
    calendar, start = house.source.calendar(ada.address), house.clock() + HOUR
    series = calendar.add("Daily", start, start + HOUR, start + timedelta(days=1))
    house.engine.wake(ada.id, "stream")
    house.run()
    drain(house)
    calendar.edit(series, start + timedelta(days=1), subject="Special")
    house.engine.wake(ada.id, "stream")
    house.run()
    assert drain(house) == ["meeting.put"]


def test_a_meeting_moved_out_of_the_window_is_gone(house: House, ada: Mailbox) -> None:
    """What the list no longer covers leaves it."""
    drain(house)
    calendar = house.source.calendar(ada.address)
    far = house.clock() + timedelta(days=100)
    calendar.edit(next(iter(calendar.items)), start=far, end=far + HOUR)
    house.engine.wake(ada.id, "stream")
    house.run()
    assert drain(house) == ["meeting.gone"]


def test_the_window_rolls_forward_every_day(house: House, ada: Mailbox) -> None:
    """A meeting 33 days ahead comes into the list when its day does, and old ones leave it."""
    calendar = house.source.calendar(ada.address)
    later = house.clock() + timedelta(days=33)
    calendar.add("Far", later, later + HOUR)
    house.forward(HOUR)
    assert house.subjects(ada) == {"Plan"}
    house.forward(timedelta(days=3))
    assert house.subjects(ada) == {"Plan", "Far"}
    house.forward(timedelta(days=7))
    assert house.subjects(ada) == {"Far"}


def test_an_expired_cursor_causes_no_flood(house: House, ada: Mailbox) -> None:
    """The mailbox is read afresh; only what really differs goes up, what vanished meanwhile as gone."""
    calendar, start = house.source.calendar(ada.address), house.clock() + HOUR
    lost = calendar.add("Lost", start, start + HOUR)
    house.engine.wake(ada.id, "stream")
    house.run()
    drain(house)
    del calendar.items[lost]
    calendar.expire_cursors()
    house.engine.wake(ada.id, "stream")
    house.run()
    assert house.phase(ada) is Phase.LIVE
    assert drain(house) == ["meeting.gone"]


def test_a_corrupt_item_is_quarantined_alone(house: House, ada: Mailbox) -> None:
    """Its neighbours go up; when it can be read again it is released."""
    drain(house)
    calendar, start = house.source.calendar(ada.address), house.clock() + HOUR
    bad = calendar.add("Bad", start, start + HOUR)
    calendar.add("Good", start, start + HOUR)
    calendar.items[bad].corrupt = True
    house.engine.wake(ada.id, "stream")
    house.run()
    assert house.subjects(ada) == {"Good"}
    assert [one.item_id for one in house.store.quarantine(ada.id)] == [bad]
    calendar.items[bad].corrupt = False
    calendar.feed.append(bad)
    house.engine.wake(ada.id, "stream")
    house.run()
    assert house.store.quarantine(ada.id) == ()


def test_what_could_not_be_read_is_asked_for_again(house: House, ada: Mailbox) -> None:
    """A server in trouble may look like a damaged item; nobody edits the item to tell us that it can be read now."""
    drain(house)
    calendar, start = house.source.calendar(ada.address), house.clock() + HOUR
    bad = calendar.add("Bad", start, start + HOUR)
    calendar.items[bad].corrupt = True
    house.engine.wake(ada.id, "stream")
    house.run()
    calendar.items[bad].corrupt = False
    house.forward(timedelta(minutes=2))
    assert house.subjects(ada) == {"Bad"}
    assert house.store.quarantine(ada.id) == ()


def test_a_damaged_item_is_asked_for_less_and_less(house: House, ada: Mailbox) -> None:
    """It may stay damaged for ever, and is one request each time."""
    drain(house)
    calendar, start = house.source.calendar(ada.address), house.clock() + HOUR
    calendar.items[calendar.add("Bad", start, start + HOUR)].corrupt = True
    house.engine.wake(ada.id, "stream")
    house.run()
    asked = len([1 for operation, _ in house.source.calls if operation == "expand"])
    house.forward(timedelta(days=1))
    again = len([1 for operation, _ in house.source.calls if operation == "expand"]) - asked
    assert 10 <= again <= 24


def test_a_second_look_that_meets_a_bad_answer_troubles_nobody(house: House, ada: Mailbox) -> None:
    """A damaged item that cuts every answer short must not stop its mailbox."""
    drain(house)
    calendar, start = house.source.calendar(ada.address), house.clock() + HOUR
    calendar.items[calendar.add("Bad", start, start + HOUR)].corrupt = True
    house.engine.wake(ada.id, "stream")
    house.run()
    house.streamed.add(ada.id)
    asked = len(house.source.calls)
    house.source.faults.append(Transient("bad-answer"))
    house.forward(timedelta(seconds=65))
    assert [operation for operation, _ in house.source.calls[asked:]] == ["expand"]
    session = house.store.session(ada.id)
    assert session is not None
    assert (session.attempts, session.reason) == (0, None)


def test_a_throttled_mailbox_is_left_alone_as_long_as_asked(house: House, ada: Mailbox) -> None:
    """Nudges meanwhile are kept for later and cost no request."""
    house.source.faults.append(Throttled("busy", retry_after=timedelta(minutes=5)))
    house.engine.wake(ada.id, "stream")
    house.run()
    calls = len(house.source.calls)
    house.engine.wake(ada.id, "stream")
    house.forward(timedelta(minutes=4, seconds=50))
    assert len(house.source.calls) == calls
    house.forward(timedelta(minutes=2))
    assert len(house.source.calls) > calls


def test_a_refused_account_holds_the_whole_source(house: House, ada: Mailbox) -> None:
    """Hundreds of mailboxes with a wrong password would lock the account; one answer is enough."""
    others = [house.activate(f"user{n}@example.com") for n in range(5)]
    house.run()
    house.source.faults.append(CredentialRefused("credential-refused"))
    house.engine.wake(ada.id, "stream")
    house.run()
    calls = len(house.source.calls)
    for mailbox in others:
        house.engine.wake(mailbox.id, "stream")
    house.forward(timedelta(minutes=20))
    assert len(house.source.calls) == calls
    house.engine.source_changed(house.source.name)
    house.run()
    assert len(house.source.calls) > calls


def test_a_dead_server_is_probed_by_one_mailbox_at_a_time(house: House, ada: Mailbox) -> None:
    """The others wait until that one gets through, then all go on."""
    for n in range(20):
        house.activate(f"user{n}@example.com")
    house.run()
    house.source.faults += [Transient("unreachable", scope=Scope.SERVER)] * 3
    calls = len(house.source.calls)
    for mailbox in house.store.mailboxes():
        house.engine.wake(mailbox.id, "stream")
    house.forward(timedelta(seconds=30))
    assert house.journal.verdicts.count("unreachable") == 3
    assert len(house.source.calls) - calls >= 20
    assert "passed" in house.journal.holds


def test_a_blocked_mailbox_comes_back_by_itself(house: House, ada: Mailbox) -> None:
    """Access was taken away and given back: no first load is needed."""
    house.source.faults.append(AccessDenied("impersonation-denied"))
    house.engine.wake(ada.id, "stream")
    house.run()
    assert house.phase(ada) is Phase.BLOCKED
    drain(house)
    house.forward(timedelta(minutes=30))
    assert house.phase(ada) is Phase.LIVE
    assert "snapshot.begin" not in drain(house)


def test_a_moved_mailbox_is_found_again(house: House, ada: Mailbox) -> None:
    """It is located anew and goes on with its cursor."""
    house.source.faults.append(MailboxMoved("mailbox-moving"))
    house.engine.wake(ada.id, "stream")
    house.run()
    house.forward(timedelta(minutes=1))
    assert house.phase(ada) is Phase.LIVE


def test_a_mailbox_in_exchange_online_is_asked_no_more(house: House, ada: Mailbox) -> None:
    """A clear state, no loop."""
    house.source.faults.append(MailboxMoved("moved-to-exchange-online"))
    house.engine.wake(ada.id, "stream")
    house.run()
    calls = len(house.source.calls)
    house.forward(timedelta(days=2))
    assert house.phase(ada) is Phase.MOVED
    assert len(house.source.calls) == calls


def test_an_expired_cursor_during_the_first_load_starts_it_over(house: House) -> None:
    """The load keeps resending, so the hub's list ends up whole."""
    calendar = house.source.calendar("ada@example.com")
    calendar.add("Plan", house.clock() + HOUR, house.clock() + 2 * HOUR)
    ada = house.activate()
    for _ in range(3):
        house.engine.scheduler.run_due()
    house.source.faults.append(CursorExpired("cursor-expired"))
    house.run()
    assert house.phase(ada) is Phase.LIVE
    assert house.subjects(ada) == {"Plan"}
    assert drain(house).count("snapshot.end") == 1


def test_presence_goes_up_when_it_changes(house: House, ada: Mailbox) -> None:
    """Once for each change, not for each look."""
    drain(house)
    house.source.calendar(ada.address).presence = Presence(away=True, text="Skiing")
    house.forward(HOUR)
    assert drain(house) == ["presence.put"]


def test_deactivation_tells_the_hub_and_leaves_nothing(house: House, ada: Mailbox) -> None:
    """The last word is on its way even though every local row is gone."""
    drain(house)
    session = house.store.session(ada.id)
    assert session is not None
    house.store.change_session(
        type(session)(
            ada.id, Phase.LEAVING, house.clock(), version=session.version, revision=session.revision
        )
    )
    house.engine.changed(ada.id)
    house.forward(timedelta(minutes=1))
    assert house.store.mailbox(ada.id) is None
    assert drain(house) == ["mailbox.gone"]
