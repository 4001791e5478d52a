"""How nouns become columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.model import EventKind
from connector.store import rows
from tests.contract.store_nouns import NOW, entry

INSTANTS = st.datetimes(timezones=st.just(UTC))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(INSTANTS)
def test_times_keep_every_microsecond(moment: datetime) -> None:
    """Any instant of the calendar comes back exactly, in UTC."""
    assert rows.from_micros(rows.to_micros(moment)) == moment
    assert rows.from_micros(rows.to_micros(moment)).tzinfo is UTC


@given(INSTANTS, INSTANTS)
def test_times_keep_their_order(one: datetime, other: datetime) -> None:
    """Comparing columns is comparing instants."""
    assert (one < other) == (rows.to_micros(one) < rows.to_micros(other))


def test_an_instant_is_the_same_in_any_zone() -> None:
    """A time given in another zone is the same column."""
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert rows.to_micros(elsewhere) == rows.to_micros(NOW)


def test_naive_times_are_refused() -> None:
    """A time without a zone is a fault of the program, not a guess."""
    with pytest.raises(TypeError):
        rows.to_micros(NOW.replace(tzinfo=None))


def test_missing_times_stay_missing() -> None:
    """None is kept."""
    assert rows.to_micros_or_none(None) is None
    assert rows.from_micros_or_none(None) is None


@given(st.dictionaries(st.text(), JSON, max_size=4))
def test_json_comes_back(value: dict[str, object]) -> None:
    """Whatever JSON can say is kept, in ASCII bytes, spelled the same whatever the order of its keys."""
    text = rows.to_json(value)
    assert rows.from_json(text) == value
    assert text.isascii()
    assert rows.to_json(dict(reversed(value.items()))) == text


def test_not_a_number_is_no_json() -> None:
    """RFC 8259 has no NaN; a strict reader at the other end would stumble."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        rows.to_json({"x": float("nan")})


def test_audit_entries_come_back() -> None:
    """The sealed spelling holds the whole entry."""
    one = entry("write", "m1", fields=["location", "bødy"], n=2)
    assert rows.audit_entry(rows.audit_text(one)) == one


def test_every_kind_has_its_place() -> None:
    """A new kind of event has to be put into an order before it is stored: barriers and meetings are apart."""
    assert not rows.BARRIERS & rows.REPLACEABLE
    assert set(EventKind) - rows.OF_ONE_LIFE == {
        EventKind.MAILBOX_PUT,
        EventKind.MAILBOX_GONE,
        EventKind.COMMAND_OUTCOME,
    }
