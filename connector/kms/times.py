"""Moments as the database and the wire write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.kms.refusal import Refusal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """For a column."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(column: int) -> datetime:
    """The inverse."""
    return _EPOCH + timedelta(microseconds=column)


def written(column: int) -> str:
    """RFC 3339, in UTC with milliseconds, as clients of the protocol read it."""
    return moment(column).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read(value: object, name: str) -> int:
    """A column's value for an RFC 3339 text of a request. Raises Refusal 400."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Refusal(400, f"{name} is no RFC 3339 time with a zone")
    return micros(found.astimezone(UTC))
