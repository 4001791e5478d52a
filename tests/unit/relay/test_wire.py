"""The messages of the protocol: written and read alike, and hostile ones give verdicts only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import Transient
from connector.model import Envelope, EventKind, Queued, SealedCommand
from connector.relay import strict, wire
from connector.relay.base import Descent, Greeting, Receipt, Rejection, Welcome

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SOURCE = wire.source_of("cal-01.example.com")
JWE = "eyJhbGciOiJkaXIifQ..aXY.Y2lwaGVy.dGFn"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
IDS = st.from_regex(strict.ID, fullmatch=True)


def queued(sequence: int = 1, data: dict[str, Any] | None = None, epoch: int = 1) -> Queued:
    envelope = Envelope(wire.uuid7(NOW), EventKind.MEETING_PUT, "mb-1", data or {"id": "m1"}, "m1")
    return Queued(envelope, epoch, sequence, NOW)


# --- ids


def test_ids_are_version_7_and_carry_the_time() -> None:
    """RFC 9562 section 5.7: version, variant and the milliseconds in front."""
    later = NOW + timedelta(days=365 * 100)
    made = UUID(wire.uuid7(later))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(later.timestamp() * 1000)


@settings(deadline=None)
@given(st.lists(st.integers(-5000, 5000), min_size=2, max_size=50))
def test_ids_ascend_whatever_the_clock_does(steps: list[int]) -> None:
    """Also when it stands still or goes back."""
    made = [wire.uuid7(NOW + timedelta(milliseconds=step)) for step in steps]
    assert made == sorted(set(made))


# --- events


def test_an_event_is_a_cloudevent_with_opaque_attributes() -> None:
    """CloudEvents 1.0: required attributes, lower-case extension names, sequence that sorts as text."""
    event = wire.write_event(queued(42), SOURCE)
    assert event["specversion"] == "1.0"
    assert event["type"] == "calendar.meeting.put"
    assert event["time"] == "2026-11-21T09:00:00.000Z"
    assert event["sequence"] == "00000000000000000042"
    assert all(name.isalnum() and name.islower() for name in event)
    assert {event["partitionkey"], event["subject"]} == {"mb-1", "m1"}


@settings(deadline=None)
@given(
    st.sampled_from(EventKind),
    IDS,
    st.none() | IDS,
    st.integers(1, wire.MAX_EPOCH),
    st.integers(1, wire.MAX_SEQUENCE),
    st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=5), st.text(st.characters(codec="utf-8"))),
)
def test_an_event_is_read_as_it_was_written(
    kind: EventKind, mailbox: str, meeting: str | None, epoch: int, sequence: int, data: dict[str, str]
) -> None:
    """What the hub reads is what the connector meant."""
    one = Queued(Envelope(wire.uuid7(NOW), kind, mailbox, data, meeting), epoch, sequence, NOW)
    raw, sent = wire.write_batch([one], SOURCE, 10, wire.DEFAULT_BYTES)
    (event,), wrong = wire.read_batch(raw, SOURCE, 10)
    assert (sent, wrong) == ((one,), {})
    assert (event.id, event.kind, event.mailbox_id, event.subject) == (
        one.envelope.id,
        kind,
        mailbox,
        meeting or "",
    )
    assert (event.order, event.at, event.data) == ((epoch, sequence), NOW, data)


@settings(deadline=None)
@given(st.lists(st.integers(0, 3000), min_size=1, max_size=30), st.integers(1, 20), st.integers(500, 20_000))
def test_a_batch_keeps_to_both_limits(sizes: list[int], most: int, most_bytes: int) -> None:
    """Its bytes are counted as they will be sent; only a single event may be longer."""
    all_of_them = [queued(at + 1, {"x": "é" * size}) for at, size in enumerate(sizes)]
    raw, sent = wire.write_batch(all_of_them, SOURCE, most, most_bytes)
    assert list(sent) == all_of_them[: len(sent)]
    assert 1 <= len(sent) <= most
    assert len(raw) <= most_bytes or len(sent) == 1
    assert len(json.loads(raw)) == len(sent)
    if len(sent) < min(most, len(sizes)):
        assert len(wire.write_batch(all_of_them, SOURCE, len(sent) + 1, 10**9)[0]) > most_bytes


@pytest.mark.parametrize(
    "change",
    [
        {"specversion": "0.3"},
        {"datacontenttype": "text/plain"},
        {"source": "urn:calendar-connector:other"},
        {"type": "calendar.meeting.explode"},
        {"type": None},
        {"time": "yesterday"},
        {"time": "2026-11-21T09:00:00"},
        {"epoch": "1"},
        {"epoch": True},
        {"epoch": 0},
        {"sequence": 1},
        {"sequence": "1"},
        {"sequence": "٠" * 20},
        {"sequence": "9" * 20},
        {"partitionkey": "a b"},
        {"subject": ["m1"]},
        {"data": []},
    ],
)
def test_one_wrong_event_is_named_and_the_others_are_taken(change: dict[str, Any]) -> None:
    """A batch is not lost for one of its events."""
    good, bad = queued(1), queued(2)
    raw = strict.dump([{**wire.write_event(bad, SOURCE), **change}, wire.write_event(good, SOURCE)])
    events, wrong = wire.read_batch(raw, SOURCE, 10)
    assert [one.id for one in events] == [good.envelope.id]
    assert set(wrong) == {bad.envelope.id}


# --- receipts


def test_a_receipt_is_read_as_it_was_written() -> None:
    """Acknowledged, stale, refused for good, and to be tried again."""
    receipt = Receipt(
        ("a", "b"),
        {"c": Rejection("stale", retry=False, stale=True), "d": Rejection("busy", retry=True)},
        50,
        100_000,
    )
    assert wire.read_receipt(strict.dump(wire.write_receipt(receipt)), ["a", "b", "c", "d"]) == receipt


def test_words_about_events_that_were_not_sent_are_passed_over() -> None:
    """A hub can't acknowledge what it did not get, nor say two things of one event."""
    raw = strict.dump({"ack": ["a", "x", "a", 7], "errs": {"y": {"err": "busy"}, "a": {"err": "busy"}}})
    assert wire.read_receipt(raw, ["a", "b"]) == Receipt((), {})


