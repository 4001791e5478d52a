"""The budget below Google's quotas, which are counted over a sliding minute."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import Scope, Throttled
from connector.source.google.throttle import Budget

DAY = 86_400.0


class Office:
    """A budget whose time stands still until it is moved; ``sent`` are the times at which requests went out."""

    def __init__(self, project: int, user: int) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, str]] = []
        self.budget = Budget(project, user, lambda: self.now)

    def ask(self, subject: str, cost: int = 1) -> bool:
        """Send when it is allowed; False where it would take too long."""
        try:
            delay = self.budget._take(subject, cost)
        except Throttled:
            return False
        self.sent += [(self.now + max(delay, 0.0), subject)] * cost
        return True

    def most(self, subject: str = "") -> int:
        """The greatest number of units within any minute."""
        times = sorted(at for at, who in self.sent if subject in {"", who})
        return max((sum(begin <= at < begin + 60 for at in times) for begin in times), default=0)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 20), st.sampled_from("ab"), st.sampled_from((1, 1, 3))), max_size=150),
    st.integers(40, 80),
    st.integers(20, 60),
)
def test_no_sliding_minute_exceeds_the_quotas(
    asked: list[tuple[float, str, int]], project: int, user: int
) -> None:
    """Neither the project's nor a user's, however the requests fall; Google would answer with 403."""
    office = Office(project, user)
    for pause, subject, cost in asked:
        office.now += pause
        office.ask(subject, cost)
    assert office.most() <= project
    assert all(office.most(subject) <= user for subject in "ab")


def test_five_thousand_at_once_stay_within_the_projects_minute() -> None:
    """After a restart everybody is due: 10,000 a minute are never exceeded, and all have had their turn soon."""
    office = Office(10_000, 600)
    waiting = [f"user{number}" for number in range(5000)]
    while waiting:
        waiting = [one for one in waiting if not office.ask(one, 3)]
        office.now += 5
    times = sorted(at for at, _ in office.sent)
    assert all(b - a >= 60 for a, b in zip(times, times[10_000:], strict=False))
    assert office.now < 180


@pytest.mark.parametrize("minute", [1, 2, 5])
def test_the_smallest_budget_lets_the_dearest_request_through(minute: int) -> None:
    """After a quiet time even a patch goes out; the next has to wait."""
    office = Office(minute, minute)
    office.now = 3600.0
    assert office.ask("a", 3)
    assert not office.ask("a", 3)


def test_one_user_cannot_use_up_everybodys_budget() -> None:
    """Whoever is beyond their own waits alone."""
    office = Office(1000, 20)
    while office.ask("a"):
        pass
    with pytest.raises(Throttled, match="own-limit") as refused:
        office.budget.wait("a")
    assert refused.value.scope is Scope.MAILBOX
    assert office.ask("b", 3)


def test_what_was_used_is_told() -> None:
    """In the last minute, in the last day, and by the busiest user; it fades."""
    office = Office(10_000, 600)
    office.now = DAY
    for _ in range(30):
        office.ask("a")
    office.ask("b", 3)
    spending = office.budget.spending()
    assert (spending.minute, spending.day, spending.busiest) == (33, 33, 30)
    office.now += 61
    spending = office.budget.spending()
    assert (spending.minute, spending.day, spending.busiest) == (0, 33, 0)
    office.now += DAY
    assert office.budget.spending().day == 0
