"""Plans of a roster run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from connector.model import Mailbox, Phase
from connector.sync.roster import Known, RosterPlan, Terms, Wanted, plan

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
TERMS = Terms(frozenset({"example.com"}), frozenset({"ceo@example.com"}), timedelta(days=7), 0.02)


def known(address: str, *, origin: str = "staff", left_at: datetime | None = None) -> Known:
    mailbox = Mailbox(f"id-{address}", "hq", address, "staff", origin, left_at=left_at)
    return Known(mailbox, Phase.LIVE)


def wanted(*addresses: str, origin: str = "staff", policy: str = "staff") -> list[Wanted]:
    return [Wanted(address, origin, policy) for address in addresses]


def run(places: list[Wanted], here: list[Known], terms: Terms = TERMS) -> RosterPlan:
    return plan(places, here, terms, NOW)


def test_who_is_named_and_not_here_joins() -> None:
    """The first place that names an address decides its policy."""
    places = [*wanted("a@example.com", origin="rooms", policy="room"), *wanted("a@example.com")]
    assert [one.policy for one in run(places, []).join] == ["room"]


def test_exclude_always_wins() -> None:
    """Who is excluded neither joins nor stays, whoever names it, by hand included."""
    planned = run(wanted("ceo@example.com"), [known("ceo@example.com", origin="manual")])
    assert planned.join == ()
    assert [mailbox.address for mailbox in planned.pause] == ["ceo@example.com"]


def test_who_is_named_no_more_is_paused_at_once_and_deactivated_later() -> None:
    """First a pause, so that a mistake in the directory costs nothing; after leave_after the end."""
    fresh, old = known("new@example.com"), known("old@example.com", left_at=NOW - timedelta(days=8))
    planned = run([], [fresh, old])
    assert [mailbox.address for mailbox in planned.pause] == ["new@example.com"]
    assert [mailbox.address for mailbox in planned.deactivate] == ["old@example.com"]


def test_who_was_activated_by_hand_is_not_the_rosters_business() -> None:
    """Only exclude touches those."""
    assert run([], [known("a@example.com", origin="manual")]).changes == 0


def test_who_comes_back_in_time_goes_on() -> None:
    """Somebody put back into the group within leave_after is resumed."""
    here = [known("a@example.com", left_at=NOW - timedelta(days=1))]
    assert [m.address for m in run(wanted("a@example.com"), here).come_back] == ["a@example.com"]


def test_foreign_domains_are_refused_by_name() -> None:
    """An address outside every source's domains is listed, never activated."""
    planned = run(wanted("a@elsewhere.example"), [])
    assert (planned.join, planned.foreign) == ((), ("a@elsewhere.example",))


def test_a_run_that_changes_too_much_says_so() -> None:
    """An empty group must not deactivate a company."""
    here = [known(f"u{n}@example.com") for n in range(1000)]
    assert run([], here).too_much
    assert not run(wanted(*(f"u{n}@example.com" for n in range(985))), here).too_much


def test_the_first_run_may_activate_everybody() -> None:
    """There is nothing to compare with yet."""
    assert not run(wanted(*(f"u{n}@example.com" for n in range(1000))), []).too_much


def test_a_changed_policy_is_assigned() -> None:
    """The mailbox stays, its policy follows the place that names it now."""
    planned = run(wanted("a@example.com", policy="boss"), [known("a@example.com")])
    assert [(m.address, w.policy) for m, w in planned.assign] == [("a@example.com", "boss")]
