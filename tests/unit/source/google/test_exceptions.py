"""Which occurrences of a series count as having words of their own."""

from __future__ import annotations

from typing import Any

import pytest

from connector.source.google.exceptions import exceptions


def occurrence(number: int, summary: str = "Daily", **more: Any) -> dict[str, Any]:
    return {"id": f"s_{number}", "recurringEventId": "s", "summary": summary, **more}


@pytest.mark.parametrize(
    ("summaries", "found"),
    [
        (["Daily", "Daily", "Daily"], []),
        (["Daily", "Other", "Daily"], [1]),
        (["Other", "Daily", "Daily", "Daily"], [0]),
        (["Daily", "Other"], []),
        (["Other"], []),
        (["Daily", "Other", "Third"], []),
    ],
)
def test_most_of_a_series_tell(summaries: list[str], found: list[int]) -> None:
    """Three at least, and more than half of them; where that tells nothing, none is one."""
    events = [occurrence(number, summary) for number, summary in enumerate(summaries)]
    assert exceptions(events, {}, ()) == {f"s_{number}" for number in found}


def test_the_series_itself_tells_best() -> None:
    """Also of a single occurrence, and against most of them."""
    events = [occurrence(0, "Other"), occurrence(1, "Other"), occurrence(2)]
    assert exceptions(events, {"s": {"summary": "Daily"}}, ()) == {"s_0", "s_1"}


def test_what_the_feed_has_named_is_one() -> None:
    """Whatever it says."""
    assert exceptions([occurrence(0), occurrence(1)], {}, ["s_1"]) == {"s_1"}


def test_answers_count() -> None:
    """Google makes an exception of an occurrence that somebody answers alone."""
    people = [{"email": "b@x.example", "responseStatus": "accepted"}]
    events = [occurrence(0), occurrence(1), occurrence(2, attendees=people)]
    assert exceptions(events, {}, ()) == {"s_2"}


def test_single_events_are_none() -> None:
    """They have no series."""
    assert exceptions([{"id": "a", "summary": "Plan"}], {}, ()) == frozenset()
