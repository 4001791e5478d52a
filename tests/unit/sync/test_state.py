"""Transitions of a mailbox's life."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import (
    AccessDenied,
    CredentialRefused,
    CursorExpired,
    KeyWithheld,
    MailboxMoved,
    Refused,
    Scope,
    Throttled,
    Transient,
    Verdict,
)
from connector.model import Load, Phase, Session, Stage
from connector.sync import state

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LIVE = Session("m1", Phase.LIVE, NOW, version=7, cursor="c")

VERDICTS: list[Verdict] = [
    Transient("timeout"),
    Throttled("busy", retry_after=timedelta(minutes=3)),
    CredentialRefused("credential-refused"),
    CursorExpired("cursor-expired"),
    AccessDenied("impersonation-denied"),
    MailboxMoved("mailbox-moving"),
    MailboxMoved("moved-to-exchange-online"),
    KeyWithheld("key-unknown"),
    Refused("bad-answer"),
]


@pytest.mark.parametrize(
    ("verdict", "phase"),
    [
        (Transient("timeout"), Phase.LIVE),
        (CursorExpired("cursor-expired"), Phase.LOADING),
        (AccessDenied("impersonation-denied"), Phase.BLOCKED),
        (AccessDenied("address-unknown"), Phase.REQUESTED),
        (AccessDenied("alias-address"), Phase.REQUESTED),
        (MailboxMoved("mailbox-moving"), Phase.REQUESTED),
        (MailboxMoved("moved-to-exchange-online"), Phase.MOVED),
        (CredentialRefused("credential-refused"), Phase.LIVE),
    ],
)
def test_each_verdict_leads_to_its_phase(verdict: Verdict, phase: Phase) -> None:
    """A live mailbox goes where the verdict says, and nowhere else."""
    assert state.transition(Phase.LIVE, verdict, 1, 0.5).phase is phase


@pytest.mark.parametrize("phase", [Phase.REQUESTED, Phase.VALIDATING])
@pytest.mark.parametrize("code", sorted(state.ELSEWHERE))
def test_an_address_that_was_just_looked_up_and_is_wrong_blocks(phase: Phase, code: str) -> None:
    """Looking it up once more would go round in circles."""
    assert state.transition(phase, AccessDenied(code), 1, 0.5).phase is Phase.BLOCKED


def test_a_throttled_mailbox_waits_at_least_as_long_as_it_was_asked_to() -> None:
    """Retry-after is a lower bound, whatever luck says."""
    verdict = Throttled("busy", retry_after=timedelta(minutes=3))
    assert state.transition(Phase.LIVE, verdict, 1, 0.0).delay >= timedelta(minutes=3)


@given(st.integers(1, 10_000), st.floats(0, 0.999))
def test_back_off_is_bounded_and_never_zero(attempts: int, luck: float) -> None:
    """However often it failed, a retry comes after some rest and within the cap."""
    assert state.FIRST_RETRY / 2 <= state.back_off(attempts, luck) <= state.LAST_RETRY


@given(st.sampled_from(list(Phase)), st.sampled_from(VERDICTS), st.integers(1, 50), st.floats(0, 0.999))
def test_every_phase_survives_every_verdict(
    phase: Phase, verdict: Verdict, attempts: int, luck: float
) -> None:
    """There is no combination without an answer, and no failure makes a mailbox live or leave."""
    move = state.transition(phase, verdict, attempts, luck)
    assert move.phase in {phase, Phase.LOADING, Phase.BLOCKED, Phase.REQUESTED, Phase.MOVED}
    assert move.delay >= timedelta()


def test_an_expired_cursor_is_forgotten_and_reread_without_resending() -> None:
    """A re-read after an expired cursor sends only real differences."""
    after = state.after_failure(LIVE, CursorExpired("cursor-expired"), NOW, 0.0)
    assert (after.cursor, after.phase, after.due) == (None, Phase.LOADING, NOW)
    assert after.load == Load(Stage.FEED, generation=8, resend=False)


def test_a_resending_load_that_loses_its_cursor_keeps_resending() -> None:
    """The hub's list is still to be rebuilt, so nothing may be held back as unchanged."""
    loading = replace(LIVE, phase=Phase.LOADING, load=Load(Stage.CATCH_UP, 3, resend=True))
    after = state.after_failure(loading, CursorExpired("cursor-expired"), NOW, 0.0)
    assert after.load is not None
    assert after.load.resend


def test_a_blocked_mailbox_remembers_where_to_go_on() -> None:
    """When access comes back, a live mailbox needs no new first load."""
    blocked = state.after_failure(LIVE, AccessDenied("impersonation-denied"), NOW, 0.0)
    again = state.after_failure(blocked, AccessDenied("impersonation-denied"), NOW, 0.0)
    assert (blocked.resume, again.resume) == (Phase.LIVE, Phase.LIVE)
    assert again.due - NOW > blocked.due - NOW


def test_a_generation_is_newer_than_every_row_written_before() -> None:
    """Rows carry at most the session's version, and a full read marks above it."""
    assert state.reread(LIVE).generation > LIVE.version


def test_only_faults_of_servers_and_accounts_hold_others_back() -> None:
    """One mailbox's trouble is its own."""
    assert not state.far_reaching(Transient("timeout"))
    assert state.far_reaching(Transient("unreachable", scope=Scope.SERVER))
    assert state.far_reaching(CredentialRefused("credential-refused"))
