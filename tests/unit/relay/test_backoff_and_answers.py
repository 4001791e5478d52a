"""How long to wait, and what a hub's refusal means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import CredentialRefused, Superseded, Throttled, Transient, Verdict
from connector.relay import backoff, strict
from connector.relay.answers import Unacceptable, retry_after, verdict_of

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
PROBLEM = {"content-type": "application/problem+json"}


@settings(deadline=None)
@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_wait_is_anywhere_up_to_a_ceiling_that_doubles(failures: int, luck: float) -> None:
    """Full jitter between one second and the ceiling, which ends at five minutes."""
    wait = backoff.pause(Transient("timeout"), failures, luck)
    assert backoff.LEAST <= wait <= min(backoff.MOST, timedelta(seconds=2.0 ** min(failures, 30)))


def test_the_jitter_reaches_from_end_to_end() -> None:
    """Many connectors that failed together come back spread out."""
    waits = [backoff.pause(Transient("timeout"), 20, luck) for luck in (0.0, 0.5, 0.999999)]
    assert waits[0] == backoff.LEAST
    assert waits[1] == backoff.MOST / 2
    assert waits[2] > backoff.MOST * 0.99


def test_a_peer_may_ask_for_more_but_not_for_ever() -> None:
    """Retry-After is a lower bound, within an hour."""
    asked = Throttled("busy", retry_after=timedelta(minutes=20))
    assert backoff.pause(asked, 1, 0.0) == timedelta(minutes=20)
    assert backoff.pause(Throttled("busy", retry_after=timedelta(days=400)), 1, 0.0) == timedelta(hours=1)


def test_a_refused_credential_is_tried_rarely() -> None:
    """Once a minute at most."""
    assert backoff.pause(CredentialRefused("credential-refused"), 1, 0.0) == timedelta(minutes=1)


def problem(code: str) -> bytes:
    return strict.dump({"code": code, "title": code})


@pytest.mark.parametrize(
    ("status", "code", "kind", "expected"),
    [
        (401, "credential-refused", CredentialRefused, "credential-refused"),
        (403, "forbidden", CredentialRefused, "credential-refused"),
        (409, "superseded", Superseded, "superseded"),
        (409, "conflict", Transient, "bad-answer"),
        (412, "behind", Transient, "greet-again"),
        (428, "greet-first", Transient, "greet-again"),
        (429, "busy", Transient, "busy"),
        (500, "", Transient, "server-error"),
        (302, "", Transient, "bad-answer"),
        (404, "not-found", Transient, "bad-answer"),
        (407, "", Transient, "proxy-refused"),
    ],
)
def test_each_status_has_its_meaning(status: int, code: str, kind: type[Verdict], expected: str) -> None:
    """The table of docs/relay.md section 2."""
    verdict = verdict_of(status, PROBLEM, problem(code), NOW)
    assert type(verdict) is kind
    assert isinstance(verdict, Verdict)
    assert verdict.code == expected


@pytest.mark.parametrize(("status", "code"), [(400, "malformed"), (413, "too-large")])
def test_only_a_problem_document_makes_a_dead_letter(status: int, code: str) -> None:
    """A proxy's page with the same status is passing trouble."""
    assert isinstance(verdict_of(status, PROBLEM, problem(code), NOW), Unacceptable)
    for headers, body in (({}, problem(code)), ({"content-type": "text/html"}, b"<h1>400"), (PROBLEM, b"{")):
        assert type(verdict_of(status, headers, body, NOW)) is Transient


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_makes_it_throttled(status: int) -> None:
    """In seconds or as a date."""
    verdict = verdict_of(status, {"retry-after": "17"}, b"", NOW)
    assert isinstance(verdict, Throttled)
    assert verdict.retry_after == timedelta(seconds=17)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", timedelta(seconds=120)),
        ("Sat, 21 Nov 2026 09:01:00 GMT", timedelta(minutes=1)),
        ("Sat, 21 Nov 2026 08:00:00 GMT", None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("99999999", None),
        ("²", None),
    ],
)
def test_retry_after_is_read_or_left(value: str, expected: timedelta | None) -> None:
    """Nonsense is no wish."""
    assert retry_after(value, NOW) == expected


@settings(deadline=None)
@given(
    st.integers(100, 999),
    st.dictionaries(st.sampled_from(["content-type", "retry-after"]), st.text()),
    st.binary(),
)
def test_any_answer_has_a_meaning(status: int, headers: dict[str, str], body: bytes) -> None:
    """Whatever comes back, it is a verdict or a refusal of the content."""
    assert isinstance(verdict_of(status, headers, body, NOW), Verdict | Unacceptable)
