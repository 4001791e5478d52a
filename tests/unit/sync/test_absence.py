"""Who is away is shown within two minutes, asked for by the batch, read only where it seems to differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from connector.errors import Refused, Transient
from connector.model import Mailbox, Phase, Presence
from connector.seal.opening import open_presence
from connector.sync.absence import GAP, ROUND
from connector.sync.context import Context, Pace, Rules
from connector.sync.hints import TRUTH_ROUNDS
from tests.fakes.house import POLICY, House

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
AWAY = Presence(away=True, text="Skiing")


def streamed(context: Context) -> Context:
    """Everybody has a stream, so that nothing is polled."""
    return replace(context, streamed=lambda _: True)


@pytest.fixture
def house() -> House:
    made = House(guard=streamed)
    made.source.clock = made.clock
    return made


def people(house: House, count: int) -> list[Mailbox]:
    """So many live mailboxes."""
    found = [house.activate(f"p{number:03}@example.com") for number in range(count)]
    house.run()
    house.forward(2 * MINUTE)
    return found


def asked(house: House, operation: str = "presence") -> int:
    """How often it was asked for so far."""
    return sum(name == operation for name, _ in house.source.calls)


def shown(house: House, mailbox: Mailbox) -> list[Presence]:
    """What the hub was told of the mailbox, in order."""
    return [
        open_presence(one.envelope.data, lambda uri: house.keys.opening_key(uri, mailbox.id))
        for one in house.peek()
        if one.envelope.kind.value == "presence.put" and one.envelope.mailbox_id == mailbox.id
    ]


def test_change_is_shown_within_two_minutes(house: House) -> None:
    """Away, another text, back: each is at the hub two minutes later, at one more reading each."""
    ada, *_ = people(house, 3)
    before = asked(house)
    calendar = house.source.calendar(ada.address)
    for presence in (AWAY, replace(AWAY, text="Still skiing"), Presence(away=False)):
        calendar.presence = presence
        house.forward(2 * MINUTE)
        assert shown(house, ada)[-1] == presence
    assert asked(house) - before == 3


def test_nobody_is_read_whose_state_stays_as_it_is(house: House) -> None:
    """An hour without changes reads nobody's settings, away or not; hints alone cost one request a round for all."""
    ada, *_ = people(house, 20)
    house.source.calendar(ada.address).presence = AWAY
    house.forward(3 * MINUTE)
    before, rounds = asked(house), len(house.source.asked_absences)
    house.forward(HOUR)
    assert asked(house) == before
    assert len(house.source.asked_absences) - rounds <= 34


def test_a_batch_a_turn_evenly_over_the_round(house: House) -> None:
    """Batches are as large as the source takes, and never closer than five a second."""
    house.source.at_once = 3
    moments = []
    everybody = people(house, 10)
    house.source.asked_absences.clear()
    while len(house.source.asked_absences) < 8:
        known = len(house.source.asked_absences)
        house.run()
        moments += [house.clock()] * (len(house.source.asked_absences) - known)
        house.clock.now = max(house.engine.scheduler.next_due() or house.clock(), house.clock())
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert min(gaps) >= GAP
    assert max(gaps) < MINUTE
    assert {len(batch) for batch in house.source.asked_absences} <= {3, 1}
    answered = {address for batch in house.source.asked_absences for address in batch}
    assert answered == {one.address for one in everybody}


def test_only_activated_people_are_asked_about(house: House) -> None:
    """Who pauses, leaves or has a policy without presence drops out at once, in the middle of a round too."""
    house.source.at_once = 1
    ada, bob, cleo = people(house, 3)
    session = house.store.session(bob.id)
    assert session is not None
    house.store.change_session(replace(session, phase=Phase.PAUSED))
    house.engine.changed(bob.id)
    house.source.asked_absences.clear()
    house.forward(4 * MINUTE)
    assert {one for batch in house.source.asked_absences for one in batch} == {ada.address, cleo.address}
    rules = Rules(2, {"staff": replace(POLICY, presence="off")}, active=True)
    object.__setattr__(house.context, "rules", rules)
    house.source.asked_absences.clear()
    house.forward(4 * MINUTE)
    assert house.source.asked_absences == []


