"""The receiver: first durable, then awake; and no more resyncs than are good."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from threading import Event

import pytest

from connector.errors import CredentialRefused, Superseded, Transient
from connector.model import SealedCommand
from connector.relay.base import Cloud, Descent
from connector.relay.memory import MemoryHub
from connector.relay.receiver import RESYNC_EVERY, Callbacks, Receiver
from tests.contract.cloud import JWE, NOW, greet
from tests.unit.relay.outbox import Appliance


class Desk:
    """A receiver with everything it sets off written down."""

    def __init__(self, cloud: Cloud) -> None:
        self.house = Appliance()
        self.house.mailbox()
        self.woken: list[str] = []
        self.resynced: list[str] = []
        self.greeted = self.replaced = 0
        self.news = Event()
        self.confirmed = Event()
        self.confirmed.set()
        self.receiver = Receiver(
            cloud,
            self.house.store,
            self.confirmed,
            Callbacks(self._wake, self.resynced.append, self._greet_again, self._superseded),
            self.house.clock,
            lambda: 0.5,
        )

    def _wake(self, mailbox_ids: Iterable[str]) -> None:
        self.woken += mailbox_ids
        self.news.set()

    def _greet_again(self) -> None:
        self.greeted += 1

    def _superseded(self) -> None:
        self.replaced += 1


class Refusing:
    """A cloud whose downlink ends with a verdict."""

    def __init__(self, verdict: Exception) -> None:
        self.verdict = verdict

    def listen(self, cursor: str, stop: Event, accept: Callable[[Descent], None]) -> None:
        raise self.verdict


def command(command_id: str, mailbox_id: str = "mb-1") -> SealedCommand:
    return SealedCommand(command_id, mailbox_id, JWE, NOW)


@pytest.fixture
def desk() -> Desk:
    return Desk(MemoryHub().dial())


def test_a_command_is_kept_then_its_mailbox_is_woken(desk: Desk) -> None:
    """The cursor moves with it."""
    desk.receiver.accept(Descent((command("c1"),), ("mb-2",), (), "1"))
    assert desk.house.store.next_command("mb-1") == command("c1")
    assert desk.house.store.downlink_cursor() == "1"
    assert desk.woken == ["mb-1", "mb-2"]


def test_a_command_that_was_there_before_wakes_nobody_twice(desk: Desk) -> None:
    """A repeat after a lost acknowledgement changes nothing."""
    desk.receiver.accept(Descent((command("c1"),), (), (), "1"))
    desk.woken.clear()
    desk.receiver.accept(Descent((command("c1"),), (), (), "1"))
    assert desk.woken in ([], ["mb-1"])
    assert desk.house.store.next_command("mb-1") == command("c1")


def test_a_resync_is_done_before_the_cursor_moves(desk: Desk) -> None:
    """If it fails, the message comes again."""

    def fail(mailbox_id: str) -> None:
        raise RuntimeError(mailbox_id)

    broken = Receiver(
        MemoryHub().dial(),
        desk.house.store,
        desk.confirmed,
        Callbacks(lambda ids: None, fail, lambda: None, lambda: None),
        desk.house.clock,
        lambda: 0.5,
    )
    with pytest.raises(RuntimeError):
        broken.accept(Descent((), (), ("mb-1",), "1"))
    assert desk.house.store.downlink_cursor() == ""


def test_a_hub_can_have_a_mailbox_read_afresh_once_in_ten_minutes(desk: Desk) -> None:
    """An untrusted hub must not make us burden the calendar server."""
    for _ in range(5):
        desk.receiver.accept(Descent((), (), ("mb-1",), "1"))
    assert desk.resynced == ["mb-1"]
    desk.house.clock.forward(RESYNC_EVERY)
    desk.receiver.accept(Descent((), (), ("mb-1", "mb-2"), "2"))
    assert desk.resynced == ["mb-1", "mb-1", "mb-2"]


def test_a_hub_that_forgot_us_is_greeted_again() -> None:
    """The sender is asked to; meanwhile the receiver backs off."""
    desk = Desk(Refusing(Transient("greet-again")))  # type: ignore[arg-type]
    assert desk.receiver.step(Event()) >= timedelta(seconds=1)
    assert desk.greeted == 1


def test_a_refused_credential_is_met_by_the_sender_too() -> None:
    """Who is revoked learns it on the downlink first; with nothing to send, the sender would not notice for minutes."""
    desk = Desk(Refusing(CredentialRefused("credential-refused")))  # type: ignore[arg-type]
    desk.receiver.step(Event())
    assert desk.greeted == 1


def test_superseded_ends_the_thread() -> None:
    """A copy that was replaced also learns it here, and its next run still knows."""
    desk = Desk(Refusing(Superseded("superseded")))  # type: ignore[arg-type]
    with pytest.raises(Superseded):
        desk.receiver.run(Event())
    assert desk.replaced == 1


def test_failures_wait_longer_each_time() -> None:
    """Back-off with the luck that was handed in."""
    desk = Desk(Refusing(Transient("unreachable")))  # type: ignore[arg-type]
    waits = [desk.receiver.step(Event()) for _ in range(5)]
    assert waits == sorted(set(waits))


def test_the_thread_listens_once_the_epoch_is_confirmed() -> None:
    """Before that a command waits at the hub."""
    hub = MemoryHub()
    cloud = hub.dial()
    desk, stop = Desk(cloud), Event()
    desk.confirmed.clear()
    hub.command(command("c1"))
    thread = threading.Thread(target=desk.receiver.run, args=(stop,))
    thread.start()
    assert not desk.news.wait(0.2)
    greet(cloud, "run-1")
    desk.confirmed.set()
    assert desk.news.wait(20)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()
    assert desk.woken == ["mb-1"]
