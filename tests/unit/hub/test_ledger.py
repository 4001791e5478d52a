"""The ledger applies events as MemoryHub does, whatever comes in whatever order."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import Transient
from connector.hub import changes, runs, tokens
from connector.hub.database import Database
from connector.hub.ledger import Ledger
from connector.hub.problems import Refusal
from connector.hub.settings import Limits
from connector.model import Envelope, EventKind, Queued
from connector.relay import strict, wire
from connector.relay.base import Greeting, Receipt
from connector.relay.memory import MemoryHub
from tests.contract.cloud import INSTANCE, NOW, Events, sealed

SOURCE = wire.source_of(INSTANCE)
MAILBOXES = ("mb-1", "mb-2")


@dataclass
class Books:
    """A ledger with one connector."""

    path: Path
    database: Database
    connector: int

    def send(
        self,
        batch: list[Queued],
        *,
        acknowledged: wire.Order = (0, 0),
        run: str = "run-1",
        connector: int = 0,
    ) -> Receipt:
        raw, _ = wire.write_batch(batch, SOURCE, 1000, 2**30)
        good, wrong = changes.read_all(*wire.read_batch(raw, SOURCE, 1000))
        assert wrong == {}
        ledger = Ledger(self.database, Limits())
        return ledger.take(connector or self.connector, run, acknowledged, good, NOW).receipt

    def reopen(self) -> None:
        self.database.close()
        self.database = Database(self.path)

    def enrol(self, name: str) -> int:
        tokens.for_connector(self.database, name, NOW)
        with self.database.writing() as connection:
            number = connection.execute("SELECT number FROM connectors WHERE name = ?", (name,)).fetchone()[0]
            runs.greet(connection, number, Greeting(name, "run-1", 1, 0, "0.1.0"), NOW)
            return int(number)

    def rows(self, asked: str, *values: Any) -> list[Mapping[str, Any]]:
        with self.database.reading() as connection:
            return [dict(row) for row in connection.execute(asked, values)]


@contextmanager
def books() -> Iterator[Books]:
    """A new one."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "hub.db"
        made = Books(path, Database(path), 0)
        made.connector = made.enrol(INSTANCE)
        yield made
        made.database.close()


@pytest.fixture
def book() -> Iterator[Books]:
    """A new one."""
    with books() as made:
        yield made


ORDERS = st.tuples(st.integers(1, 3), st.integers(1, 25))
KINDS = st.sampled_from(list(EventKind))


@st.composite
def queued(draw: st.DrawFn) -> Queued:
    """An event out of a small world, so that events concern each other. Its id is one of few, too."""
    kind, mailbox, name = draw(KINDS), draw(st.sampled_from(MAILBOXES)), draw(st.sampled_from("abc"))
    epoch, sequence = draw(ORDERS)
    data: Mapping[EventKind, dict[str, Any]] = {
        EventKind.MEETING_PUT: sealed(name) | {"revision": draw(st.integers(0, 9))},
        EventKind.MEETING_GONE: {"id": name, "revision": 1},
        EventKind.SNAPSHOT_BEGIN: {"snapshot": name},
        EventKind.SNAPSHOT_END: {"snapshot": name},
        EventKind.PRESENCE_PUT: {"revision": sequence},
        EventKind.MAILBOX_PUT: {"address": f"index-{name}", "revision": 1},
        EventKind.MAILBOX_GONE: {"erase": False},
        EventKind.COMMAND_OUTCOME: {"commandId": name, "revision": sequence},
    }
    meeting = name if kind in (EventKind.MEETING_PUT, EventKind.MEETING_GONE) else None
    event_id = f"e{draw(st.integers(0, 60))}"
    return Queued(Envelope(event_id, kind, mailbox, data[kind], meeting), epoch, sequence, NOW)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(queued(), max_size=8), max_size=10), st.integers(0, 9))
def test_any_events_make_the_lists_that_the_hub_in_memory_makes(
    batches: list[list[Queued]], reopened: int
) -> None:
    """Answers, marks and everything readers see are equal, also over a restart in between."""
    memory = MemoryHub()
    memory.greet(Greeting(INSTANCE, "run-1", 1, 0, "0.1.0"))
    with books() as book:
        for number, batch in enumerate(batches):
            raw, _ = wire.write_batch(batch, SOURCE, 1000, 2**30)
            theirs, ours = memory.send("run-1", (0, 0), raw, SOURCE), book.send(batch)
            assert (set(ours.acknowledged), ours.rejected) == (set(theirs.acknowledged), theirs.rejected)
            if number == reopened:
                book.reopen()
        assert _mark(book) == memory.books.mark
        for mailbox_id in MAILBOXES:
            assert _shown(book, mailbox_id) == _held(memory, mailbox_id)


def _mark(book: Books) -> wire.Order:
    row = book.rows("SELECT epoch, sequence FROM connectors")[0]
    return (row["epoch"], row["sequence"])


def _shown(book: Books, mailbox_id: str) -> dict[str, Any]:
    mailbox = next(iter(book.rows("SELECT * FROM mailboxes WHERE id = ?", mailbox_id)), None)
    if mailbox is None:
        return {"meetings": {}, "presence": None, "outcomes": {}, "address": None, "snapshot": None}
    meetings = book.rows(
        "SELECT id, data FROM meetings WHERE mailbox = ? AND data IS NOT NULL", mailbox["number"]
    )
    outcomes = book.rows("SELECT command, data FROM outcomes WHERE mailbox = ?", mailbox["number"])
    return {
        "meetings": {one["id"]: strict.load(one["data"].encode()) for one in meetings},
        "presence": mailbox["presence"] and strict.load(mailbox["presence"].encode()),
        "outcomes": {one["command"]: strict.load(one["data"].encode()) for one in outcomes},
        "address": mailbox["address"],
        "snapshot": mailbox["snapshot"],
    }


