"""Alarms: one for each cause, raised and cleared under one id."""

from __future__ import annotations

import re
import string
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.alarms import KINDS, Alarm, Alarms, Change, Severity, kind, kinds
from connector.alarms.board import NAMED
from connector.errors import NotFound
from tests.unit.log_bench import heard


class Clock:
    """A clock moved by hand."""

    now = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


class Ear:
    """A listener that keeps what it was told."""

    def __init__(self) -> None:
        self.heard: list[tuple[Alarm, Change]] = []

    def __call__(self, alarm: Alarm, change: Change) -> None:
        self.heard.append((alarm, change))


def test_registry_is_sound() -> None:
    """Numbers, names and MESSAGE_IDs are unique, and each MESSAGE_ID is a UUID of 32 hexadecimal digits."""
    for attribute in ("number", "name", "message_id"):
        assert len({getattr(one, attribute) for one in KINDS}) == len(KINDS)
    assert all(re.fullmatch(r"[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}", one.message_id) for one in KINDS)
    declared = {value for value in vars(kinds).values() if isinstance(value, kinds.Kind)}
    assert declared == set(KINDS)


@pytest.mark.parametrize("one", KINDS, ids=lambda one: one.name)
def test_every_alarm_has_a_sentence_and_a_remedy(one: kinds.Kind) -> None:
    """The sentence ends as one, the remedy says something, and both have plain names as gaps."""
    assert one.sentence[0].isupper() or one.sentence[0] == "{"
    assert one.remedy
    gaps = [name for text in (one.sentence, one.remedy) for _, name, _, _ in string.Formatter().parse(text)]
    assert all(name is None or name.isidentifier() for name in gaps)


def test_kind_by_number() -> None:
    """A kind is found by its number; an unknown number is answered with those there are."""
    assert kind(301) is kinds.HUB_UNREACHABLE
    with pytest.raises(NotFound, match="101, 102"):
        kind(999)


def test_raised_and_cleared_under_one_id() -> None:
    """Raising twice is one alarm; its end is told with the id of its beginning; the next one has another id."""
    ear = Ear()
    alarms = Alarms(Clock(), (ear,))
    for _ in range(2):
        alarms.raise_(
            kinds.CREDENTIAL_REFUSED, "hq/a", account="svc@example.com", source="hq", secret="exchange/hq/a"
        )
        alarms.clear(kinds.HUB_UNREACHABLE)
    (standing,) = alarms.current()
    assert "svc@example.com" in standing.sentence
    assert standing.remedy.endswith("calendar-connector secret set exchange/hq/a")
    alarms.clear(kinds.CREDENTIAL_REFUSED)
    alarms.raise_(kinds.CREDENTIAL_REFUSED, "hq/a")
    assert [change for _, change in ear.heard] == [Change.RAISED, Change.CLEARED, Change.RAISED]
    first, cleared, again = (alarm.id for alarm, _ in ear.heard)
    assert first == cleared == standing.id != again


def test_many_mailboxes_with_one_cause_are_one_alarm() -> None:
    """Mailboxes gather in one alarm, named up to a bound; it ends when the last of them is well."""
    ear = Ear()
    alarms = Alarms(Clock(), (ear,))
    people = [f"user{n}@example.com" for n in range(NAMED + 30)]
    for person in people:
        alarms.raise_(kinds.MAILBOXES_BLOCKED, "impersonation-denied", person, reason="…", remedy="…")
    (alarm,) = alarms.current()
    assert (alarm.count, alarm.subjects) == (NAMED + 30, tuple(people[:NAMED]))
    for person in people[1:]:
        alarms.clear(kinds.MAILBOXES_BLOCKED, subject=person)
    assert alarms.current()[0].subjects == (people[0],)
    alarms.clear(kinds.MAILBOXES_BLOCKED, subject="somebody@example.com")
    alarms.clear(kinds.MAILBOXES_BLOCKED, "another-cause", people[0])
    assert len(ear.heard) == 1
    alarms.clear(kinds.MAILBOXES_BLOCKED, subject=people[0])
    assert alarms.current() == ()
    assert ear.heard[-1] == (replace(alarm, subjects=(people[0],), count=1), Change.CLEARED)


def test_two_causes_are_two_alarms() -> None:
    """The same kind with another cause stands for itself, and clearing without a cause ends both."""
    alarms = Alarms(Clock())
    alarms.raise_(kinds.MAILBOXES_BLOCKED, "no-calendar", "a@example.com")
    alarms.raise_(kinds.MAILBOXES_BLOCKED, "impersonation-denied", "b@example.com")
    assert [alarm.cause for alarm in alarms.current()] == ["no-calendar", "impersonation-denied"]
    alarms.clear(kinds.MAILBOXES_BLOCKED)
    assert alarms.current() == ()


