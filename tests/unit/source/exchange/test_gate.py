"""The logon gate keeps the account from being locked."""

import threading

import pytest

from connector.errors import CredentialRefused, Scope, Throttled, Transient
from connector.source.exchange.gate import FAILURES, SPAN, UNPROVEN, LogonGate, fingerprint
from connector.source.exchange.settings import ForgetfulRefusals


class Bench:
    """A gate with a clock and a password that the test moves."""

    def __init__(self, refusals: ForgetfulRefusals | None = None) -> None:
        self.now = 1000.0
        self.secret = "first"
        self.refusals = refusals or ForgetfulRefusals()
        self.gate = LogonGate("svc", lambda: self.secret, self.refusals, lambda: self.now)

    def accept(self, front_end: str = "cas1") -> None:
        with self.gate.logon() as attempt:
            attempt.accepted(front_end)

    def refuse(self, front_end: str = "cas1", *, named: bool = True) -> None:
        with self.gate.logon() as attempt:
            attempt.refused(front_end, named=named)


def test_refused_password_is_not_tried_again() -> None:
    """After one refusal by the only front end the same password version never goes out again."""
    bench = Bench()
    with pytest.raises(CredentialRefused):
        bench.refuse()
    with pytest.raises(CredentialRefused, match="refused before"), bench.gate.logon():
        pytest.fail("a refused password was handed out")


def test_refused_version_is_remembered_across_restarts() -> None:
    """Another process with the same memory does not try it either."""
    first = Bench()
    with pytest.raises(CredentialRefused):
        first.refuse()
    second = Bench(first.refusals)
    with pytest.raises(CredentialRefused), second.gate.logon():
        pytest.fail("a refused password was handed out")


def test_new_password_is_taken_up_without_restart() -> None:
    """The provider is asked at every logon, and a new version has a clean record."""
    bench = Bench()
    with pytest.raises(CredentialRefused):
        bench.refuse()
    bench.secret = "second"
    bench.accept()


def test_missing_password_is_said_so() -> None:
    """Without a secret no connection is opened."""
    bench = Bench()
    bench.secret = ""
    with pytest.raises(CredentialRefused, match="credential-missing"), bench.gate.logon():
        pytest.fail("nothing to hand out")


def test_one_front_end_that_refuses_is_that_servers_fault() -> None:
    """While another front end accepts, a refusal concerns neither the account nor the other servers; people are told."""
    bench = Bench()
    bench.accept("cas1")
    with pytest.raises(Transient) as caught:
        bench.refuse("cas2")
    assert (caught.value.code, caught.value.scope) == ("front-end-refuses", Scope.MAILBOX)
    bench.accept("cas1")


def test_two_front_ends_in_a_row_speak_for_the_account() -> None:
    """When two refuse without an acceptance in between, the password has been changed."""
    bench = Bench()
    for name in ("cas1", "cas2", "cas3"):
        bench.accept(name)
    with pytest.raises(Transient):
        bench.refuse("cas1")
    with pytest.raises(CredentialRefused):
        bench.refuse("cas2")


def test_two_refusals_without_a_name_speak_for_the_account() -> None:
    """A 401 may come without X-FEServer from a front end that gave its name before; two of them are enough."""
    bench = Bench()
    bench.accept("cas1")
    with pytest.raises(Transient):
        bench.refuse("mail.example.com", named=False)
    with pytest.raises(CredentialRefused):
        bench.refuse("mail.example.com", named=False)


def test_doubt_is_settled_by_one_logon_at_a_time() -> None:
    """After a refusal nobody joins the one that is under way, so that two settle it and a new password has a try left."""
    bench = Bench()
    bench.accept("cas1")
    with bench.gate.logon() as under_way:
        with pytest.raises(Transient, match="front-end-refuses"):
            bench.refuse("mail.example.com", named=False)
        assert not bench.gate._has_room()
        under_way.accepted("cas1")
    assert bench.gate._has_room()


