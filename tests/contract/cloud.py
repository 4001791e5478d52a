"""What every way to a hub does, and what every hub does: the rules of docs/relay.md, seen from a connector.

Subclass ``CloudContract`` with a ``FarHub``: the hub behind the Cloud, as its users and its operator see it.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from connector.errors import Superseded, Transient
from connector.model import Envelope, EventKind, Queued, SealedCommand
from connector.relay.base import Cloud, Descent, Greeting, Welcome
from connector.relay.wire import uuid7

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
INSTANCE = "cal-01.example.com"
MAILBOX = "mb-1"
JWE = "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn"
PATIENCE_SECONDS = 20


class FarHub(ABC):
    """A hub with one enrolled connector (INSTANCE), for one test."""

    @abstractmethod
    def dial(self) -> Cloud:
        """A new connection of the connector, as another process would make it."""

    @abstractmethod
    def meetings(self, mailbox_id: str) -> set[str]:
        """Ids of the meetings that a user of the mailbox is shown."""

    @abstractmethod
    def command(self, command_id: str, mailbox_id: str, jwe: str) -> None:
        """A user gives a command."""

    @abstractmethod
    def close(self) -> None:
        """Take it down."""


class Events:
    """Makes events in order, with growing sequences."""

    def __init__(self, epoch: int = 1, after: int = 0) -> None:
        self.epoch = epoch
        self.sequence = after

    def make(
        self,
        kind: EventKind,
        data: Mapping[str, Any] | None = None,
        meeting_id: str | None = None,
        mailbox_id: str = MAILBOX,
    ) -> Queued:
        self.sequence += 1
        envelope = Envelope(uuid7(NOW), kind, mailbox_id, data or {}, meeting_id)
        return Queued(envelope, self.epoch, self.sequence, NOW)

    def put(self, meeting_id: str, mailbox_id: str = MAILBOX) -> Queued:
        return self.make(EventKind.MEETING_PUT, sealed(meeting_id), meeting_id, mailbox_id)

    def gone(self, meeting_id: str) -> Queued:
        return self.make(EventKind.MEETING_GONE, {"id": meeting_id, "revision": 1}, meeting_id)

    def begin(self, name: str) -> Queued:
        return self.make(EventKind.SNAPSHOT_BEGIN, {"snapshot": name})

    def end(self, name: str) -> Queued:
        return self.make(EventKind.SNAPSHOT_END, {"snapshot": name})

    def record(self) -> Queued:
        return self.make(EventKind.MAILBOX_PUT, {"address": "blind-index", "revision": 1})


def sealed(meeting_id: str) -> dict[str, Any]:
    """A meeting as the hub sees it; the ciphertexts only look like some."""
    return {
        "id": meeting_id,
        "seriesId": "series-1",
        "revision": 1,
        "start": "2026-11-21T09:00:00Z",
        "end": "2026-11-21T10:00:00Z",
        "durationMinutes": 60,
        "isRecurring": False,
        "links": [],
        "encryptionKeyUrl": "kms://cal-01.example.com/keys/1",
        "encryptedSubject": JWE,
        "encryptedClear": JWE,
    }


def greet(cloud: Cloud, run: str, epoch: int = 1, sequence: int = 0) -> Welcome:
    """Greet as INSTANCE."""
    return cloud.greet(Greeting(INSTANCE, run, epoch, sequence, "0.1.0"))


def ids(batch: Sequence[Queued]) -> tuple[str, ...]:
    """Event ids."""
    return tuple(one.envelope.id for one in batch)


class Listener:
    """Listens in a thread of its own and remembers what came."""

    def __init__(
        self, cloud: Cloud, cursor: str = "", accept: Callable[[Descent], None] | None = None
    ) -> None:
        self.came: list[Descent] = []
        self.error: BaseException | None = None
        self._news = threading.Condition()
        self._accept = accept
        self.stop = Event()
        self._thread = threading.Thread(target=self._run, args=(cloud, cursor), daemon=True)
        self._thread.start()

    def commands(self, count: int) -> list[SealedCommand]:
        """Wait for so many commands."""
        with self._news:
            self._news.wait_for(lambda: len(self._all()) >= count or self.error, PATIENCE_SECONDS)
            return self._all()

    @property
    def cursor(self) -> str:
        return self.came[-1].cursor

    def end(self) -> None:
        self.stop.set()
        self.join()

    def join(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive()

    def _all(self) -> list[SealedCommand]:
        return [one for descent in self.came for one in descent.commands]

    def _run(self, cloud: Cloud, cursor: str) -> None:
        try:
            cloud.listen(cursor, self.stop, self._take)
        except BaseException as error:  # noqa: BLE001 - the test's own thread looks at it
            self.error = error
        with self._news:
            self._news.notify_all()

    def _take(self, descent: Descent) -> None:
        if self._accept:
            self._accept(descent)
        with self._news:
            self.came.append(descent)
            self._news.notify_all()


class CloudContract(ABC):
    """Subclass it with ``make_hub``."""

    @abstractmethod
    def make_hub(self) -> FarHub:
        """A hub that knows INSTANCE and has heard nothing from it."""

    @pytest.fixture
    def hub(self) -> Iterator[FarHub]:
        hub = self.make_hub()
        yield hub
        hub.close()

    @pytest.fixture
    def cloud(self, hub: FarHub) -> Iterator[Cloud]:
        cloud = hub.dial()
        greet(cloud, "run-1")
        yield cloud
        cloud.close()

    # --- greeting

    def test_a_new_hub_remembers_nothing(self, hub: FarHub) -> None:
        """The mark of a connector that never sent anything is (0, 0)."""
        cloud = hub.dial()
        welcome = greet(cloud, "run-1")
        assert (welcome.epoch, welcome.sequence) == (0, 0)
        assert welcome.max_batch >= 1
        assert not welcome.knows_more_than(Greeting(INSTANCE, "run-1", 1, 0, "0.1.0"))
        cloud.close()

    def test_the_mark_is_the_highest_order_acknowledged(self, cloud: Cloud) -> None:
        """Whatever order the events came in."""
        events = Events(epoch=2)
        first, second = events.put("m1"), events.put("m2")
        cloud.send([second, first])
        welcome = greet(cloud, "run-1", 2, 2)
        assert (welcome.epoch, welcome.sequence) == (2, 2)

    def test_before_greeting_nothing_is_taken(self, hub: FarHub) -> None:
        """An unknown run is asked to greet, which is passing trouble."""
        cloud = hub.dial()
        with pytest.raises(Transient) as caught:
            cloud.send([Events().put("m1")])
        assert caught.value.code == "greet-again"
        cloud.close()

    def test_of_two_copies_the_older_is_superseded(self, hub: FarHub, cloud: Cloud) -> None:
        """For ever, also when it greets again; the younger goes on."""
        younger = hub.dial()
        greet(younger, "run-2")
        with pytest.raises(Superseded):
            cloud.send([Events().put("m1")])
        with pytest.raises(Superseded):
            greet(cloud, "run-1")
        batch = [Events().put("m2")]
        assert younger.send(batch).acknowledged == ids(batch)
        assert hub.meetings(MAILBOX) == {"m2"}
        younger.close()

    # --- events

    def test_events_are_acknowledged_and_shown(self, hub: FarHub, cloud: Cloud) -> None:
        """A put appears, a gone disappears."""
        events = Events()
        batch = [events.record(), events.put("m1"), events.put("m2"), events.gone("m1")]
        receipt = cloud.send(batch)
        assert (receipt.acknowledged, dict(receipt.rejected)) == (ids(batch), {})
        assert hub.meetings(MAILBOX) == {"m2"}

    def test_an_empty_batch_is_a_sign_of_life(self, cloud: Cloud) -> None:
        """It is taken, and nothing is acknowledged."""
        assert cloud.send([]).acknowledged == ()

    def test_a_repeated_event_is_acknowledged_and_changes_nothing(self, hub: FarHub, cloud: Cloud) -> None:
        """As after a lost answer; also when something newer came in between."""
        events = Events()
        put, gone = events.put("m1"), events.gone("m1")
        cloud.send([put, gone])
        assert cloud.send([put]).acknowledged == ids([put])
        assert hub.meetings(MAILBOX) == set()

    def test_an_older_event_is_stale(self, hub: FarHub, cloud: Cloud) -> None:
        """The hub holds something newer of this meeting, a tombstone for instance."""
        events = Events()
        old, new = events.put("m1"), events.gone("m1")
        cloud.send([new])
        receipt = cloud.send([old])
        assert receipt.acknowledged == ()
        assert receipt.rejected[old.envelope.id].stale
        assert hub.meetings(MAILBOX) == set()

    def test_order_counts_per_meeting_only(self, hub: FarHub, cloud: Cloud) -> None:
        """A meeting may overtake another."""
        events = Events()
        first, second = events.put("m1"), events.put("m2")
        cloud.send([second])
        assert cloud.send([first]).acknowledged == ids([first])
        assert hub.meetings(MAILBOX) == {"m1", "m2"}

    def test_a_higher_epoch_beats_any_sequence(self, hub: FarHub, cloud: Cloud) -> None:
        """After a restored database the new life wins."""
        cloud.send([Events(epoch=1, after=900).gone("m1")])
        batch = [Events(epoch=2).put("m1")]
        assert cloud.send(batch).acknowledged == ids(batch)
        assert hub.meetings(MAILBOX) == {"m1"}

    def test_a_snapshot_drops_what_it_does_not_name(self, hub: FarHub, cloud: Cloud) -> None:
        """Until its end the old list is there; other mailboxes are not touched."""
        events = Events()
        cloud.send([events.put("m1"), events.put("m2"), events.put("x", "mb-2")])
        cloud.send([events.begin("s1"), events.put("m2"), events.put("m3")])
        assert hub.meetings(MAILBOX) == {"m1", "m2", "m3"}
        cloud.send([events.end("s1")])
        assert hub.meetings(MAILBOX) == {"m2", "m3"}
        assert hub.meetings("mb-2") == {"x"}

    def test_an_end_without_its_begin_drops_nothing(self, hub: FarHub, cloud: Cloud) -> None:
        """It is stale: hub and connector do not mean the same list."""
        events = Events()
        cloud.send([events.put("m1"), events.begin("s1"), events.begin("s2")])
        end = events.end("s1")
        assert cloud.send([end]).rejected[end.envelope.id].stale
        assert hub.meetings(MAILBOX) == {"m1"}

    def test_what_is_below_the_floor_comes_too_late(self, hub: FarHub, cloud: Cloud) -> None:
        """A stuck request can't bring back a meeting that the hub never heard of."""
        events = Events()
        stuck = events.put("ghost")
        cloud.send([events.begin("s1"), events.end("s1")])
        assert cloud.send([stuck]).rejected[stuck.envelope.id].stale
        assert hub.meetings(MAILBOX) == set()

    def test_a_mailbox_that_is_gone_is_empty_and_may_return(self, hub: FarHub, cloud: Cloud) -> None:
        """Old events do not bring it back, newer ones do."""
        events = Events()
        late, first = events.put("m0"), events.put("m1")
        cloud.send([events.record(), first, events.make(EventKind.MAILBOX_GONE, {"erase": False})])
        assert hub.meetings(MAILBOX) == set()
        assert cloud.send([late]).rejected[late.envelope.id].stale
        cloud.send([events.record(), events.put("m2")])
        assert hub.meetings(MAILBOX) == {"m2"}

    # --- downlink

    def test_commands_come_down_in_order(self, hub: FarHub, cloud: Cloud) -> None:
        """Those that waited, and those that come while listening."""
        hub.command("c1", MAILBOX, JWE)
        listener = Listener(cloud)
        assert [one.id for one in listener.commands(1)] == ["c1"]
        hub.command("c2", MAILBOX, JWE)
        came = listener.commands(2)
        assert [(one.id, one.mailbox_id, one.jwe) for one in came] == [
            ("c1", MAILBOX, JWE),
            ("c2", MAILBOX, JWE),
        ]
        listener.end()
        assert listener.error is None

    def test_what_was_acknowledged_does_not_come_again(self, hub: FarHub, cloud: Cloud) -> None:
        """The cursor resumes after the last durable message."""
        hub.command("c1", MAILBOX, JWE)
        first = Listener(cloud)
        first.commands(1)
        first.end()
        hub.command("c2", MAILBOX, JWE)
        second = Listener(cloud, first.cursor)
        assert [one.id for one in second.commands(1)] == ["c2"]
        second.end()

    def test_what_was_not_made_durable_comes_again(self, hub: FarHub, cloud: Cloud) -> None:
        """A connector that dies while it takes a message over gets it once more."""

        def die(descent: Descent) -> None:
            raise RuntimeError(descent.cursor)

        hub.command("c1", MAILBOX, JWE)
        first = Listener(cloud, accept=die)
        first.join()
        assert isinstance(first.error, RuntimeError)
        second = Listener(cloud)
        assert [one.id for one in second.commands(1)] == ["c1"]
        second.end()

    def test_close_wakes_a_listener(self, cloud: Cloud) -> None:
        """From another thread, while nothing comes."""
        listener = Listener(cloud)
        cloud.close()
        listener.join()
        assert listener.error is None or isinstance(listener.error, Transient)

    def test_a_superseded_listener_is_told(self, hub: FarHub, cloud: Cloud) -> None:
        """The older copy stops also if it has nothing to send."""
        listener = Listener(cloud)
        younger = hub.dial()
        greet(younger, "run-2")
        listener.join()
        assert isinstance(listener.error, Superseded)
        younger.close()
