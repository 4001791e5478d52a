"""Due times, waking, back-off and the share of one group."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connector.sync.agenda import Agenda

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def agenda(share: int = 8) -> Agenda:
    made = Agenda(share)
    made.put("m1", "server", NOW + 100 * SECOND)
    return made


def test_a_nudge_makes_a_session_due_after_the_debounce() -> None:
    """Not at once: the events of one user action gather first."""
    made = agenda()
    made.wake("m1", "stream", NOW, 2 * SECOND)
    assert made.take(NOW + SECOND) is None
    turn = made.take(NOW + 2 * SECOND)
    assert turn is not None
    assert turn.reasons == {"stream"}


def test_later_nudges_do_not_extend_the_debounce() -> None:
    """A mailbox that changes all the time is still looked at two seconds after the first nudge."""
    made = agenda()
    for late in range(5):
        made.wake("m1", "stream", NOW + late * SECOND / 2, 2 * SECOND)
    assert made.next_due() == NOW + 2 * SECOND


def test_a_nudge_never_shortens_a_back_off() -> None:
    """A throttled mailbox stays quiet however often the stream calls; the reason is kept for later."""
    made = agenda()
    made.put("m1", "server", NOW + 60 * SECOND, held=True)
    made.wake("m1", "stream", NOW)
    assert made.take(NOW + 59 * SECOND) is None
    turn = made.take(NOW + 60 * SECOND)
    assert turn is not None
    assert turn.reasons == {"stream"}


def test_a_session_is_never_handed_out_twice() -> None:
    """Reads and writes of one mailbox are serial by construction."""
    made = agenda()
    made.wake("m1", "stream", NOW)
    assert made.take(NOW) is not None
    made.wake("m1", "stream", NOW)
    made.put("m1", "server", NOW)
    assert made.take(NOW + SECOND) is None


def test_a_wake_during_a_step_makes_the_session_due_after_it() -> None:
    """What changed while it was read is not forgotten."""
    made = agenda()
    made.wake("m1", "stream", NOW)
    made.take(NOW)
    made.wake("m1", "stream", NOW + SECOND, 2 * SECOND)
    made.done("m1", NOW + 3600 * SECOND)
    assert made.next_due() == NOW + 3 * SECOND


def test_a_session_forgotten_during_its_step_does_not_come_back() -> None:
    """A mailbox that was deactivated is not put on the agenda again by the step that was under way."""
    made = agenda()
    made.wake("m1", "stream", NOW)
    made.take(NOW)
    made.forget("m1")
    made.done("m1", NOW)
    assert "m1" not in made


def test_one_group_takes_no_more_than_its_share() -> None:
    """A slow server can't occupy all workers; its sessions go on when one of them is back."""
    made = Agenda(share=2)
    for key in ("a", "b", "c"):
        made.put(key, "slow", NOW)
    made.put("d", "fast", NOW)
    out = [turn.key for _ in range(4) if (turn := made.take(NOW))]
    assert sorted(out) == ["a", "b", "d"]
    made.done("a", NOW + 60 * SECOND)
    turn = made.take(NOW)
    assert turn is not None
    assert turn.key == "c"


def test_releasing_ends_a_back_off_early() -> None:
    """When the password was changed nobody waits for the rest of the hour."""
    made = agenda()
    made.put("m1", "server", NOW + 3600 * SECOND, held=True)
    made.release("m1", NOW)
    assert made.take(NOW) is not None


class AgendaMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order, nothing is handed out twice, early or lost."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.agenda = Agenda(share=2)
        self.out: dict[str, str] = {}
        self.known: set[str] = set()
        self.forgotten: set[str] = set()

    keys = st.sampled_from("abcdef")
    spans = st.integers(0, 30).map(lambda seconds: timedelta(seconds=seconds))

    @rule(key=keys, delay=spans, held=st.booleans())
    def put(self, key: str, delay: timedelta, held: bool) -> None:
        self.agenda.put(key, f"group-{ord(key) % 2}", self.now + delay, held=held)
        self.known.add(key)
        self.forgotten.discard(key)

    @rule(key=keys, delay=spans)
    def wake(self, key: str, delay: timedelta) -> None:
        self.agenda.wake(key, "stream", self.now, delay)

    @rule(span=spans)
    def later(self, span: timedelta) -> None:
        self.now += span

    @rule()
    def take(self) -> None:
        turn = self.agenda.take(self.now)
        if turn is not None:
            assert turn.key not in self.out
            assert turn.key in self.known
            self.out[turn.key] = f"group-{ord(turn.key) % 2}"

    @precondition(lambda self: self.out)
    @rule(data=st.data(), delay=spans, held=st.booleans())
    def done(self, data: st.DataObject, delay: timedelta, held: bool) -> None:
        key = data.draw(st.sampled_from(sorted(self.out)))
        del self.out[key]
        self.agenda.done(key, self.now + delay, held=held)
        if key in self.forgotten:
            self.known.discard(key)
            self.forgotten.discard(key)

    @rule(key=keys)
    def forget(self, key: str) -> None:
        self.agenda.forget(key)
        if key in self.out:
            self.forgotten.add(key)
        else:
            self.known.discard(key)

    @invariant()
    def no_group_exceeds_its_share(self) -> None:
        groups = list(self.out.values())
        assert all(groups.count(group) <= 2 for group in groups)

    def teardown(self) -> None:
        """At the end everything known comes out once it is long due."""
        for key in list(self.out):
            self.agenda.done(key, self.now)
            if key in self.forgotten:
                self.known.discard(key)
        self.now += timedelta(days=1)
        found = set()
        while (turn := self.agenda.take(self.now)) is not None:
            found.add(turn.key)
            self.agenda.done(turn.key, None)
        assert found == self.known


TestAgendaMachine = AgendaMachine.TestCase
TestAgendaMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