def test_unknown_hints_lead_to_reading_within_twenty_minutes(house: House) -> None:
    """PendingMailTips means unknown, not "back": the truth is read by the clock."""
    ada, *_ = people(house, 2)
    calendar = house.source.calendar(ada.address)
    calendar.pending, calendar.presence = True, AWAY
    house.forward(5 * MINUTE)
    assert shown(house, ada)[-1].away is False
    house.forward(38 * MINUTE)
    assert shown(house, ada)[-1] == AWAY


@pytest.mark.parametrize("fault", [Refused("request-refused"), Transient("server-error")])
def test_without_hints_everybody_is_read_spread_over_twenty_minutes(
    house: House, fault: Refused | Transient
) -> None:
    """Refused or failing for ever: each one's settings every twenty minutes, never all at the same time."""
    everybody = people(house, 40)
    house.source.absence_faults = [fault] * 1000
    house.forward(40 * MINUTE)
    before = asked(house)
    house.forward(20 * MINUTE)
    assert len(everybody) <= asked(house) - before <= 2 * len(everybody)
    house.source.calendar(everybody[7].address).presence = AWAY
    house.forward(21 * MINUTE)
    assert shown(house, everybody[7])[-1] == AWAY


def test_failing_hints_hold_nobody_back(house: House) -> None:
    """A server that only fails at mail tips is no server that is down."""
    ada, *_ = people(house, 2)
    house.source.absence_faults = [Transient("server-error")] * 10
    house.forward(10 * MINUTE)
    assert house.engine.holds.all() == {}
    assert house.phase(ada) is Phase.LIVE


def test_schedule_is_told_ahead_and_ends_to_the_second(house: House) -> None:
    """Its times go up when it is set; when it is over the hub hears it at once, with no hint in between."""
    ada, *_ = people(house, 2)
    start, end = house.clock() + 3 * HOUR, house.clock() + 5 * HOUR + 7 * SECOND
    calendar = house.source.calendar(ada.address)
    calendar.presence = replace(AWAY, since=start, until=end)
    house.context.hints.hear(ada.id, "x", house.clock(), seemed_back=True)
    house.forward(3 * MINUTE)
    assert shown(house, ada)[-1] == calendar.presence
    calendar.pending = True
    house.forward(end - house.clock() - SECOND)
    assert shown(house, ada)[-1] == calendar.presence
    house.forward(SECOND)
    assert shown(house, ada)[-1] == Presence(away=False)


def test_after_a_restart_only_those_away_are_read_once(house: House) -> None:
    """What hints have told is lost with the process; who is not away and was not costs nothing."""
    ada, *_ = people(house, 10)
    house.source.calendar(ada.address).presence = AWAY
    house.forward(3 * MINUTE)
    fresh = replace(house.context, hints=type(house.context.hints)())
    house.context = fresh
    house.engine = house.fresh_engine()
    house.engine.start(resync=False)
    before = asked(house)
    house.forward(15 * MINUTE)
    assert asked(house) - before == 1
    assert len(shown(house, ada)) == 2


def test_restart_waits_for_hints_before_it_reads_anybody(house: House) -> None:
    """Hours after the last reading everybody takes a delta at a start; nobody is read while the batches of hints go round."""
    house.source.at_once = 1
    people(house, 10)
    house.forward(3 * HOUR)
    house.context = replace(house.context, hints=type(house.context.hints)())
    house.engine = house.fresh_engine()
    before, deltas = asked(house), asked(house, "delta")
    house.engine.start(resync=True)
    house.forward(10 * MINUTE)
    assert asked(house, "delta") - deltas >= 10
    assert asked(house) == before


def test_schedule_that_no_reading_saw_begins_with_its_hint(house: House) -> None:
    """Set shortly before it begins, it is shown within two minutes of its beginning, like any change."""
    ada, *_ = people(house, 2)
    start = house.clock() + 10 * MINUTE
    house.source.calendar(ada.address).presence = replace(AWAY, since=start, until=start + HOUR)
    house.forward(12 * MINUTE)
    assert shown(house, ada)[-1].since == start
    house.forward(HOUR - 2 * MINUTE)
    assert shown(house, ada)[-1] == Presence(away=False)


def test_twenty_five_thousand_need_less_than_five_requests_a_second() -> None:
    """The pace by figures: fifty a request each round, and each one's settings every 360 rounds behind it."""
    interval = Pace().presence.total_seconds()
    assert 25_000 / 50 / (interval * ROUND) + 25_000 / (interval * TRUTH_ROUNDS) <= 5
