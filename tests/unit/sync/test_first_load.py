"""The pace of full reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from connector.model import Load, Phase, Session, Stage
from connector.sync.first_load import BURST, FirstLoads, Terms
from tests.fakes.house import House

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
FILLING = Session("m1", Phase.LOADING, NOW, load=Load(Stage.FILL, 1, resend=True))


def test_a_few_mailboxes_are_read_at_once_and_many_at_the_rate() -> None:
    """The burst is for the first ten people, the rate for the first ten thousand."""
    loads = FirstLoads(Terms(5.0))
    let_through = sum(loads.postpone(FILLING, NOW) is None for _ in range(1000))
    assert let_through == 5 * BURST.total_seconds()
    second = sum(loads.postpone(FILLING, NOW + timedelta(seconds=1)) is None for _ in range(1000))
    assert second == 5


def test_live_mailboxes_are_never_held() -> None:
    """Changes of the day go on whatever is being loaded."""
    loads = FirstLoads(Terms(0.001))
    live = replace(FILLING, phase=Phase.LIVE, load=None)
    assert all(loads.postpone(live, NOW) is None for _ in range(100))


def test_first_loads_keep_to_their_hours() -> None:
    """A mailbox never loaded waits for the evening; one that is read afresh does not."""
    loads = FirstLoads(Terms(5.0, open=lambda moment: moment.hour >= 18))
    assert loads.postpone(FILLING, NOW) is not None
    assert loads.postpone(replace(FILLING, covered=NOW), NOW) is None
    assert loads.postpone(FILLING, NOW + timedelta(hours=9)) is None


def test_the_engine_lets_full_reads_wait_their_turn() -> None:
    """A hundred mailboxes activated at once are read at the configured pace, and all of them in the end."""
    house = House(guard=lambda context: replace(context, first_loads={"memory": FirstLoads(Terms(1.0))}))
    mailboxes = [house.activate(f"user{number}@example.com") for number in range(100)]
    house.run()
    assert sum(house.phase(one) is Phase.LIVE for one in mailboxes) < 10
    house.forward(timedelta(minutes=20))
    assert {house.phase(one) for one in mailboxes} == {Phase.LIVE}
