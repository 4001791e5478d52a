"""Logons against the lab's side of NTLM, Negotiate and Basic, over real TLS."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connector.errors import CredentialRefused, Scope, Transient
from connector.source.exchange.envelope import m
from connector.source.exchange.settings import ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.transport import Call, Exchange
from tests.lab.exchange.accounts import Accounts
from tests.lab.exchange.authentication import Authenticator, ExtendedProtection, Known, Policy, Scheme
from tests.lab.exchange.certificates import Authority
from tests.lab.exchange.wire import Answer, DropConnection, Request
from tests.unit.source.exchange.front_end import HOST, XML, FrontEnd, soap

URL = f"https://{HOST}/EWS/Exchange.asmx"
USER, PASSWORD = "EXAMPLE\\svc", "Right-1"


class Site:
    """Accounts, a certificate, and answerers that log on as IIS does."""

    def __init__(self, directory: Path) -> None:
        now = datetime.now(UTC)
        self.accounts = Accounts(directory, "example.com")
        self.accounts.set_password("svc", PASSWORD)
        self.authority = Authority(directory, now)
        self.certificate = self.authority.issue([HOST], now)
        self.schemes: tuple[Scheme, ...] = (Scheme.NEGOTIATE, Scheme.NTLM, Scheme.BASIC)
        self.headers: list[tuple[str, str]] = []
        self.front_end = "CAS1"
        self.interrupt: Callable[[Request], None] = lambda _: None

    @property
    def bad_logons(self) -> int:
        """As the directory counts."""
        account = self.accounts.find("svc")
        assert account is not None
        return account.bad_logons

    def answerer(self) -> Callable[[Request], Answer]:
        """One connection's state."""
        policy = Policy(self.accounts, self.schemes, ExtendedProtection.REQUIRE, lambda: datetime.now(UTC))
        authenticator = Authenticator(policy, self.certificate.end_point)

        def answer(request: Request) -> Answer:
            self.interrupt(request)
            found = authenticator.judge(request.header("Authorization"))
            marks = [("X-FEServer", self.front_end)]
            if isinstance(found, Known):
                return Answer(200, soap(), [XML, *marks])
            offers = [("WWW-Authenticate", challenge) for challenge in found.challenges]
            return Answer(401, b"denied", [*offers, *marks, *self.headers])

        return answer


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with one account."""
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "ntlm-users"))
    return Site(tmp_path)


@pytest.fixture
def front_end(site: Site) -> Iterator[FrontEnd]:
    """Its front end."""
    with FrontEnd(per_connection=site.answerer, certificate=site.certificate) as serving:
        yield serving


def exchange(site: Site, front_end: FrontEnd, **options: Any) -> Exchange:
    """A way there."""
    given = {"auth": "ntlm", "password": lambda: PASSWORD, **options}
    settings = ExchangeSettings(
        "hq",
        "i",
        USER,
        ca=site.authority.path,
        resolve=front_end.resolve,
        limits=Limits(connect=5, silence=5),
        **given,
    )
    return Exchange(settings, ForgetfulRefusals())


def call(**options: Any) -> Call:
    """A request."""
    return Call(URL, m("GetFolder"), acting="anna@example.com", **options)


@pytest.mark.parametrize(("scheme", "legs"), [("ntlm", 3), ("negotiate", 3), ("basic", 1)])
def test_logon_satisfies_extended_protection(site: Site, front_end: FrontEnd, scheme: str, legs: int) -> None:
    """Every scheme gets in where the channel binding is demanded; NTLM and Negotiate once per connection."""
    way = exchange(site, front_end, auth=scheme)
    way.call(call())
    way.call(call())
    way.close()
    assert len(front_end.requests) == legs + 1
    assert site.bad_logons == 0


def test_handshake_keeps_every_cookie(site: Site, front_end: FrontEnd) -> None:
    """The affinity cookie survives a handshake in which a load balancer sets its own on the 401 (defect 3)."""
    site.headers = [("Set-Cookie", "lb=7; path=/; HttpOnly")]
    way = exchange(site, front_end)
    way.call(call(cookies={"X-BackEndOverrideCookie": "mbx1~1"}))
    way.close()
    assert [request.header("Cookie") for request in front_end.requests] == [
        "X-BackEndOverrideCookie=mbx1~1",
        "lb=7; X-BackEndOverrideCookie=mbx1~1",
        "lb=7; X-BackEndOverrideCookie=mbx1~1",
    ]


@pytest.mark.parametrize("scheme", ["ntlm", "negotiate", "basic"])
def test_wrong_password_costs_one_bad_logon(site: Site, front_end: FrontEnd, scheme: str) -> None:
    """It is refused once and never sent again (defect 11: a 401 is not a busy server)."""
    way = exchange(site, front_end, auth=scheme, password=lambda: "Wrong-1")
    for _ in range(5):
        with pytest.raises(CredentialRefused, match="credential-refused"):
            way.call(call())
    way.close()
    assert site.bad_logons == 1


def test_changed_password_is_taken_up(site: Site, front_end: FrontEnd) -> None:
    """After a refusal a new secret from the provider works without a restart."""
    secrets = ["Wrong-1"]
    way = exchange(site, front_end, password=lambda: secrets[-1])
    with pytest.raises(CredentialRefused):
        way.call(call())
    secrets.append(PASSWORD)
    way.call(call())
    way.close()


def test_missing_challenge_is_the_servers_fault(site: Site, front_end: FrontEnd) -> None:
    """A 401 without WWW-Authenticate says nothing about the account."""
    site.schemes = ()
    way = exchange(site, front_end)
    with pytest.raises(Transient) as caught:
        way.call(call())
    way.close()
    assert (caught.value.code, caught.value.scope) == ("no-challenge", Scope.SERVER)


def test_scheme_that_is_not_offered_is_named(site: Site, front_end: FrontEnd) -> None:
    """The administrator reads what the server offers; no secret has gone out."""
    site.schemes = (Scheme.NEGOTIATE,)
    way = exchange(site, front_end)
    with pytest.raises(Transient, match=r"auth-not-offered.*Negotiate"):
        way.call(call())
    way.close()
    assert all(not request.header("Authorization") for request in front_end.requests)


def test_basic_secrets_never_leave_without_tls(site: Site) -> None:
    """Over plain HTTP a Basic password is not sent."""
    with FrontEnd() as front_end:
        way = exchange(site, front_end, auth="basic")
        with pytest.raises(Transient, match="tls-needed"):
            way.call(Call(URL.replace("https", "http"), m("GetFolder")))
        way.close()
    assert front_end.requests == []


def test_connection_that_breaks_in_a_handshake_is_no_refusal(site: Site, front_end: FrontEnd) -> None:
    """A load balancer that hangs up between the legs does not make the password a wrong one."""
    legs = 0

    def hang_up(_: Request) -> None:
        nonlocal legs
        legs += 1
        if legs == 3:
            raise DropConnection

    site.interrupt = hang_up
    way = exchange(site, front_end)
    with pytest.raises(Transient, match="unreachable"):
        way.call(call())
    way.call(call())
    way.close()
    assert site.bad_logons == 0


def test_secret_is_in_no_repr(site: Site, front_end: FrontEnd) -> None:
    """Neither settings nor verdicts show it."""
    way = exchange(site, front_end, password=lambda: "Wrong-Secret")
    with pytest.raises(CredentialRefused) as caught:
        way.call(call())
    way.close()
    assert "Wrong-Secret" not in repr(way.settings) + str(caught.value) + repr(caught.value.__context__)