def test_a_code_of_the_hubs_own_does_not_get_into_our_books() -> None:
    """Only known words are kept."""
    raw = strict.dump({"ack": [], "errs": {"a": {"err": "<script>", "retry": 1}, "b": {}}})
    refused = Rejection("hub-refused", retry=False)
    assert wire.read_receipt(raw, ["a", "b"]).rejected == {"a": refused, "b": refused}


@pytest.mark.parametrize(
    ("stated", "kept"),
    [(0, 1), (-5, 1), (10**9, wire.MOST_BATCH), (7, 7), (True, None), ("7", None), (None, None)],
)
def test_limits_are_kept_within_reason(stated: Any, kept: int | None) -> None:
    """A hub that states nonsense does not stop the connector."""
    assert wire.read_receipt(strict.dump({"ack": [], "maxBatch": stated}), []).max_batch == kept


# --- greeting and downlink


def test_greeting_welcome_order_and_descent_are_read_as_they_were_written() -> None:
    """Both ends mean the same."""
    greeting = Greeting("cal-01.example.com", "run-1", 3, 17, "0.1.0")
    assert wire.read_greeting(strict.dump(wire.write_greeting(greeting))) == greeting
    welcome = Welcome(3, 17, 100, 1_000_000)
    assert wire.read_welcome(strict.dump(wire.write_welcome(welcome))) == welcome
    assert wire.read_order(wire.write_order((3, 17))) == (3, 17)
    descent = Descent((SealedCommand("c1", "mb-1", JWE, NOW),), ("mb-2",), ("mb-3",), "118")
    assert wire.read_descent(strict.dump(wire.write_descent(descent)), NOW) == descent
    assert wire.read_ack(strict.dump(wire.write_ack("118"))) == "118"
    assert wire.read_poll(strict.dump(wire.write_poll("118", most=5))) == wire.Poll("118", 5, at_once=False)


