"""What is held back as a whole, and when it ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import AccessDenied, CredentialRefused, Scope, Throttled, Transient, Verdict
from connector.model import Location, Mailbox
from connector.sync.holds import CREDENTIAL_PATIENCE, PROBE_PATIENCE, Holds, server_key
from connector.sync.state import PROBE_EVERY
from tests.fakes.clock import ManualClock

MINUTE = timedelta(minutes=1)
ADA = Mailbox("1", "hq", "ada@example.com", "staff", "manual", location=Location("https://one", "g"))
BOB = Mailbox("2", "hq", "bob@example.com", "staff", "manual", location=Location("https://one", "g"))
EVE = Mailbox("3", "hq", "eve@example.com", "staff", "manual", location=Location("https://two", "g"))
OTHER = Mailbox("4", "brand", "x@brand.example", "staff", "manual", location=Location("https://one", "g"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def holds(clock: ManualClock) -> Holds:
    return Holds(clock, lambda: 0.5)


def down(scope: Scope = Scope.SERVER) -> Transient:
    return Transient("unreachable", scope=scope)


def test_a_servers_fault_holds_its_mailboxes_and_no_others(holds: Holds, clock: ManualClock) -> None:
    """Neither those of another server nor those of another source with a server of that name."""
    hold = holds.meet(ADA, down())
    assert hold is not None
    assert holds.until(BOB) == hold.until > clock()
    assert holds.until(EVE) is None
    assert holds.until(OTHER) is None
    assert set(holds.all()) == {server_key(ADA)}


def test_a_sources_fault_holds_all_of_it(holds: Holds) -> None:
    """A refused account concerns every server."""
    hold = holds.meet(ADA, CredentialRefused("credential-refused"))
    assert hold is not None
    assert hold.until - hold.since == CREDENTIAL_PATIENCE
    assert holds.until(EVE) == hold.until
    assert holds.until(OTHER) is None


@pytest.mark.parametrize("verdict", [AccessDenied("impersonation-denied"), Transient("timeout")])
def test_a_mailboxs_own_trouble_holds_nobody(holds: Holds, verdict: Verdict) -> None:
    """Only what others would meet as well."""
    assert holds.meet(ADA, verdict) is None
    assert holds.all() == {}


def test_patience_asked_for_is_given(holds: Holds) -> None:
    """A server that asks for five minutes gets at least five."""
    hold = holds.meet(ADA, Throttled("busy", retry_after=5 * MINUTE, scope=Scope.SERVER))
    assert hold is not None
    assert hold.until - hold.since == 5 * MINUTE


def test_many_that_meet_the_same_fault_at_once_count_once(holds: Holds) -> None:
    """Those already under way when it began don't lengthen the wait."""
    first = holds.meet(ADA, down())
    assert holds.meet(BOB, down()) == first


def test_after_the_time_one_goes_first(holds: Holds, clock: ManualClock) -> None:
    """The others wait until it is back; when it gets through, all go on."""
    holds.meet(ADA, down())
    clock.forward(MINUTE)
    assert holds.until(BOB) is None
    holds.claim_probe(BOB)
    assert holds.until(ADA) == clock() + PROBE_PATIENCE
    assert holds.passed(BOB)
    assert holds.until(ADA) is None
    assert not holds.passed(ADA)


def test_the_first_one_failing_again_lengthens_the_wait(holds: Holds, clock: ManualClock) -> None:
    """By the same doubling back-off as a mailbox's own."""
    waits = []
    for _ in range(4):
        hold = holds.meet(ADA, down())
        assert hold is not None
        waits.append(hold.until - clock())
        clock.now = hold.until
        holds.claim_probe(ADA)
    assert waits == sorted(waits)
    assert waits[3] > 4 * waits[0]
    assert holds.all()[server_key(ADA)].attempts == 4


def test_one_that_went_first_and_never_came_back(holds: Holds, clock: ManualClock) -> None:
    """After a while another is let try."""
    holds.meet(ADA, down())
    clock.forward(MINUTE)
    holds.claim_probe(ADA)
    clock.forward(PROBE_PATIENCE)
    assert holds.until(BOB) is None


def test_a_pause_is_not_ended_by_a_success(holds: Holds, clock: ManualClock) -> None:
    """A step under way when an administrator paused the source may well get through."""
    holds.force("hq", "source-paused", clock() + 10 * MINUTE)
    assert not holds.passed(ADA)
    assert holds.until(ADA) == clock() + 10 * MINUTE
    assert holds.lift("hq")
    assert holds.until(ADA) is None


def test_a_pause_makes_no_trouble_of_what_fails_meanwhile(holds: Holds, clock: ManualClock) -> None:
    """A step under way into the maintenance is no outage."""
    holds.force("hq", "source-paused", clock() + 10 * MINUTE)
    assert holds.meet(ADA, down(Scope.SOURCE)) is None
    assert holds.all()["hq"].code == "source-paused"


def test_a_pause_whose_time_is_over_holds_nobody(holds: Holds, clock: ManualClock) -> None:
    """All go on at once, not one after the other, and status shows none."""
    holds.force("hq", "source-paused", clock() + 10 * MINUTE)
    clock.forward(10 * MINUTE)
    assert holds.all() == {}
    holds.claim_probe(ADA)
    assert holds.until(BOB) is None
    assert holds.meet(ADA, down(Scope.SOURCE)) is not None


def test_lifting_lets_one_look_at_once(holds: Holds) -> None:
    """At all servers of the source, and at none of another source whose name begins alike; the trouble stands until then."""
    like = Mailbox("5", "hq2", "x@other.example", "staff", "manual", location=Location("https://one", "g"))
    holds.meet(ADA, down())
    holds.meet(EVE, CredentialRefused("credential-refused"))
    holds.meet(like, down())
    assert holds.lift("hq")
    assert holds.until(ADA) is None
    assert holds.until(like) is not None
    holds.claim_probe(ADA)
    assert holds.until(EVE) is not None
    assert holds.passed(ADA)
    assert set(holds.all()) == {server_key(like)}
    assert not holds.lift("hq")


def test_a_server_that_was_away_for_long_is_found_within_a_minute(holds: Holds, clock: ManualClock) -> None:
    """One mailbox looks for all of them, however often it was in vain."""
    for _ in range(20):
        hold = holds.meet(ADA, down())
        assert hold is not None
        assert hold.until - clock() <= PROBE_EVERY
        clock.forward(hold.until - clock())
        holds.claim_probe(ADA)


def test_a_hold_of_the_source_takes_the_place_of_its_servers(holds: Holds) -> None:
    """What is wrong is said once; other sources keep theirs."""
    holds.meet(ADA, down())
    holds.meet(OTHER, down())
    holds.meet(EVE, CredentialRefused("credential-refused"))
    assert set(holds.all()) == {"hq", server_key(OTHER)}


def test_a_look_up_gets_through_without_a_place(holds: Holds) -> None:
    """What was not looked up yet has no server: its success ends the hold of the source, once."""
    nowhere = Mailbox("6", "hq", "new@example.com", "staff", "manual")
    holds.meet(nowhere, CredentialRefused("credential-missing"))
    assert holds.passed(nowhere)
    assert not holds.passed(nowhere)
