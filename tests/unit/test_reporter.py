"""What the log and the alarms say of steps, faults and holds."""

from __future__ import annotations

import logging
from collections.abc import Iterator, MutableMapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from connector.alarms import Alarms, Kind, kinds
from connector.errors import (
    AccessDenied,
    CredentialRefused,
    KeyWithheld,
    MailboxMoved,
    Transient,
    Verdict,
)
from connector.model import Mailbox, Phase, Session
from connector.reasons import explain
from connector.reporter import Reporter
from connector.source.base import Notice
from connector.sync.holds import Hold
from connector.sync.outcome import Step
from tests.fakes.clock import ManualClock

MINUTE = timedelta(minutes=1)
ADA = Mailbox("1", "hq", "ada@example.com", "staff", "manual")
BOB = Mailbox("2", "hq", "bob@example.com", "staff", "manual")
Logged = list[MutableMapping[str, Any]]


class Desk:
    """A reporter with its alarms, on a clock moved by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.alarms = Alarms(self.clock)
        self.reporter = Reporter(self.alarms, self.clock, lambda source: ("svc", f"exchange/{source}/a"))

    def session(self, phase: Phase, reason: str | None = None, mailbox: Mailbox = ADA) -> Session:
        return Session(mailbox.id, phase, self.clock(), reason=reason)

    def well(self, mailbox: Mailbox = ADA, before: Phase = Phase.LIVE, after: Phase = Phase.LIVE) -> None:
        self.reporter.stepped(mailbox, before, Step("done", self.session(after)))

    def ill(self, verdict: Verdict, phase: Phase = Phase.LIVE, mailbox: Mailbox = ADA) -> None:
        self.reporter.failed(mailbox, verdict, self.session(phase))

    def hold(self, code: str) -> None:
        self.reporter.held("hq", Hold(code, self.clock(), self.clock() + MINUTE, 1))

    def standing(self) -> list[Kind]:
        self.alarms.tick()
        return [alarm.kind for alarm in self.alarms.current()]


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.fixture
def logged() -> Iterator[Logged]:
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG))
    with capture_logs() as entries:
        yield entries
    structlog.configure(wrapper_class=before)


def levels(entries: Logged) -> list[str]:
    return [str(entry["log_level"]) for entry in entries]


# --- the log


def test_an_uneventful_step_is_a_debug_line(desk: Desk, logged: Logged) -> None:
    """A healthy day is a quiet log; a change of phase and a command are worth a line."""
    desk.well()
    desk.well(before=Phase.LOADING)
    desk.reporter.stepped(ADA, Phase.LIVE, Step("command done", desk.session(Phase.LIVE), notable=True))
    assert levels(logged) == ["debug", "info", "info"]
    assert all(entry["mailbox"] == ADA.address for entry in logged)


def test_the_first_failure_and_the_recovery_are_logged(desk: Desk, logged: Logged) -> None:
    """Not each retry in between."""
    for _ in range(50):
        desk.ill(Transient("timeout", "request 17"))
    loud = [entry for entry in logged if entry["log_level"] in {"warning", "error"}]
    assert len(loud) == 1
    logged.clear()
    desk.well()
    assert [entry for entry in logged if entry["log_level"] == "info"]


# --- blocked mailboxes


def test_mailboxes_with_one_cause_are_one_alarm(desk: Desk) -> None:
    """Two hundred outside the management scope are one thing to mend."""
    for number in range(200):
        one = Mailbox(str(number), "hq", f"u{number}@example.com", "staff", "manual")
        desk.ill(AccessDenied("impersonation-denied"), Phase.BLOCKED, one)
    (alarm,) = desk.alarms.current()
    assert (alarm.kind, alarm.count) == (kinds.MAILBOXES_BLOCKED, 200)
    assert "may not open this mailbox" in alarm.sentence


def test_a_remedy_has_no_holes(desk: Desk) -> None:
    """What differs from mailbox to mailbox stands in capitals, the source by its name."""
    for code, words in (
        ("redirect-not-trusted", "source redirects hq"),
        ("mailbox-disabled", "Get-Mailbox ADDRESS"),
        ("alias-address", "primary address: NAME"),
    ):
        desk.ill(AccessDenied(code), Phase.BLOCKED)
        alarm = next(one for one in desk.alarms.current() if one.cause == code)
        assert words in alarm.remedy
        assert "{" not in alarm.remedy


def test_the_alarm_ends_with_the_last_one(desk: Desk) -> None:
    """One that can be read again leaves the others in it."""
    for mailbox in (ADA, BOB):
        desk.ill(AccessDenied("impersonation-denied"), Phase.BLOCKED, mailbox)
    desk.well(ADA, Phase.LOADING)
    assert [alarm.subjects for alarm in desk.alarms.current()] == [("bob@example.com",)]
    desk.reporter.stepped(BOB, Phase.LEAVING, Step("deactivated", None))
    assert desk.alarms.current() == ()


def test_validation_under_way_is_no_end_of_the_alarm(desk: Desk) -> None:
    """A slow retry that fails again must not clear and raise it each time."""
    desk.ill(AccessDenied("impersonation-denied"), Phase.BLOCKED)
    desk.well(ADA, Phase.BLOCKED, Phase.REQUESTED)
    desk.well(ADA, Phase.VALIDATING, Phase.LOADING)
    assert desk.standing() == [kinds.MAILBOXES_BLOCKED]


@pytest.mark.parametrize("phase", [Phase.PAUSED, Phase.LEAVING, Phase.REQUESTED])
def test_an_administrators_decision_ends_the_alarm(desk: Desk, phase: Phase) -> None:
    """Whoever paused or let go a blocked mailbox has seen it."""
    desk.ill(AccessDenied("impersonation-denied"), Phase.BLOCKED)
    desk.reporter.changed(ADA, desk.session(phase))
    assert desk.standing() == []


def test_a_renamed_mailbox_takes_its_alarm_along(desk: Desk) -> None:
    """It is cleared although the mailbox has another address by now."""
    desk.ill(AccessDenied("impersonation-denied"), Phase.BLOCKED)
    desk.well(Mailbox("1", "hq", "countess@example.com", "staff", "manual"))
    assert desk.standing() == []


def test_a_new_process_raises_what_was_wrong_before(desk: Desk) -> None:
    """A blocked mailbox is tried once a day; the alarm does not wait for that."""
    desk.reporter.changed(ADA, desk.session(Phase.BLOCKED, "impersonation-denied"))
    assert desk.standing() == [kinds.MAILBOXES_BLOCKED]


@pytest.mark.parametrize(
    ("verdict", "phase"),
    [
        (Transient("timeout"), Phase.LIVE),
        (MailboxMoved("mailbox-moving"), Phase.REQUESTED),
        (MailboxMoved("moved-to-exchange-online"), Phase.MOVED),
    ],
)
def test_what_mends_itself_or_is_final_is_no_alarm(desk: Desk, verdict: Verdict, phase: Phase) -> None:
    """Only what somebody has to mend."""
    desk.ill(verdict, phase)
    assert desk.standing() == []


# --- keys, sources, accounts


@pytest.mark.parametrize(
    "verdict", [Transient("key-service-away"), Transient("key-service-refuses"), KeyWithheld("key-unknown")]
)
def test_keys_that_are_away_are_an_alarm_after_a_while(desk: Desk, verdict: Verdict) -> None:
    """And none any more when the mailbox gets through."""
    desk.ill(verdict)
    assert desk.standing() == []
    desk.clock.forward(6 * MINUTE)
    assert desk.standing() == [kinds.KEY_SERVICE_AWAY]
    desk.well()
    assert desk.standing() == []


def test_a_source_that_is_away_is_an_alarm_after_five_minutes(desk: Desk) -> None:
    """Until the first step gets through."""
    desk.hold("unreachable")
    assert desk.standing() == []
    desk.clock.forward(6 * MINUTE)
    assert desk.standing() == [kinds.SOURCE_UNREACHABLE]
    desk.reporter.passed(ADA)
    assert desk.standing() == []


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("credential-refused", kinds.CREDENTIAL_REFUSED),
        ("credential-missing", kinds.CREDENTIAL_MISSING),
    ],
)
@pytest.mark.parametrize("way", ["step", "hold"])
def test_an_account_that_is_refused_is_an_alarm_at_once(desk: Desk, code: str, kind: Kind, way: str) -> None:
    """It names the secret to set, and ends with the first step that gets through."""
    if way == "step":
        desk.ill(CredentialRefused(code))
    else:
        desk.hold(code)
    (alarm,) = desk.alarms.current()
    assert alarm.kind is kind
    assert "secret set exchange/hq/a" in alarm.remedy
    desk.reporter.passed(ADA)
    assert desk.standing() == []


@pytest.mark.parametrize(
    "code", ["google-not-authorized", "google-key-removed", "google-clock", "google-api-off"]
)
@pytest.mark.parametrize("way", ["step", "hold"])
def test_a_source_that_is_not_set_up_names_the_missing_step(desk: Desk, code: str, way: str) -> None:
    """One alarm whatever the number of users, with the remedy of its cause, until somebody gets through."""
    for mailbox in (ADA, ADA):
        if way == "step":
            desk.ill(CredentialRefused(code), mailbox=mailbox)
        else:
            desk.hold(code)
    (alarm,) = desk.alarms.current()
    assert alarm.kind is kinds.SOURCE_NOT_SET_UP
    assert explain(code).sentence in alarm.sentence
    assert alarm.remedy
    assert "{" not in alarm.remedy
    desk.reporter.passed(ADA)
    assert desk.standing() == []


def test_the_pace_of_first_loads_is_that_of_the_last_minutes(desk: Desk) -> None:
    """What was finished long ago tells nothing about the rest."""
    for _ in range(10):
        desk.well(before=Phase.LOADING)
    desk.clock.forward(4 * MINUTE)
    desk.well(before=Phase.LOADING)
    desk.well()
    assert desk.reporter.loads_a_minute() == pytest.approx(11 / 5)
    desk.clock.forward(2 * MINUTE)
    assert desk.reporter.loads_a_minute() == pytest.approx(1 / 5)


def test_a_stand_in_is_an_alarm_until_the_first_account_is_back(desk: Desk) -> None:
    """It names the account to mend and the one that is used meanwhile."""
    desk.reporter.noticed("hq", Notice("account-taken-over", "svc-a", by="svc-b"))
    (alarm,) = desk.alarms.current()
    assert alarm.kind is kinds.ACCOUNT_TAKEN_OVER
    assert "svc-a" in alarm.sentence
    assert "svc-b" in alarm.sentence
    desk.reporter.noticed("hq", Notice("account-taken-over", "svc-a", by="svc-a", over=True))
    assert desk.standing() == []


def test_a_server_that_differs_is_an_alarm_of_its_own(desk: Desk) -> None:
    """Two such servers are one alarm with two names, gone when both are well."""
    for server in ("CAS1", "CAS2"):
        desk.reporter.noticed("hq", Notice("front-end-refuses", server))
    assert desk.standing() == [kinds.SERVER_DIFFERS]
    desk.reporter.noticed("hq", Notice("front-end-refuses", "CAS1", over=True))
    assert desk.alarms.current()[0].subjects == ("CAS2",)
    desk.reporter.noticed("hq", Notice("front-end-refuses", "CAS2", over=True))
    assert desk.standing() == []


def late(desk: Desk, verdict: Verdict, attempts: int, mailbox: Mailbox = ADA) -> None:
    """A failure that is the so many-th in a row."""
    desk.reporter.failed(mailbox, verdict, replace(desk.session(Phase.LIVE), attempts=attempts))


def test_mailboxes_that_keep_failing_are_one_alarm_by_cause(desk: Desk) -> None:
    """After about five minutes, once, with a list; a recovery takes the mailbox off it."""
    busy = Transient("busy")
    for mailbox in (ADA, BOB):
        for attempts in range(1, 10):
            late(desk, busy, attempts, mailbox)
    (alarm,) = desk.alarms.current()
    assert (alarm.kind, alarm.cause, alarm.subjects) == (
        kinds.MAILBOXES_LATE,
        "busy",
        (ADA.address, BOB.address),
    )
    late(desk, Transient("server-error"), 10)
    assert {one.cause for one in desk.alarms.current()} == {"busy", "server-error"}
    desk.well()
    desk.well(BOB)
    assert desk.standing() == []


def test_short_trouble_is_no_alarm(desk: Desk) -> None:
    """Some failures in a row are what back-off is for."""
    late(desk, Transient("busy"), 6)
    assert desk.standing() == []
