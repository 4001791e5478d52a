"""A mailbox whose list is complete: what is done when, and what presence leaves behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from connector.model import Mailbox, Phase, Presence, Session
from connector.seal.opening import open_presence
from connector.sync.context import Pace, Rules
from tests.fakes.house import POLICY, House

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def ada(house: House) -> Mailbox:
    mailbox = house.activate()
    house.run()
    drain(house)
    return mailbox


def drain(house: House) -> list[str]:
    queued = house.store.claim(10_000, house.clock())
    house.store.acknowledge([one.envelope.id for one in queued])
    return [one.envelope.kind.value for one in queued]


def session(house: House, mailbox: Mailbox) -> Session:
    found = house.store.session(mailbox.id)
    assert found is not None
    return found


def use(house: House, **changed: Any) -> None:
    """Go on under another configuration, as after a reload."""
    house.context = replace(house.context, **changed)
    house.engine = house.fresh_engine()
    house.engine.start(resync=False)
    house.run()


def asked(house: House, operation: str) -> int:
    return sum(one == operation for one, _ in house.source.calls)


def test_without_a_stream_a_mailbox_is_polled(house: House, ada: Mailbox) -> None:
    """Every minute, unless the configuration says otherwise."""
    before = asked(house, "delta")
    house.forward(10 * MINUTE)
    assert asked(house, "delta") - before == 10


def test_with_a_stream_the_sweep_is_enough(house: House, ada: Mailbox) -> None:
    """Every two hours, for what a stream may have missed."""
    house.streamed.add(ada.id)
    house.forward(2 * MINUTE)
    before = asked(house, "delta")
    house.forward(8 * HOUR)
    assert asked(house, "delta") - before == 4


def test_an_idle_mailbox_is_never_overdue(house: House, ada: Mailbox) -> None:
    """A timer found needless is moved on in the store too, so that status shows no lag that is none."""
    quiet = replace(POLICY, presence="off")
    use(house, rules=Rules(1, {"staff": quiet}, active=True))
    house.forward(MINUTE)
    house.streamed.add(ada.id)
    for _ in range(20):
        house.forward(5 * MINUTE)
        assert session(house, ada).due > house.clock()


def presence(house: House, ada: Mailbox) -> list[Presence]:
    """What waits for the hub, opened."""
    return [
        open_presence(one.envelope.data, lambda uri: house.keys.opening_key(uri, ada.id))
        for one in house.peek()
        if one.envelope.kind.value == "presence.put"
    ]


def go_skiing(house: House, ada: Mailbox) -> None:
    house.source.calendar(ada.address).presence = Presence(away=True, text="Skiing in Åre")
    house.forward(10 * MINUTE)


def test_presence_with_its_text_where_the_policy_says_so(house: House, ada: Mailbox) -> None:
    """And nothing is sent twice."""
    go_skiing(house, ada)
    assert [(one.away, one.text) for one in presence(house, ada)] == [(True, "Skiing in Åre")]
    house.forward(HOUR)
    assert len(presence(house, ada)) == 1


def test_a_policy_that_sends_less_takes_the_text_back(house: House, ada: Mailbox) -> None:
    """The hub's copy is replaced although nothing changed at the source."""
    go_skiing(house, ada)
    drain(house)
    use(house, rules=Rules(1, {"staff": replace(POLICY, presence="state")}, active=True))
    house.forward(10 * MINUTE)
    assert [(one.away, one.text) for one in presence(house, ada)] == [(True, "")]


def test_a_policy_that_sends_none_takes_presence_back(house: House, ada: Mailbox) -> None:
    """Once, without asking the source, and then never again."""
    go_skiing(house, ada)
    drain(house)
    use(house, rules=Rules(1, {"staff": replace(POLICY, presence="off")}, active=True))
    before = asked(house, "presence")
    house.forward(HOUR)
    assert [one.away for one in presence(house, ada)] == [False]
    drain(house)
    house.forward(3 * HOUR)
    assert presence(house, ada) == []
    assert asked(house, "presence") == before


def test_without_presence_in_the_policy_none_is_ever_asked_for(house: House) -> None:
    """What is not sent is not read."""
    use(house, rules=Rules(1, {"staff": replace(POLICY, presence="off")}, active=True))
    house.activate()
    house.forward(HOUR)
    assert asked(house, "presence") == 0
    assert "presence.put" not in house.sent()


def test_in_a_new_life_presence_is_sent_again(house: House, ada: Mailbox) -> None:
    """The hub was rebuilt, and holds none of it."""
    go_skiing(house, ada)
    drain(house)
    house.store.raise_epoch(2, house.clock())
    house.engine.start(resync=False)
    house.forward(10 * MINUTE)
    assert house.phase(ada) is Phase.LIVE
    assert [one.away for one in presence(house, ada)] == [True]


def test_the_roll_forward_is_spread_over_an_hour(house: House) -> None:
    """Mailboxes don't all read their new tail at midnight."""
    luck = iter(number / 10 for number in range(10_000))
    use(house, luck=lambda: next(luck) % 1, pace={"memory": Pace(poll=timedelta(days=9))})
    policy = replace(POLICY, presence="off")
    use(house, rules=Rules(1, {"staff": policy}, active=True))
    mailboxes = [house.activate(f"u{number}@example.com") for number in range(5)]
    house.run()
    dues = {session(house, mailbox).due for mailbox in mailboxes}
    assert len(dues) > 1
    assert max(dues) - min(dues) < HOUR