def test_what_lasts_too_short_is_no_alarm() -> None:
    """The hub may be away for 15 minutes; only then is it an alarm, dated from the beginning."""
    clock, ear = Clock(), Ear()
    alarms = Alarms(clock, (ear,))
    begin = clock.now
    alarms.raise_(kinds.HUB_UNREACHABLE, "timeout")
    clock.now += timedelta(minutes=14)
    alarms.tick()
    assert alarms.current() == ()
    clock.now += timedelta(minutes=1)
    alarms.tick()
    assert [alarm.since for alarm in alarms.current()] == [begin]
    alarms.clear(kinds.HUB_UNREACHABLE)
    alarms.raise_(kinds.HUB_UNREACHABLE, "timeout")
    alarms.clear(kinds.HUB_UNREACHABLE)
    assert [change for _, change in ear.heard] == [Change.RAISED, Change.CLEARED]


def test_the_worst_comes_first() -> None:
    """Alarms are listed by severity, then number."""
    alarms = Alarms(Clock())
    for one in (kinds.RELOAD_REFUSED, kinds.WRITE_BRAKE, kinds.SUPERSEDED, kinds.CREDENTIAL_REFUSED):
        alarms.raise_(one)
    assert [alarm.kind.number for alarm in alarms.current()] == [101, 303, 501, 504]


def test_the_journal_gets_number_state_and_remedy() -> None:
    """Raising logs at the severity with MESSAGE_ID and remedy, clearing as information, retries nothing."""
    with heard() as logged:
        alarms = Alarms(Clock())
        for _ in range(3):
            alarms.raise_(kinds.WRITE_BRAKE, updates="900 in 10 minutes")
        alarms.clear(kinds.WRITE_BRAKE)
    assert [entry["log_level"] for entry in logged] == [Severity.ERROR, "info"]
    assert [entry["alarm_state"] for entry in logged] == ["raised", "cleared"]
    assert {entry["message_id"] for entry in logged} == {kinds.WRITE_BRAKE.message_id}
    assert "900 in 10 minutes" in logged[0]["event"]
    assert "writes release" in logged[0]["remedy"]


def test_a_gap_nobody_filled_is_shown_by_name() -> None:
    """A fact that was not stated never makes the alarm fail."""
    alarms = Alarms(Clock())
    alarms.raise_(kinds.CLOCK_OFF, seconds=75)
    assert alarms.current()[0].sentence == "This machine's clock is 75 seconds off by the clock of PEER."


def test_alarms_are_bounded() -> None:
    """However many causes come up, the list stays within its bound and the rest is logged."""
    with heard() as logged:
        alarms = Alarms(Clock())
        for number in range(1010):
            alarms.raise_(kinds.QUARANTINE_GROWS, f"cause {number}")
    assert len(alarms.current()) == 1000
    assert sum(entry["event"].startswith("too many alarms") for entry in logged) == 10


def test_threads_see_one_alarm() -> None:
    """Threads that raise and clear at once leave nothing behind, and raisings and clearings alternate."""
    ear = Ear()
    with heard():
        alarms = Alarms(Clock(), (ear,))

        def struggle(name: str) -> None:
            for _ in range(100):
                alarms.raise_(kinds.MAILBOXES_BLOCKED, "no-calendar", name)
                alarms.clear(kinds.MAILBOXES_BLOCKED, subject=name)

        threads = [threading.Thread(target=struggle, args=(f"u{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert alarms.current() == ()
    assert [change for _, change in ear.heard] == [Change.RAISED, Change.CLEARED] * (len(ear.heard) // 2)


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["c1", "c2"]), st.sampled_from(["", "a", "b"])), max_size=30
    )
)
def test_alarms_against_sets(steps: list[tuple[bool, str, str]]) -> None:
    """After any calls, an alarm stands exactly for the causes raised and not cleared since, with their subjects."""
    alarms = Alarms(Clock())
    expected: dict[str, set[str]] = {}
    with heard():
        for raising, cause, subject in steps:
            if raising:
                alarms.raise_(kinds.MAILBOXES_BLOCKED, cause, subject)
                expected.setdefault(cause, set()).update({subject} - {""})
            else:
                alarms.clear(kinds.MAILBOXES_BLOCKED, cause, subject)
                _forget(expected, cause, subject)
    assert {alarm.cause: set(alarm.subjects) for alarm in alarms.current()} == expected


def _forget(expected: dict[str, set[str]], cause: str, subject: str) -> None:
    subjects = expected.get(cause, set())
    if subject in subjects:
        subjects.remove(subject)
        subject = "" if not subjects else subject
    if not subject:
        expected.pop(cause, None)
