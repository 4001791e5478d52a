"""Two service accounts and several front ends: who logs on, who takes over, and whose fault it is."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connector.errors import CredentialRefused, Scope, Transient
from connector.source.base import Notice
from connector.source.exchange.envelope import m
from connector.source.exchange.settings import Account, ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.transport import Call, Exchange
from tests.lab.exchange.authentication import Scheme
from tests.lab.exchange.wire import Answer, Request
from tests.unit.source.exchange.front_end import HOST, FrontEnd
from tests.unit.source.exchange.test_authentication import PASSWORD, Site

URL = f"https://{HOST}/EWS/Exchange.asmx"
FIRST, SECOND = "EXAMPLE\\svc", "EXAMPLE\\stand-in"


class Desk:
    """A way to the site with two accounts; passwords and notices are the test's."""

    def __init__(self, site: Site, front_end: FrontEnd, auth: str = "ntlm") -> None:
        self.site = site
        self.front_end = front_end
        self.auth = auth
        self.first, self.second = "Wrong-1", PASSWORD
        self.refusals = ForgetfulRefusals()
        self.told: list[Notice] = []
        self.way = self.start()

    def start(self) -> Exchange:
        """As after a restart: what was refused is remembered."""
        settings = ExchangeSettings(
            "hq",
            "i",
            FIRST,
            password=lambda: self.first,
            auth=self.auth,  # type: ignore[arg-type]
            ca=self.site.authority.path,
            resolve=self.front_end.resolve,
            limits=Limits(connect=5, silence=5),
            others=(Account(SECOND, lambda: self.second),),
        )
        self.way = Exchange(settings, self.refusals, tell=self.told.append)
        return self.way

    def ask(self, *, afresh: bool = False) -> None:
        """One request, on a new connection if wanted."""
        if afresh:
            self.way.close()
        self.way.call(Call(URL, m("GetFolder"), acting="anna@example.com"))

    def bad_logons(self, name: str) -> int:
        """As the directory counts."""
        account = self.site.accounts.find(name)
        assert account is not None
        return account.bad_logons


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    """A site with two accounts of one password."""
    monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "ntlm-users"))
    made = Site(tmp_path)
    made.accounts.set_password("stand-in", PASSWORD)
    return made


@pytest.fixture
def front_end(site: Site) -> Iterator[FrontEnd]:
    """Its front end."""
    with FrontEnd(per_connection=site.answerer, certificate=site.certificate) as serving:
        yield serving


@pytest.mark.parametrize("auth", ["ntlm", "negotiate", "basic"])
def test_second_account_takes_over_in_the_same_request(site: Site, front_end: FrontEnd, auth: str) -> None:
    """The refused account costs one bad logon for ever, the request succeeds as the other, and people are told once."""
    desk = Desk(site, front_end, auth)
    for _ in range(4):
        desk.ask(afresh=True)
    desk.way.close()
    assert (desk.bad_logons("svc"), desk.bad_logons("stand-in")) == (1, 0)
    assert desk.told == [Notice("account-taken-over", FIRST, by=SECOND)]


def test_takeover_survives_a_restart(site: Site, front_end: FrontEnd) -> None:
    """A remembered refusal is not tried again; the stand-in is told of anew."""
    desk = Desk(site, front_end)
    desk.ask()
    desk.way.close()
    desk.told.clear()
    desk.start()
    desk.ask()
    desk.way.close()
    assert desk.bad_logons("svc") == 1
    assert desk.told == [Notice("account-taken-over", FIRST, by=SECOND)]


def test_new_password_puts_the_first_account_back_in_force(site: Site, front_end: FrontEnd) -> None:
    """Typed anew it is tried at the next logon, and the notice is taken back."""
    desk = Desk(site, front_end)
    desk.ask()
    desk.first = PASSWORD
    desk.ask(afresh=True)
    desk.way.close()
    assert desk.told[-1] == Notice("account-taken-over", FIRST, by=FIRST, over=True)


def test_two_refused_accounts_are_one_refusal(site: Site, front_end: FrontEnd) -> None:
    """Each costs one bad logon; what is told is the refusal of the one in force."""
    desk = Desk(site, front_end)
    desk.second = "Wrong-2"
    for _ in range(3):
        with pytest.raises(CredentialRefused) as caught:
            desk.ask(afresh=True)
        assert FIRST in caught.value.detail
    desk.way.close()
    assert (desk.bad_logons("svc"), desk.bad_logons("stand-in")) == (1, 1)
    assert desk.told == []


def test_missing_password_of_the_stand_in_is_not_the_news(site: Site, front_end: FrontEnd) -> None:
    """When the other account has no password yet, the refusal of the first is what is told."""
    desk = Desk(site, front_end)
    desk.second = ""
    with pytest.raises(CredentialRefused, match="credential-refused"):
        desk.ask()
    desk.way.close()


class Farm:
    """Front ends behind one address: each connection goes to the next of ``names``; ``broken`` ones refuse everybody."""

    def __init__(
        self, site: Site, *names: str, broken: str, schemes: tuple[Scheme, ...] | None = None
    ) -> None:
        self._site = site
        self._names = iter(names)
        self._broken = broken
        self._schemes = schemes
        self.secrets: list[str] = []

    def answerer(self) -> Callable[[Request], Answer]:
        """One connection, at one front end to its end."""
        name = next(self._names)
        honest = self._site.answerer()

        def answer(request: Request) -> Answer:
            if request.header("Authorization"):
                self.secrets.append(name)
            found = honest(request)
            if name == self._broken and (found.status == 200 or self._schemes == ()):
                offers = [] if self._schemes == () else [("WWW-Authenticate", "NTLM")]
                found = Answer(401, b"denied", offers)
            found.headers = [(key, value) for key, value in found.headers if key != "X-FEServer"]
            found.headers.append(("X-FEServer", name))
            return found

        return answer


def test_front_end_that_differs_is_told_of_and_left_alone(site: Site) -> None:
    """It refused what another accepted: no account is given up, and its next connections carry no secret."""
    farm = Farm(site, "CAS1", "CAS2", "CAS1", "CAS2", "CAS1", "CAS2", "CAS1", broken="CAS2")
    with FrontEnd(per_connection=farm.answerer, certificate=site.certificate) as front_end:
        desk = Desk(site, front_end)
        desk.first = PASSWORD
        desk.ask()
        with pytest.raises(Transient) as caught:
            desk.ask(afresh=True)
        assert (caught.value.code, caught.value.scope) == ("front-end-refuses", Scope.MAILBOX)
        desk.ask(afresh=True)
        tried = farm.secrets.count("CAS2")
        for _ in range(2):
            desk.ask(afresh=True)
        desk.way.close()
    assert farm.secrets.count("CAS2") == tried
    assert desk.told == [Notice("front-end-refuses", "CAS2")]


def test_front_end_without_a_challenge_concerns_itself(site: Site) -> None:
    """While others accept, a 401 without WWW-Authenticate holds nobody else back."""
    farm = Farm(site, "CAS1", "CAS2", broken="CAS2", schemes=())
    with FrontEnd(per_connection=farm.answerer, certificate=site.certificate) as front_end:
        desk = Desk(site, front_end)
        desk.first = PASSWORD
        desk.ask()
        with pytest.raises(Transient) as caught:
            desk.ask(afresh=True)
        desk.way.close()
    assert (caught.value.code, caught.value.scope) == ("no-challenge", Scope.MAILBOX)