def test_three_refusals_in_a_row_speak_for_the_account() -> None:
    """A load balancer that leads to one front end alone doesn't keep the truth from us."""
    bench = Bench()
    bench.accept("cas1")
    bench.accept("cas2")
    for _ in range(FAILURES - 1):
        with pytest.raises(Transient):
            bench.refuse("cas1")
    with pytest.raises(CredentialRefused):
        bench.refuse("cas1")


def test_at_most_three_logons_fail_in_half_an_hour() -> None:
    """A front end that goes on refusing can't lock the account; the wait is until the oldest failure is 30 minutes old."""
    bench = Bench()
    for _ in range(FAILURES):
        bench.accept("cas1")
        with pytest.raises(Transient):
            bench.refuse("cas2")
        bench.now += 10
    with pytest.raises(Throttled) as caught, bench.gate.logon():
        pytest.fail("a fourth logon was let through")
    assert caught.value.retry_after.total_seconds() == SPAN - 30
    bench.now += SPAN
    bench.accept("cas1")


def test_never_more_unproven_logons_than_two() -> None:
    """Whatever number of threads wants to log on, two at most are between question and answer."""
    bench = Bench()
    inside, most, lock = 0, 0, threading.Lock()

    def log_on() -> None:
        nonlocal inside, most
        with bench.gate.logon() as attempt:
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.002)
            with lock:
                inside -= 1
            attempt.accepted("cas1")

    threads = [threading.Thread(target=log_on) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= UNPROVEN


def test_storm_after_a_changed_password_costs_two_bad_logons() -> None:
    """Sixteen connections that all want to log on with the old password make two bad logons, not sixteen."""
    bench = Bench()
    bench.accept("cas1")
    sent, lock = 0, threading.Lock()

    def log_on() -> None:
        nonlocal sent
        try:
            with bench.gate.logon() as attempt:
                with lock:
                    sent += 1
                threading.Event().wait(0.002)
                attempt.refused("cas1")
        except (CredentialRefused, Transient):
            return

    threads = [threading.Thread(target=log_on) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sent <= UNPROVEN


def test_logon_without_an_answer_frees_its_turn() -> None:
    """A connection that breaks during a logon neither counts as refused nor keeps the turn."""
    bench = Bench()
    for _ in range(5):
        with pytest.raises(OSError, match="reset"), bench.gate.logon():
            raise OSError("reset")
    bench.accept()


def test_fingerprint_tells_versions_apart_and_nothing_else() -> None:
    """It depends on account and secret, is stable, and is too short to confirm a guess by."""
    assert fingerprint("svc", "a") == fingerprint("SVC", "a")
    assert fingerprint("svc", "a") != fingerprint("svc", "b")
    assert len(fingerprint("svc", "a")) == 8


def over(bench: Bench, binding: bytes, *, accepted: bool) -> None:
    """A logon over a connection with this channel binding."""
    with bench.gate.logon() as attempt:
        attempt.binding = binding
        if accepted:
            attempt.accepted("cas1")
        else:
            attempt.refused("cas1")


def test_refusal_over_a_new_certificate_is_not_the_accounts() -> None:
    """A bridge with another certificate fails Extended Protection; the account goes on over the old one."""
    bench = Bench()
    over(bench, b"old", accepted=True)
    with pytest.raises(Transient) as caught:
        over(bench, b"new", accepted=False)
    assert (caught.value.code, caught.value.scope) == ("channel-binding", Scope.SERVER)
    over(bench, b"old", accepted=True)


def test_renewed_certificate_is_learnt() -> None:
    """Once somebody is accepted over it, a refusal over it is a refusal like any other."""
    bench = Bench()
    over(bench, b"old", accepted=True)
    over(bench, b"new", accepted=True)
    with pytest.raises(CredentialRefused):
        over(bench, b"new", accepted=False)


def test_three_refusals_over_a_new_certificate_are_the_accounts() -> None:
    """Certificate and password may have been changed in the same night."""
    bench = Bench()
    over(bench, b"old", accepted=True)
    for _ in range(FAILURES - 1):
        with pytest.raises(Transient, match="channel-binding"):
            over(bench, b"new", accepted=False)
    with pytest.raises(CredentialRefused):
        over(bench, b"new", accepted=False)
