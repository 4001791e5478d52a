"""Logon as IIS in front of Exchange does it."""

import base64
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import spnego
from spnego.channel_bindings import GssChannelBindings

from tests.lab.exchange.accounts import Accounts
from tests.lab.exchange.authentication import (
    Authenticator,
    ExtendedProtection,
    Known,
    Policy,
    Scheme,
    Unknown,
)

END_POINT = b"tls-server-end-point:" + bytes(range(32))
OTHER = b"tls-server-end-point:" + bytes(32)
NOW = datetime(2026, 11, 21, tzinfo=UTC)

Make = Callable[..., Authenticator]


@pytest.fixture
def accounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Accounts:
    """One account, `svc` with the password `right`."""
    monkeypatch.setenv("NTLM_USER_FILE", "")
    accounts = Accounts(tmp_path, "example.com")
    accounts.set_password("svc", "right")
    return accounts


def connection(accounts: Accounts, protection: ExtendedProtection = ExtendedProtection.NONE) -> Authenticator:
    return Authenticator(Policy(accounts, tuple(Scheme), protection, lambda: NOW), END_POINT)


def shake(
    authenticator: Authenticator,
    password: str = "right",
    *,
    user: str = "EXAMPLE\\svc",
    scheme: Scheme = Scheme.NTLM,
    binding: bytes | None = None,
) -> Known | Unknown:
    """The whole handshake of a client."""
    bindings = GssChannelBindings(application_data=binding) if binding is not None else None
    own = spnego.NegotiateOptions
    client = spnego.client(
        user,
        password,
        protocol=scheme.lower(),
        channel_bindings=bindings,
        options=own.use_ntlm if scheme is Scheme.NTLM else own.use_negotiate,
    )
    token = client.step() or b""
    for _ in range(4):
        verdict = authenticator.judge(f"{scheme} {base64.b64encode(token).decode()}")
        if isinstance(verdict, Known) or verdict.reason != "challenge":
            return verdict
        token = client.step(base64.b64decode(verdict.challenges[0].partition(" ")[2])) or b""
    raise AssertionError("the handshake does not end")


@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
@pytest.mark.parametrize("user", ["EXAMPLE\\svc", "svc@example.com", "example.com\\SVC"])
def test_the_handshake_makes_the_connection_known(accounts: Accounts, scheme: Scheme, user: str) -> None:
    """NTLM and Negotiate authenticate the connection: later requests need no header."""
    authenticator = connection(accounts)
    assert isinstance(shake(authenticator, user=user, scheme=scheme), Known)
    assert authenticator.judge("") == Known("svc")


def test_no_header_gets_every_offer(accounts: Accounts) -> None:
    """A 401 lists all schemes in order."""
    verdict = connection(accounts).judge("")
    assert isinstance(verdict, Unknown)
    assert verdict.challenges == ["NTLM", "Negotiate", 'Basic realm="exchange"']


def test_a_scheme_not_offered_is_refused(accounts: Accounts) -> None:
    """Basic gets 401 where only NTLM is offered."""
    policy = Policy(accounts, (Scheme.NTLM,), ExtendedProtection.NONE, lambda: NOW)
    credentials = base64.b64encode(b"svc:right").decode()
    verdict = Authenticator(policy, END_POINT).judge(f"Basic {credentials}")
    assert isinstance(verdict, Unknown)
    assert verdict.challenges == ["NTLM"]


@pytest.mark.parametrize("user", ["EXAMPLE\\svc", "svc@example.com", "svc"])
def test_basic_knows_the_request(accounts: Accounts, user: str) -> None:
    """Basic authenticates one request and leaves the connection unknown."""
    authenticator = connection(accounts)
    assert authenticator.judge(f"Basic {base64.b64encode(f'{user}:right'.encode()).decode()}") == Known("svc")
    assert isinstance(authenticator.judge(""), Unknown)


@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
def test_bad_logons_are_counted_and_lock(accounts: Accounts, scheme: Scheme) -> None:
    """The fifth wrong password locks the account; then the right one is refused too."""
    for number in range(5):
        assert accounts.report()[0]["locked"] is False
        assert isinstance(shake(connection(accounts), "wrong", scheme=scheme), Unknown)
        assert accounts.report()[0]["bad_logons"] == number + 1
    assert accounts.report()[0]["locked"] is True
    refused = shake(connection(accounts), scheme=scheme)
    assert isinstance(refused, Unknown)
    assert "locked" in refused.reason


def test_a_good_logon_forgets_the_bad_ones(accounts: Accounts) -> None:
    """Only bad logons in a row lock."""
    for _ in range(4):
        shake(connection(accounts), "wrong")
    assert isinstance(shake(connection(accounts)), Known)
    assert accounts.report()[0] == {"name": "svc", "bad_logons": 0, "locked": False, "refused": 4}


def test_a_changed_password_is_needed_at_once(accounts: Accounts) -> None:
    """A new connection with the old password is a bad logon; a connection logged on before lives on."""
    old = connection(accounts)
    shake(old)
    accounts.set_password("svc", "new")
    assert isinstance(shake(connection(accounts)), Unknown)
    assert isinstance(shake(connection(accounts), "new"), Known)
    assert old.judge("") == Known("svc")


@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
def test_a_password_may_hold_anything(accounts: Accounts, scheme: Scheme) -> None:
    """Colons, blanks and letters of any language are no separators."""
    accounts.set_password("svc", "a:b c:wörd€")
    assert isinstance(shake(connection(accounts), "a:b c:wörd€", scheme=scheme), Known)
    basic = base64.b64encode("svc:a:b c:wörd€".encode()).decode()
    assert isinstance(connection(accounts).judge(f"Basic {basic}"), Known)


def test_nobody_is_not_counted(accounts: Accounts) -> None:
    """A logon under an unknown name harms no account."""
    assert isinstance(shake(connection(accounts), user="EXAMPLE\\ghost"), Unknown)
    assert accounts.report()[0]["bad_logons"] == 0


@pytest.mark.parametrize(
    ("protection", "binding", "known"),
    [
        (ExtendedProtection.NONE, None, True),
        (ExtendedProtection.NONE, OTHER, True),
        (ExtendedProtection.ALLOW, None, True),
        (ExtendedProtection.ALLOW, END_POINT, True),
        (ExtendedProtection.ALLOW, OTHER, False),
        (ExtendedProtection.REQUIRE, None, False),
        (ExtendedProtection.REQUIRE, END_POINT, True),
        (ExtendedProtection.REQUIRE, OTHER, False),
    ],
)
@pytest.mark.parametrize("scheme", [Scheme.NTLM, Scheme.NEGOTIATE])
def test_extended_protection(
    accounts: Accounts, scheme: Scheme, protection: ExtendedProtection, binding: bytes | None, known: bool
) -> None:
    """A missing or foreign channel binding is refused as the policy says, and is no bad logon."""
    verdict = shake(connection(accounts, protection), scheme=scheme, binding=binding)
    assert isinstance(verdict, Known) is known
    assert accounts.report()[0]["bad_logons"] == 0


@pytest.mark.parametrize(
    "header",
    ["NTLM", "NTLM ###", "NTLM TlRMTVNTUAA=", "Negotiate YGA=", "Basic ", "Basic Og==", "Digest x=y"],
)
def test_nonsense_is_refused(accounts: Accounts, header: str) -> None:
    """No header makes the authenticator fail."""
    assert isinstance(connection(accounts).judge(header), Unknown)
