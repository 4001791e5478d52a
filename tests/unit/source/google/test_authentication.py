"""Tokens: in whose name, how long, with which key, and what is refused."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest

from connector.errors import AccessDenied, CredentialRefused, Verdict
from connector.reasons import REASONS
from connector.source.google import keyfile
from connector.source.google.authentication import CALENDAR, GMAIL
from connector.source.google.transport import Reply
from tests.unit.source.google.twin import Twin


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    """Two requests cost one grant; five minutes before the end a new one is made."""
    twin = Twin()
    first = twin.tokens.bearer(twin.address(1), CALENDAR)
    assert twin.tokens.bearer(twin.address(1), CALENDAR) == first
    twin.clock.advance(timedelta(minutes=56))
    assert twin.tokens.bearer(twin.address(1), CALENDAR) != first
    assert twin.lab.grants.made == 2


def test_the_scopes_are_asked_for_apart() -> None:
    """A tenant that does not allow Gmail's scope still gives calendars."""
    twin = Twin()
    twin.lab.tenant.scopes = {CALENDAR}
    assert twin.tokens.bearer(twin.address(1), CALENDAR)
    with pytest.raises(AccessDenied, match="google-not-authorized"):
        twin.tokens.bearer(twin.address(1), GMAIL)


@pytest.mark.parametrize("subject", ["user3@brand.example", "user1@other.example", "", "ceo@brand.example"])
def test_nobody_outside_the_roster_is_a_subject(subject: str) -> None:
    """Delegation opens the whole tenant; the one door refuses before Google is asked, and forgets what it held."""
    twin = Twin(users=3, enlisted=2)
    with pytest.raises(AccessDenied, match="google-not-enlisted"):
        twin.tokens.bearer(subject, CALENDAR)
    assert twin.wire.sent == []


def test_whoever_left_the_roster_has_no_token_any_more() -> None:
    """A token that is still good is not used for somebody who was let go."""
    twin = Twin()
    twin.tokens.bearer(twin.address(2), CALENDAR)
    twin.roster.discard(twin.address(2))
    with pytest.raises(AccessDenied, match="google-not-enlisted"):
        twin.tokens.bearer(twin.address(2), CALENDAR)


def test_a_further_key_takes_over_and_is_told() -> None:
    """Add, test, retire: with the first key deleted the second works, and a notice says so once."""
    twin = Twin(keys=2)
    del twin.lab.tenant.keys[json.loads(twin.keys[0])["private_key_id"]]
    twin.tokens.bearer(twin.address(1), CALENDAR)
    twin.tokens.bearer(twin.address(2), CALENDAR)
    assert [(one.code, one.by, one.over) for one in twin.notices] == [
        ("account-taken-over", "google/brand/1", False)
    ]
    twin.keys[0] = json.dumps(twin.lab.tenant.new_key())
    twin.tokens.bearer(twin.address(3), CALENDAR)
    assert [one.over for one in twin.notices] == [False, True]


def test_a_refused_token_is_renewed_once() -> None:
    """401 costs one more grant and one more request, and no third."""
    twin = Twin()
    twin.source.probe(twin.mailbox())
    twin.lab.tenant.tokens.clear()
    twin.source.probe(twin.mailbox())
    assert twin.lab.grants.made == 2
    unauthorised = Reply(401, {}, b'{"error": {"errors": [{"reason": "authError"}], "code": 401}}')
    twin.wire.next = [unauthorised]
    twin.source.probe(twin.mailbox())
    twin.lab.faults.order(kind="authError", times=2, operation="events.list")
    with pytest.raises(AccessDenied, match="google-token-refused"):
        twin.source.probe(twin.mailbox())


def test_one_users_grants_are_made_one_after_the_other() -> None:
    """Ten threads that want the same token make one grant."""
    twin = Twin()
    start = threading.Barrier(10)
    found = []

    def want() -> None:
        start.wait()
        found.append(twin.tokens.bearer(twin.address(1), CALENDAR))

    threads = [threading.Thread(target=want) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(set(found)), twin.lab.grants.made) == (1, 1)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "credential-missing"),
        ("secret", "google-key-unreadable"),
        ("[]", "google-key-unreadable"),
        ('{"type": "authorized_user"}', "google-key-unreadable"),
        ('{"type": "service_account"}', "google-key-unreadable"),
        (
            '{"type": "service_account", "client_email": "a@b", "private_key_id": "1", "private_key": "no"}',
            "google-key-unreadable",
        ),
    ],
)
def test_a_file_that_is_no_key_is_one_sentence(content: str, code: str) -> None:
    """Whatever was set as the key: a code with a sentence and a remedy, and nothing of the file in it."""
    with pytest.raises(CredentialRefused) as refused:
        keyfile.read(content)
    assert refused.value.code == code
    assert REASONS[code].remedy
    assert "secret" not in refused.value.detail


def test_a_clock_ten_minutes_off_is_told_as_such() -> None:
    """Google refuses the signature's times; no other key is tried for it."""
    twin = Twin(keys=2)
    signed_late = twin.tokens
    signed_late._clock = lambda: twin.clock() + timedelta(minutes=10)
    with pytest.raises(CredentialRefused, match="google-clock"):
        signed_late.bearer(twin.address(1), CALENDAR)
    assert len(twin.wire.sent) == 1


@pytest.mark.parametrize("state", ["no-user", "deleted-user", "restricted"])
def test_a_users_state_is_the_users(state: str) -> None:
    """One user who can't be acted for costs nobody else."""
    twin = Twin()
    twin.lab.tenant.users[twin.address(2)].state = state
    with pytest.raises(AccessDenied):
        twin.source.probe(twin.mailbox(2))
    twin.source.probe(twin.mailbox(1))


@pytest.mark.parametrize("body", [b"", b"{}", b'{"access_token": "x", "expires_in": "soon"}', b"<html>"])
def test_a_grant_without_a_token_is_not_believed(body: bytes) -> None:
    """Half an answer is a passing fault."""
    twin = Twin()
    twin.wire.next = [Reply(200, {}, body)]
    with pytest.raises(Verdict, match="bad-answer"):
        twin.tokens.bearer(twin.address(1), CALENDAR)


def test_tokens_stand_in_no_words() -> None:
    """Neither a letter nor a token shows what it carries."""
    twin = Twin()
    twin.source.probe(twin.mailbox())
    shown = repr([twin.wire.sent, twin.tokens._held, twin.settings])
    assert "ya29" not in shown
    assert "PRIVATE" not in shown
