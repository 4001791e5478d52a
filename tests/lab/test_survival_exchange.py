"""Exchange goes away, hangs, restarts, forgets: the lists at the hub are right again without anybody's help."""

from __future__ import annotations

import pytest

from tests.lab.survival import Scene, scene

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


def recovered(on: Scene) -> None:
    """Everything is as it was before the trouble."""
    on.lists.settle(90)
    on.site.wait(on.all_streamed, "streams for everybody", 60)
    on.site.wait(on.healthy, "status to be healthy")
    assert on.lists.states() == ["active"] * len(on.people)


def test_an_exchange_that_refuses_connections_is_waited_for() -> None:
    """Refused connections hold the server back as one, with a sentence; when it serves again, all is caught up."""
    with scene() as on:
        on.site.exchange.pause()
        on.edit(10)
        on.site.wait(lambda: bool(on.held()), "the server to be held back", 20)
        assert on.held() == ["The server can't be reached."]
        assert not on.healthy()
        assert on.hub_up()
        on.site.exchange.resume()
        recovered(on)
        assert on.held() == []


def test_an_exchange_that_stalls_is_waited_for() -> None:
    """Answers that stop in the middle end by our patience, not by theirs; nothing of them is believed."""
    with scene() as on:
        on.site.exchange.fault("*", "stalled", times=-1)
        on.edit(10)
        on.site.wait(lambda: bool(on.held()), "the server to be held back", 40)
        assert on.held() == ["The server did not answer in time."]
        on.site.exchange.clear_faults()
        recovered(on)


def test_a_restarted_exchange_is_found_again() -> None:
    """Connections closed and all subscriptions forgotten: everybody is subscribed anew, and nothing was missed."""
    with scene() as on:
        on.edit(5)
        on.site.exchange.restart_server()
        on.edit(5)
        recovered(on)
        on.edit(5)
        recovered(on)


def test_forgotten_subscriptions_and_missed_events_lose_nothing() -> None:
    """Subscriptions that end behind our back, and events the server lost, lead to a look at the calendar."""
    with scene() as on:
        for lose in (on.site.exchange.forget_subscriptions, on.site.exchange.miss_events):
            on.edit(4)
            lose()
            on.edit(4)
            lose()
            recovered(on)


def test_expired_bookmarks_cause_no_flood() -> None:
    """When every SyncState has expired the calendars are read afresh, and only what really changed goes to the hub."""
    with scene() as on:
        on.edit(20)
        on.lists.settle()
        before = on.lists.books.tally()
        for address in on.people:
            on.site.exchange.edit("expire_sync_states", mailbox=address)
            on.site.exchange.edit("create", mailbox=address, start="2026-01-01T09:00:00")
        meeting = _tomorrow(on)
        for address in on.people:
            on.site.exchange.edit("create", mailbox=address, start=meeting, subject=f"New for {address}")
        recovered(on)
        after = on.lists.books.tally()
        assert after.applied - before.applied == len(on.people)


def _tomorrow(on: Scene) -> str:
    return on.site.exchange.now().replace(hour=23, minute=30, second=0, microsecond=0).isoformat()
