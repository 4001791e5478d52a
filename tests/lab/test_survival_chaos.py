"""A minute of chaos: what scripts/chaos does for as long as one likes."""

from __future__ import annotations

import pytest

from tests.lab import chaos

pytestmark = [pytest.mark.lab, pytest.mark.timeout(400)]

SEED = 3


def test_a_minute_of_chaos_ends_in_order() -> None:
    """Random edits, mishaps of every kind: after each the hub equals the calendars, nothing twice, threads and memory flat."""
    run = chaos.run(1.0, SEED)
    assert run.tally.begun.total() >= 10
    assert {name: len(taken) for name, taken in run.tally.seconds.items()} == dict(run.tally.begun)


def test_a_minute_of_chaos_at_google_ends_in_order() -> None:
    """The same with calendars at Google: storms of 403, 410 of each kind, errors, cuts, keys replaced, kills."""
    run = chaos.run(1.0, SEED, source="google")
    assert run.tally.begun.total() >= 8
    assert {name: len(taken) for name, taken in run.tally.seconds.items()} == dict(run.tally.begun)
