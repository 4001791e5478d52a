"""Looking out for a key service that is away: its return ends the waiting, and a service that refuses is left in peace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from connector.errors import Transient
from connector.relay import carriage
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.lookout import LONGEST_PAUSE, PAUSE, Lookout
from connector.seal.kms_client.transport import AWAY, Address, away
from connector.seal.kms_client.verbs import Verbs
from tests.unit.seal.kms_client.house import House, session_of
from tests.unit.seal.kmswire.site import HOST


@dataclass
class Gate:
    """A way to the fake service that is open or not; a patient one waits until it opens."""

    house: House
    opened: Event
    patient: bool = False
    looked: Event = field(default_factory=Event)
    closed: bool = False

    def static(self) -> bytes:
        """As the hub does with ``Prefer: wait``, and without."""
        self.looked.set()
        assert self.opened.wait(10 if self.patient else 0) or not self.patient
        if self.closed or not self.opened.is_set():
            raise away("shut")
        return self.house.kms.static()

    def carry(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Refused while it is shut."""
        if not self.opened.is_set():
            raise away("shut")
        return self.house.kms.carry(tokens)

    def close(self) -> None:
        """Whoever waits is let go."""
        self.closed = True
        self.opened.set()


@dataclass
class Watch:
    """A session with its lookout, put together as the composition root does it."""

    verbs: Verbs
    gate: Gate
    lookout: Lookout
    returned: Event = field(default_factory=Event)


@pytest.fixture
def watch() -> Watch:
    """With a service whose door is shut."""
    house, opened = House(), Event()
    gate = Gate(house, opened, patient=True)
    session = session_of(Gate(house, opened), house.clock)
    verbs = Verbs(Convoy(session.ask).ask, HOST)
    made = Watch(verbs, gate, Lookout(gate, verbs.ping, session.hurry))

    def back() -> None:
        made.lookout.back()
        made.returned.set()

    session.left, session.returned = made.lookout.away, back
    return made


class Stop(Event):
    """Writes down how long it is waited for, and does not wait; the time is up after so many."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.waits: list[float] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        """At once."""
        self.waits.append(timeout or 0.0)
        if len(self.waits) >= self._most:
            self.set()
        return self.is_set()


def test_the_return_is_told_at_once(watch: Watch) -> None:
    """Nobody asks, no clock moves: the door opens, and those who waited are released."""
    thread = Thread(target=watch.lookout.run, args=(Event(),))
    thread.start()
    with pytest.raises(Transient):
        watch.verbs.ping()
    assert watch.gate.looked.wait(10)
    assert not watch.returned.is_set()
    watch.gate.opened.set()
    assert watch.returned.wait(10)
    watch.lookout.halt()
    thread.join(10)
    assert not thread.is_alive()


def test_it_ends_in_the_middle_of_a_look(watch: Watch) -> None:
    """The way is closed under it, and the thread ends; so does one that sleeps."""
    for wanted in (True, False):
        lookout = Lookout(watch.gate, lambda: None, lambda: None)
        if wanted:
            lookout.away()
        thread = Thread(target=lookout.run, args=(Event(),))
        thread.start()
        assert not wanted or watch.gate.looked.wait(10)
        lookout.halt()
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("code", ["key-service-refuses", "key-service-untrusted"])
def test_a_service_that_will_not_have_us_is_asked_ever_more_seldom(watch: Watch, code: str) -> None:
    """Each look there is a handshake and a row of its trail; one that is away is looked for at an even pace."""
    watch.gate.opened.set()
    paces: dict[str, list[float]] = {}
    for said in (code, AWAY):

        def ping(said: str = said) -> None:
            raise Transient(said)

        lookout, stop = Lookout(watch.gate, ping, lambda: None), Stop(6)
        lookout.away()
        lookout.run(stop)
        paces[said] = stop.waits
    assert paces[code] == [
        min(PAUSE.total_seconds() * 2**n, LONGEST_PAUSE.total_seconds()) for n in range(1, 7)
    ]
    assert paces[AWAY] == [PAUSE.total_seconds()] * 6


def test_it_asks_the_hub_to_wait() -> None:
    """With the credential of every request."""
    address = Address("http://hub.example.com", headers=lambda: {"Authorization": "Bearer t"}).patient()
    assert address.headers() == {
        "Authorization": "Bearer t",
        **carriage.write_patience(carriage.HOLD_SECONDS),
    }
