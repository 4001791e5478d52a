"""Times as the database keeps them: whole milliseconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def stamp(moment: datetime) -> int:
    """Milliseconds since 1970; any aware time, also those whose UTC form has no year."""
    return (moment - _BEGINNING) // _MILLISECOND


def moment(stamped: int) -> datetime:
    """The time again."""
    return _BEGINNING + stamped * _MILLISECOND


def span(length: timedelta) -> int:
    """Milliseconds of a span."""
    return length // _MILLISECOND
