"""The sender: what it sends, what it does with the answers, and how it finds out that somebody was restored."""

from __future__ import annotations

import threading
from datetime import timedelta
from threading import Event

import pytest

from connector.errors import CredentialRefused, Superseded, Throttled, Transient
from connector.model import Envelope, EventKind, Phase
from connector.relay import backoff
from connector.relay.base import Rejection
from connector.relay.memory import MemoryHub
from connector.relay.sender import IDLE, SIGN_OF_LIFE, SUPERSEDED
from connector.relay.wire import uuid7
from tests.unit.relay.outbox import HOUR, Appliance, drain


@pytest.fixture
def hub() -> MemoryHub:
    return MemoryHub()


@pytest.fixture
def house() -> Appliance:
    house = Appliance()
    house.mailbox()
    return house


# --- the way of an event


def test_what_is_in_the_outbox_comes_to_the_hub_and_leaves_the_outbox(
    house: Appliance, hub: MemoryHub
) -> None:
    """Greet, claim, send, acknowledge; then rest."""
    sender = house.sender(hub.dial())
    house.put("m1")
    house.put("m2")
    assert drain(sender) == 3
    assert set(hub.meetings("mb-1")) == {"m1", "m2"}
    assert house.store.outbox().waiting == 0
    assert sender.confirmed.is_set()
    assert sender.state.up


def test_before_the_hub_has_answered_nothing_is_confirmed(house: Appliance, hub: MemoryHub) -> None:
    """Calendar writes wait for the hub's word on the epoch."""
    sender = house.sender(hub.dial())
    hub.verdict = Transient("unreachable")
    sender.step()
    assert not sender.confirmed.is_set()
    assert (sender.state.up, sender.state.code) == (False, "unreachable")
    hub.verdict = None
    sender.step()
    assert sender.confirmed.is_set()


def test_a_lost_answer_leads_to_a_repeat_that_changes_nothing(house: Appliance, hub: MemoryHub) -> None:
    """The same ids are sent again and acknowledged; nothing is applied twice and no new epoch begun."""
    sender = house.sender(hub.dial())
    house.put("m1")
    hub.lose_answers = 1
    sender.step()
    assert sender.step() > timedelta(0)
    assert house.store.outbox().waiting == 1
    drain(sender)
    assert house.store.outbox().waiting == 0
    assert [event.subject for event in hub.applied] == ["m1"]
    assert house.store.epoch() == 1


def test_a_lost_answer_before_a_restart_is_no_restored_database(house: Appliance, hub: MemoryHub) -> None:
    """What was handed over is written down first, so the hub's mark is never a surprise."""
    first = house.sender(hub.dial())
    house.put("m1")
    hub.lose_answers = 1
    first.step()
    first.step()
    second = house.sender(hub.dial())
    second.begin()
    drain(second)
    assert house.store.epoch() == 1
    assert house.store.outbox().waiting == 0


def test_an_event_that_is_refused_for_good_becomes_a_dead_letter(house: Appliance, hub: MemoryHub) -> None:
    """Its neighbours go on."""
    sender = house.sender(hub.dial())
    bad = house.put("m1")
    house.put("m2")
    hub.reject[bad.id] = Rejection("malformed", retry=False)
    drain(sender)
    assert [(one.queued.envelope.id, one.code) for one in house.store.dead_letters()] == [
        (bad.id, "malformed")
    ]
    assert set(hub.meetings("mb-1")) == {"m2"}


def test_an_event_that_is_to_be_tried_again_stays_and_is_tried_slowly(
    house: Appliance, hub: MemoryHub
) -> None:
    """When nothing of a batch is taken, the sender backs off."""
    sender = house.sender(hub.dial())
    event = house.put("m1")
    hub.reject[event.id] = Rejection("busy", retry=True)
    sender.step()
    assert sender.step() >= backoff.LEAST
    assert sender.state.code == "busy"
    del hub.reject[event.id]
    drain(sender)
    assert set(hub.meetings("mb-1")) == {"m1"}


def test_what_the_receipt_does_not_mention_is_sent_again(house: Appliance, hub: MemoryHub) -> None:
    """A hub that looks at half of a batch gets the rest at once."""
    sender = house.sender(hub.dial())
    for name in ("m1", "m2", "m3"):
        house.put(name)
    hub.take = 1
    drain(sender)
    assert set(hub.meetings("mb-1")) == {"m1", "m2", "m3"}
    assert [event.subject for event in hub.applied] == ["m1", "m2", "m3"]


