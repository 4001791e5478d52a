"""Negotiate with Kerberos against a real KDC: password, keytab, channel binding, and who counts a bad logon."""

from __future__ import annotations

import importlib.util
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import CredentialRefused, Transient
from connector.source.exchange.envelope import local, m
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.transport import Call, Exchange
from tests.lab.kdc import PASSWORD, Kdc, TicketServer, installed

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(not installed(), reason="krb5-kdc and krb5-admin-server are not installed"),
    pytest.mark.skipif(
        not all(importlib.util.find_spec(one) for one in ("gssapi", "krb5")),
        reason="the extra `kerberos` (gssapi, krb5) is not installed",
    ),
]

USER = "svc-calendar@example.com"


@pytest.fixture(scope="module")
def kdc() -> Iterator[Kdc]:
    """One KDC for all."""
    with Kdc() as kdc:
        yield kdc


@pytest.fixture(autouse=True)
def realm(kdc: Kdc, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process belongs to the KDC's realm."""
    for name, value in kdc.environment.items():
        monkeypatch.setenv(name, value)


def exchange(server: TicketServer, secret: str, user: str = USER) -> Exchange:
    """The way to the server with a secret."""
    settings = ExchangeSettings(
        name="hq",
        instance="lab",
        user=user,
        password=lambda: secret,
        url=server.url,
        auth="negotiate",
        ca=server.ca,
        limits=Limits(workers=2),
    )
    return Exchange(settings, ForgetfulRefusals())


def ask(server: TicketServer, secret: str, user: str = USER) -> str:
    """Name of the answer to one request."""
    way = exchange(server, secret, user)
    try:
        return local(way.call(Call(server.url, m("GetServerTimeZones"))).response)
    finally:
        way.close()


def keytab(kdc: Kdc) -> str:
    """As it is typed into the keystore."""
    return b64encode(kdc.keytab.read_bytes()).decode()


def test_a_password_becomes_a_ticket() -> None:
    """Kerberos is chosen without being configured; the realm is the account's domain in capitals."""
    with TicketServer() as server:
        assert ask(server, PASSWORD) == "GetServerTimeZonesResponse"
    assert server.logons == ["kerberos"]


def test_a_keytab_needs_no_password(kdc: Kdc) -> None:
    """It is the account's secret, in base64, with or without line ends."""
    with TicketServer() as server:
        assert ask(server, keytab(kdc)) == "GetServerTimeZonesResponse"
        assert ask(server, "\n".join([keytab(kdc)[:60], keytab(kdc)[60:]])) == "GetServerTimeZonesResponse"
    assert server.logons == ["kerberos", "kerberos"]


def test_the_channel_binding_is_that_of_the_connection(kdc: Kdc) -> None:
    """A server that insists on another certificate, as behind a TLS bridge, refuses the ticket."""
    with TicketServer(foreign=True) as server, pytest.raises(CredentialRefused):
        ask(server, keytab(kdc))
    assert (server.logons, server.refused) == ([], 1)


def test_what_the_kdc_refuses_is_not_tried_with_ntlm() -> None:
    """A wrong password is one bad logon, not two; and it is not tried again."""
    with TicketServer() as server:
        way = exchange(server, "Wrong-Passw0rd")
        for _ in range(2):
            with pytest.raises(CredentialRefused):
                way.call(Call(server.url, m("GetServerTimeZones")))
        way.close()
    assert (server.logons, server.refused) == ([], 0)


@pytest.mark.parametrize(
    ("change", "back", "why"),
    [
        ("modprinc -allow_tix svc-calendar", "modprinc +allow_tix svc-calendar", "disabled or locked"),
        ("modprinc -pwexpire 2020-01-01 svc-calendar", "modprinc -pwexpire never svc-calendar", "expired"),
    ],
)
def test_the_kdc_says_why(kdc: Kdc, change: str, back: str, why: str) -> None:
    """Locked and expired are told apart, which NTLM's 401 never does."""
    kdc.admin(change)
    try:
        with TicketServer() as server, pytest.raises(CredentialRefused, match=why):
            ask(server, PASSWORD)
    finally:
        kdc.admin(back)


def test_a_keytab_without_a_kdc_waits(kdc: Kdc) -> None:
    """It is passing trouble: the keytab is not taken for refused."""
    kdc.stop()
    try:
        with TicketServer() as server, pytest.raises(Transient):
            ask(server, keytab(kdc))
    finally:
        kdc.start()


def test_a_keytab_needs_an_account_with_a_realm(kdc: Kdc) -> None:
    """A logon name with a backslash names none."""
    with TicketServer() as server, pytest.raises(CredentialRefused, match="name@domain"):
        ask(server, keytab(kdc), user="EXAMPLE\\svc-calendar")


def test_a_spoilt_krb5_conf_is_told_and_a_keytab_waits(
    kdc: Kdc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The administrator hears where to look; the keytab is not taken for refused."""
    spoilt = tmp_path / "krb5.conf"
    spoilt.write_text("[libdefaults\n}{")
    monkeypatch.setenv("KRB5_CONFIG", str(spoilt))
    with TicketServer() as server, pytest.raises(Transient, match=r"/etc/krb5\.conf"):
        ask(server, keytab(kdc))