def _held(memory: MemoryHub, mailbox_id: str) -> dict[str, Any]:
    view = memory.view(mailbox_id)
    return {
        "meetings": dict(memory.meetings(mailbox_id)),
        "presence": view.presence,
        "outcomes": view.outcomes,
        "address": view.record["address"] if view.record else None,
        "snapshot": view.snapshot[0] if view.snapshot else None,
    }


def test_what_was_acknowledged_and_is_forgotten_is_found_out(book: Books) -> None:
    """An order above the mark means that the hub was restored; nothing of the batch is applied."""
    with pytest.raises(Refusal) as caught:
        book.send([Events().put("m1")], acknowledged=(1, 1))
    assert (caught.value.status, caught.value.code) == (412, "behind")
    assert book.rows("SELECT * FROM meetings") == []


def test_one_connector_does_not_write_into_the_mailboxes_of_another(book: Books) -> None:
    """A mailbox id belongs to whoever named it first."""
    events = Events()
    book.send([events.put("m1")])
    other = book.enrol("cal-02.example.com")
    intruding = events.put("m2")
    receipt = book.send([intruding], connector=other)
    assert receipt.rejected[intruding.envelope.id].code == "foreign-mailbox"
    assert [row["id"] for row in book.rows("SELECT id FROM meetings")] == ["m1"]


def test_the_same_event_id_of_two_connectors_is_two_events(book: Books) -> None:
    """Ids are unique within a source (CloudEvents 1.0)."""
    other = book.enrol("cal-02.example.com")
    for connector, mailbox in ((book.connector, "mb-1"), (other, "mb-2")):
        envelope = Envelope("e1", EventKind.MEETING_PUT, mailbox, sealed("m1"), "m1")
        receipt = book.send([Queued(envelope, 1, 1, NOW)], connector=connector)
        assert receipt.acknowledged == ("e1",)
    assert len(book.rows("SELECT * FROM meetings")) == 2


def test_a_mailbox_takes_so_many_meetings_and_no_more(book: Books) -> None:
    """A connector gone wild fills one list, not the disk; known meetings are still updated."""
    events, ledger = Events(), Ledger(book.database, Limits(meetings=2))
    batch = [events.put("m1"), events.put("m2"), events.put("m3"), events.put("m1")]
    raw, _ = wire.write_batch(batch, SOURCE, 1000, 2**30)
    good, _ = changes.read_all(*wire.read_batch(raw, SOURCE, 1000))
    receipt = ledger.take(book.connector, "run-1", (0, 0), good, NOW).receipt
    assert {key: one.code for key, one in receipt.rejected.items()} == {batch[2].envelope.id: "too-large"}
    assert len(receipt.acknowledged) == 3


BAD_DATA: list[tuple[EventKind, str | None, dict[str, Any]]] = [
    (EventKind.MEETING_PUT, None, sealed("m1")),
    (EventKind.MEETING_PUT, "m1", {"start": "2026-11-21T09:00:00Z"}),
    (EventKind.MEETING_PUT, "m1", sealed("m1") | {"start": "tomorrow"}),
    (EventKind.MEETING_PUT, "m1", sealed("m1") | {"end": "2026-11-21T09:00:00"}),
    (EventKind.MEETING_GONE, None, {}),
    (EventKind.SNAPSHOT_BEGIN, None, {}),
    (EventKind.SNAPSHOT_END, None, {"snapshot": 7}),
    (EventKind.MAILBOX_PUT, None, {"address": "anna@example.com ?"}),
    (EventKind.COMMAND_OUTCOME, None, {"commandId": "a/b"}),
]


@pytest.mark.parametrize(("kind", "meeting", "data"), BAD_DATA)
def test_data_that_the_rules_can_do_nothing_with_is_malformed(
    kind: EventKind, meeting: str | None, data: dict[str, Any]
) -> None:
    """It would have no place in a list, or no end to be purged by."""
    raw, _ = wire.write_batch([Events().make(kind, data, meeting)], SOURCE, 1, 2**20)
    good, wrong = changes.read_all(*wire.read_batch(raw, SOURCE, 1))
    assert (good, len(wrong)) == ([], 1)


@pytest.mark.parametrize("text", ['{"n": 1e999}', '{"n": "\\ud800"}'])
def test_data_that_can_not_be_written_again_is_malformed(text: str) -> None:
    """Infinity and half characters get through a JSON parser and come out of no writer."""
    event = wire.Event(
        "e1", SOURCE, EventKind.PRESENCE_PUT, "mb-1", "", 1, 1, NOW, strict.load(text.encode())
    )
    with pytest.raises(Transient):
        changes.read(event)


@pytest.mark.parametrize("start", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_times_at_the_ends_of_the_calendar_are_times(start: str, book: Books) -> None:
    """Though in UTC they have no year that Python knows."""
    event = Events().make(EventKind.MEETING_PUT, sealed("m1") | {"start": start, "end": start}, "m1")
    assert book.send([event]).acknowledged == (event.envelope.id,)