@pytest.mark.parametrize(
    "jwe", [None, 7, "", "plain words", "a.b", "x" * (wire.MAX_COMMAND + 1), {"kind": "create"}]
)
def test_a_command_that_is_no_jwe_does_not_hold_up_the_others(jwe: Any) -> None:
    """It is kept empty, to be refused when it is opened."""
    raw = strict.dump(
        {
            "cursor": "1",
            "commands": [
                {"id": "c1", "mailbox": "mb-1", "jwe": jwe},
                {"id": "c2", "mailbox": "mb-1", "jwe": JWE},
            ],
        }
    )
    assert [one.jwe for one in wire.read_descent(raw, NOW).commands] == ["", JWE]


def test_a_mailbox_is_nudged_once_per_message() -> None:
    """Repeats are folded."""
    raw = strict.dump({"cursor": "", "nudge": ["a", "b", "a"], "resync": ["c", "c"]})
    descent = wire.read_descent(raw, NOW)
    assert (descent.nudged, descent.resync) == (("a", "b"), ("c",))


READERS: list[Callable[[bytes], object]] = [
    lambda raw: wire.read_receipt(raw, ["a"]),
    wire.read_welcome,
    wire.read_greeting,
    lambda raw: wire.read_descent(raw, NOW),
    wire.read_ack,
    wire.read_poll,
    lambda raw: wire.read_batch(raw, SOURCE, 10),
]


def read(reader: Callable[[bytes], object], raw: bytes) -> None:
    """Any other exception than the one verdict fails the test."""
    try:
        reader(raw)
    except Transient as verdict:
        if verdict.code != "bad-answer":
            raise


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_a_verdict(reader: Callable[[bytes], object], raw: bytes) -> None:
    """Never another exception."""
    read(reader, raw)


MEMBERS = (
    "ack",
    "errs",
    "maxBatch",
    "epoch",
    "sequence",
    "cursor",
    "commands",
    "nudge",
    "resync",
    "id",
    "run",
    "a",
)


@pytest.mark.parametrize("reader", READERS)
@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(MEMBERS), JSON), JSON)
def test_any_json_gives_a_value_or_a_verdict(
    reader: Callable[[bytes], object], members: dict[str, Any], value: Any
) -> None:
    """Also with the right names and wrong things in them."""
    for whole in (
        members,
        [members],
        value,
        {"errs": {"a": value}, "ack": []},
        {"cursor": "", "commands": [value]},
    ):
        read(reader, json.dumps(whole).encode())


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 200_000,
        b'{"ack":' + b"1" * 10_000 + b"}",
        b'{"ack":NaN}',
        b'{"ack":Infinity}',
        b'"\xff"',
        b"\x00",
        b"{}" + b" " * strict.MAX_BODY,
    ],
)
def test_what_exhausts_a_parser_is_a_verdict(raw: bytes) -> None:
    """Depth, numbers of ten thousand digits, words that are no JSON, broken UTF-8, sheer length."""
    with pytest.raises(Transient):
        strict.load(raw)


@pytest.mark.parametrize("text", ["", "1", "1.", ".1", "a.b", "1.2.3", "-1.2", "1.99999999999999999999"])
def test_an_order_that_is_none_is_a_verdict(text: str) -> None:
    """The header is read as strictly as the bodies."""
    with pytest.raises(Transient):
        wire.read_order(text)


def test_an_absurd_mark_is_not_believed() -> None:
    """An epoch that could not be raised any more would stop the connector for ever."""
    for change in ({"epoch": wire.MAX_EPOCH}, {"epoch": -1}, {"sequence": 2**63}, {"epoch": 1.5}):
        with pytest.raises(Transient):
            wire.read_welcome(strict.dump({"epoch": 1, "sequence": 1, **change}))


def test_a_queued_event_is_not_changed_by_writing_it() -> None:
    """Writing twice gives the same bytes: a retry is the same event."""
    one = queued(5)
    assert wire.write_event(one, SOURCE) == wire.write_event(replace(one, attempts=3), SOURCE)