def test_the_hubs_limit_is_kept_to() -> None:
    """No batch is larger than the hub has said."""
    hub, house = MemoryHub(max_batch=2), Appliance()
    house.mailbox()
    for number in range(5):
        house.put(f"m{number}")
    assert drain(house.sender(hub.dial())) == 1 + 3 + 1


def test_an_idle_connector_gives_a_sign_of_life(house: Appliance, hub: MemoryHub) -> None:
    """Every five minutes, so that its lists are not marked stale."""
    sender = house.sender(hub.dial())
    drain(sender)
    before = sender.state.acknowledged_at
    house.clock.forward(SIGN_OF_LIFE - timedelta(seconds=1))
    sender.step()
    assert sender.state.acknowledged_at == before
    house.clock.forward(timedelta(seconds=1))
    assert sender.step() == IDLE
    assert sender.state.acknowledged_at == house.clock()


# --- restored and cloned


def restored(house: Appliance, hub: MemoryHub) -> Appliance:
    """The appliance after m1 was sent, then put back to before m2 was."""
    sender = house.sender(hub.dial())
    house.put("m1")
    drain(sender)
    backup = house.copy()
    house.put("m2")
    drain(sender)
    return backup


def test_a_restored_database_begins_a_new_life(house: Appliance, hub: MemoryHub) -> None:
    """The hub knows more than it: higher epoch, every list anew, and confirmed only then."""
    backup = restored(house, hub)
    sender = backup.sender(hub.dial())
    sender.begin()
    sender.step()
    assert not sender.confirmed.is_set()
    drain(sender)
    assert sender.confirmed.is_set()
    assert backup.store.epoch() == 2
    session = backup.store.session("mb-1")
    assert session
    assert session.phase is Phase.LOADING
    assert session.load
    assert session.load.resend


def test_new_changes_do_not_hide_that_the_database_was_restored(house: Appliance, hub: MemoryHub) -> None:
    """It has given out more sequences than the hub has seen, before it could greet; the mark tells all the same."""
    backup = restored(house, hub)
    for name in ("m3", "m4", "m5"):
        backup.put(name)
    drain(backup.sender(hub.dial()))
    assert backup.store.epoch() == 2


def test_a_restored_hub_gets_everything_anew(house: Appliance, hub: MemoryHub) -> None:
    """While the connector runs: its next batch is refused, it greets, and sees that its events were forgotten."""
    sender = house.sender(hub.dial())
    drain(sender)
    books = hub.backup()
    house.put("m1")
    drain(sender)
    hub.restore(books)
    house.put("m2")
    assert sender.step() > IDLE / 2
    assert sender.state.code == "greet-again"
    drain(sender)
    assert house.store.epoch() == 2
    assert sender.confirmed.is_set()
    assert house.lives == [house.store.epoch()]


def test_a_hub_restored_while_the_connector_was_off_is_found_out(house: Appliance, hub: MemoryHub) -> None:
    """What was acknowledged is remembered across restarts, and one new life is enough."""
    books = hub.backup()
    first = house.sender(hub.dial())
    house.put("m1")
    drain(first)
    hub.restore(books)
    drain(house.sender(hub.dial()))
    drain(house.sender(hub.dial()))
    assert house.store.epoch() == 2


def test_stale_begins_a_new_life(house: Appliance, hub: MemoryHub) -> None:
    """The hub holds something newer than this database knows of."""
    sender = house.sender(hub.dial())
    sender.step()
    event = house.put("m1")
    hub.reject[event.id] = Rejection("stale", retry=False, stale=True)
    sender.step()
    assert house.store.epoch() == 2
    assert not sender.confirmed.is_set()
    drain(sender)
    assert sender.confirmed.is_set()


def test_a_hub_that_calls_everything_stale_does_not_drive_us_round(house: Appliance, hub: MemoryHub) -> None:
    """Three new lives within an hour, then it is waited for; an hour later there is another try."""
    sender = house.sender(hub.dial())
    for number in range(6):
        event = house.put(f"m{number}")
        hub.reject[event.id] = Rejection("stale", retry=False, stale=True)
        for _ in range(4):
            sender.step()
    assert house.store.epoch() == 4
    assert sender.state.code == "hub-inconsistent"
    house.clock.forward(HOUR)
    hub.reject.clear()
    drain(sender)
    assert sender.state.up


def test_of_two_copies_the_older_stops_for_good(house: Appliance, hub: MemoryHub) -> None:
    """It is told at its next batch, remembers it, and does not start again by itself."""
    older = house.sender(hub.dial())
    drain(older)
    clone = house.copy()
    younger = clone.sender(hub.dial())
    drain(younger)
    house.put("m1")
    with pytest.raises(Superseded):
        drain(older)
    assert not older.confirmed.is_set()
    assert house.store.setting(SUPERSEDED)
    with pytest.raises(Superseded):
        house.sender(hub.dial()).run(Event())
    clone.put("m2")
    drain(younger)
    assert set(hub.meetings("mb-1")) == {"m2"}


def test_take_over_brings_the_stopped_copy_back(house: Appliance, hub: MemoryHub) -> None:
    """As the administrator said; the other one stops then."""
    older = house.sender(hub.dial())
    drain(older)
    younger = house.copy().sender(hub.dial())
    drain(younger)
    house.clock.forward(SIGN_OF_LIFE)
    with pytest.raises(Superseded):
        older.step()
    back = house.sender(hub.dial(), take_over=True)
    back.begin()
    drain(back)
    house.clock.forward(SIGN_OF_LIFE)
    with pytest.raises(Superseded):
        younger.step()
    house.sender(hub.dial()).begin()


# --- how it goes


def test_a_killed_process_leaves_nothing_claimed(house: Appliance, hub: MemoryHub) -> None:
    """The next one sends what was in flight."""
    house.put("m1")
    house.store.claim(10, house.clock())
    sender = house.sender(hub.dial())
    sender.begin()
    drain(sender)
    assert set(hub.meetings("mb-1")) == {"m1"}


def test_down_since_the_first_failure_and_up_since_the_recovery(house: Appliance, hub: MemoryHub) -> None:
    """Another code while down does not move the beginning."""
    sender = house.sender(hub.dial())
    drain(sender)
    house.put("m1")
    began = house.clock()
    for code in ("timeout", "timeout", "server-error"):
        hub.verdict = Transient(code)
        sender.step()
        house.clock.forward(timedelta(minutes=1))
    assert (sender.state.since, sender.state.code, sender.state.failures) == (began, "server-error", 3)
    hub.verdict = None
    drain(sender)
    assert (sender.state.up, sender.state.since, sender.state.code) == (True, house.clock(), None)


def test_waits_follow_the_verdict(house: Appliance, hub: MemoryHub) -> None:
    """The hub's wish, and a minute after a refused credential."""
    sender = house.sender(hub.dial())
    hub.verdict = Throttled("busy", retry_after=timedelta(seconds=90))
    assert sender.step() == timedelta(seconds=90)
    hub.verdict = CredentialRefused("credential-refused")
    assert sender.step() == timedelta(minutes=1)


def test_after_an_outage_only_unsent_things_are_sent(house: Appliance, hub: MemoryHub) -> None:
    """The backlog goes out once, presence and gone alike."""
    sender = house.sender(hub.dial())
    drain(sender)
    hub.verdict = Transient("unreachable")
    house.put("m1")
    data = {"encryptionKeyUrl": "kms://x/keys/1", "encryptedPresence": "a..b.c.d", "revision": 1}
    house.commit(Envelope(uuid7(house.clock()), EventKind.PRESENCE_PUT, "mb-1", data))
    for _ in range(5):
        sender.step()
    hub.verdict = None
    drain(sender)
    assert hub.view("mb-1").presence == data
    assert len(hub.applied) == 2


def test_the_thread_sends_what_is_committed_and_stops(house: Appliance, hub: MemoryHub) -> None:
    """Notify wakes it; stop ends it."""
    sender, stop = house.sender(hub.dial()), Event()
    thread = threading.Thread(target=sender.run, args=(stop,))
    thread.start()
    assert sender.confirmed.wait(20)
    house.put("m1")
    sender.notify()
    arrived = Event()
    for _ in range(200):
        if house.store.outbox().waiting == 0 or arrived.wait(0.1):
            break
    stop.set()
    sender.notify()
    thread.join(20)
    assert not thread.is_alive()
    assert set(hub.meetings("mb-1")) == {"m1"}


def test_hurry_ends_a_back_off(house: Appliance, hub: MemoryHub) -> None:
    """A new credential is tried at once, a commit alone is not."""
    hub.verdict = CredentialRefused("credential-refused")
    sender, stop = house.sender(hub.dial()), Event()
    thread = threading.Thread(target=sender.run, args=(stop,))
    thread.start()
    for _ in range(200):
        if sender.state.failures:
            break
        stop.wait(0.05)
    hub.verdict = None
    sender.notify()
    assert not sender.confirmed.wait(0.2)
    sender.hurry()
    assert sender.confirmed.wait(20)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
