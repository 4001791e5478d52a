"""Where mailboxes live: candidates, batches, redirects, caches."""

from collections.abc import Callable, Mapping

import pytest
from lxml import etree

from connector.errors import AccessDenied, CredentialRefused, MailboxMoved, Scope, Transient, Verdict
from connector.model import Identity, Location
from connector.source.exchange.account import Ages, Directory
from connector.source.exchange.redirects import RememberedRedirects, Trust
from connector.source.exchange.settings import ExchangeSettings
from connector.source.exchange.transport import Letter, Reply
from tests.unit.source.exchange.fake_exchange import BRANCH, MovingClock, mailbox
from tests.unit.source.exchange.test_autodiscover import envelope, user
from tests.unit.source.exchange.test_pox import account

EWS = "https://mail.example.com/EWS/Exchange.asmx"
SOAP = "https://autodiscover.example.com/autodiscover/autodiscover.svc"
POX = "https://autodiscover.example.com/autodiscover/autodiscover.xml"
PLAIN = "http://autodiscover.example.com/autodiscover/autodiscover.xml"
OTHER = "https://exchange.example.com/autodiscover/autodiscover.svc"
AWAY = Transient("unreachable", "refused", scope=Scope.SERVER)

Handler = Callable[[Letter], Reply]


def reply(body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, headers or {}, body, {}, "")


def settings_of(address: str) -> str:
    name = address.partition("@")[0]
    return user(
        ExternalEwsUrl=EWS,
        GroupingInformation="G1",
        AutoDiscoverSMTPAddress=address,
        UserDN=f"/o=X/cn={name}",
    )


def soap(**answers: str) -> Handler:
    """A SOAP endpoint: honest settings unless an address has an answer of its own (by its local part)."""

    def handle(letter: Letter) -> Reply:
        users = [one.text or "" for one in etree.fromstring(letter.body).iter("{*}Mailbox")]
        return reply(envelope(*(answers.get(one.partition("@")[0]) or settings_of(one) for one in users)))

    return handle


def pox(letter: Letter) -> Reply:
    """A POX endpoint."""
    address = next(one.text for one in etree.fromstring(letter.body).iter("{*}EMailAddress"))
    return reply(
        account(
            f"<User><AutoDiscoverSMTPAddress>{address}</AutoDiscoverSMTPAddress></User><Account><Action>settings</Action>"
            f"<Protocol><Type>EXPR</Type><EwsUrl>{EWS}</EwsUrl></Protocol></Account>"
        )
    )


class Web:
    """Hosts by URL; what is not there can't be reached."""

    def __init__(self) -> None:
        self.pages: dict[str, Handler | Reply | Verdict] = {}
        self.letters: list[Letter] = []

    def send(self, letter: Letter) -> Reply:
        self.letters.append(letter)
        page = self.pages.get(letter.url, AWAY)
        if isinstance(page, Verdict):
            raise page
        return page if isinstance(page, Reply) else page(letter)

    @property
    def urls(self) -> list[str]:
        return [letter.url for letter in self.letters]


class Rig:
    """A directory on a web of the test's making."""

    def __init__(
        self, trust: tuple[str, ...] = (), services: tuple[str, ...] = (), url: str | None = None
    ) -> None:
        self.web = Web()
        self.clock = MovingClock()
        self.setting: str | None = None
        self.redirects = RememberedRedirects(lambda: self.setting, self._write)
        self.directory = Directory(
            ExchangeSettings("hq", "cal-01", "svc", lambda: "secret", url=url, trust=trust),
            self.web,
            Trust(frozenset(trust), self.redirects),
            self.clock.now,
            lambda name: services if name == "_autodiscover._tcp.example.com" else (),
            Ages(),
            self.clock.monotonic,
        )

    def _write(self, value: str) -> None:
        self.setting = value

    def one(self, address: str = "anna@example.com") -> Identity | Verdict:
        return self.directory.locate([address])[address]


def code(found: Identity | Verdict) -> tuple[type, str]:
    assert isinstance(found, Verdict)
    return type(found), found.code


def test_a_fixed_url_needs_no_network() -> None:
    """With `url:` every address lives there, in one group."""
    rig = Rig(url=EWS)
    assert rig.one("Anna@Example.com") == Identity("anna@example.com", "", Location(EWS, EWS))
    assert rig.web.urls == []


def test_settings_become_an_identity() -> None:
    """Primary address, stable id, endpoint, and the group of URL and GroupingInformation."""
    rig = Rig()
    rig.web.pages[SOAP] = soap()
    assert rig.one("Anna@example.com") == Identity(
        "anna@example.com", "/o=x/cn=anna", Location(EWS, f"G1 {EWS}")
    )


def test_the_places_are_asked_in_microsoft_s_order() -> None:
    """Mail domain, its autodiscover host, the plain redirect, the SRV record."""
    rig = Rig(trust=("exchange.example.net",), services=("exchange.example.net",))
    rig.web.pages["https://exchange.example.net/autodiscover/autodiscover.svc"] = soap()
    assert isinstance(rig.one(), Identity)
    assert rig.web.urls == [
        "https://example.com/autodiscover/autodiscover.svc",
        SOAP,
        PLAIN,
        "https://exchange.example.net/autodiscover/autodiscover.svc",
    ]


def test_no_credentials_go_out_in_clear() -> None:
    """The plain HTTP question is the only one without TLS, and it is not authenticated."""
    rig = Rig()
    rig.one()
    assert [(letter.url, letter.method) for letter in rig.web.letters if not letter.authenticated] == [
        (PLAIN, "GET")
    ]
    assert all(letter.url.startswith("https://") for letter in rig.web.letters if letter.authenticated)


def test_a_plain_redirect_leads_to_its_host() -> None:
    """A redirect to a host under the mail domain is followed, its SOAP service first."""
    rig = Rig()
    rig.web.pages[PLAIN] = reply(
        status=302, headers={"Location": "https://exchange.example.com/autodiscover/autodiscover.xml"}
    )
    rig.web.pages[OTHER] = soap()
    assert isinstance(rig.one(), Identity)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://mail.evil.example/autodiscover/autodiscover.xml", (AccessDenied, "redirect-not-trusted")),
        ("http://exchange.example.com/autodiscover/autodiscover.xml", (AccessDenied, "redirect-not-trusted")),
        ("https://outlook.office365.com/autodiscover.xml", (MailboxMoved, "moved-to-exchange-online")),
    ],
)
def test_a_plain_redirect_elsewhere_is_not_followed(target: str, expected: tuple[type, str]) -> None:
    """An unauthenticated redirect to a foreign host is listed for the administrator and nothing is sent there."""
    rig = Rig()
    rig.web.pages[PLAIN] = reply(status=302, headers={"Location": target})
    assert code(rig.one()) == expected
    assert not any(url.startswith(target.rpartition("/autodiscover/")[0] or target) for url in rig.web.urls)


def test_pox_answers_where_soap_is_not_served() -> None:
    """A host that has no .svc is asked the older way, address by address."""
    rig = Rig()
    rig.web.pages[SOAP] = reply(b"<html>404</html>", status=404)
    rig.web.pages[POX] = pox
    found = rig.directory.locate(["anna@example.com", "bert@example.com"])
    assert [one.address for one in found.values() if isinstance(one, Identity)] == [
        "anna@example.com",
        "bert@example.com",
    ]
    assert rig.web.urls.count(POX) == 2


def test_a_hundred_addresses_share_a_request() -> None:
    """250 addresses of one domain are three requests once the place is known, and each gets its own answer."""
    rig = Rig()
    rig.web.pages[SOAP] = soap()
    addresses = [f"user{number}@example.com" for number in range(250)]
    found = rig.directory.locate(addresses)
    assert [found[address] for address in addresses] == [
        Identity(address, f"/o=x/cn={address.partition('@')[0]}", Location(EWS, f"G1 {EWS}"))
        for address in addresses
    ]
    assert rig.web.urls.count(SOAP) == 3


def test_each_address_has_its_own_fate() -> None:
    """Unknown, busy and nonsense addresses leave the others alone."""
    rig = Rig()
    rig.web.pages[SOAP] = soap(nobody=user("InvalidUser"), busy=user("ServerBusy"))
    found = rig.directory.locate(["anna@example.com", "nobody@example.com", "busy@example.com", "nonsense"])
    assert isinstance(found["anna@example.com"], Identity)
    assert code(found["nobody@example.com"]) == (AccessDenied, "address-unknown")
    assert code(found["busy@example.com"]) == (Transient, "busy")
    assert code(found["nonsense"]) == (AccessDenied, "address-unknown")


def test_a_trusted_redirect_of_one_user_is_followed() -> None:
    """RedirectUrl of one user leads to another server for that user alone."""
    rig = Rig()
    rig.web.pages[SOAP] = soap(bert=user("RedirectUrl", OTHER))
    rig.web.pages[OTHER] = soap()
    found = rig.directory.locate(["anna@example.com", "bert@example.com"])
    assert all(isinstance(one, Identity) for one in found.values())


def test_a_redirected_address_keeps_its_name_in_the_answer() -> None:
    """RedirectAddress is followed to a trusted domain; the caller finds the result under what it asked for."""
    rig = Rig(trust=("example.se",))
    rig.web.pages[SOAP] = soap(anna=user("RedirectAddress", "anna@example.se"))
    rig.web.pages["https://example.se/autodiscover/autodiscover.svc"] = soap()
    found = rig.one()
    assert isinstance(found, Identity)
    assert found.address == "anna@example.se"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (user("RedirectUrl", "https://mail.evil.example/a.svc"), (AccessDenied, "redirect-not-trusted")),
        (user("RedirectAddress", "anna@evil.example"), (AccessDenied, "redirect-not-trusted")),
        (
            user("RedirectUrl", "https://autodiscover-s.outlook.com/a.svc"),
            (MailboxMoved, "moved-to-exchange-online"),
        ),
        (
            user("RedirectAddress", "anna@contoso.mail.onmicrosoft.com"),
            (MailboxMoved, "moved-to-exchange-online"),
        ),
        (
            user(ExternalEwsUrl="https://outlook.office365.com/EWS/Exchange.asmx"),
            (MailboxMoved, "moved-to-exchange-online"),
        ),
    ],
)
def test_redirects_elsewhere_are_not_followed(answer: str, expected: tuple[type, str]) -> None:
    """Foreign hosts and domains wait for an administrator; Exchange Online means that the mailbox has moved."""
    rig = Rig()
    rig.web.pages[SOAP] = soap(anna=answer)
    found = rig.directory.locate(["anna@example.com", "bert@example.com"])
    assert code(found["anna@example.com"]) == expected
    assert isinstance(found["bert@example.com"], Identity)
    assert all("example.com" in url for url in rig.web.urls)
    listed = [one.domain for one in rig.redirects.pending()]
    assert listed == (["example.com"] if expected[0] is AccessDenied else [])


def test_an_allowed_redirect_is_followed_the_next_time() -> None:
    """After the administrator's word the same question succeeds."""
    rig = Rig()
    rig.web.pages[SOAP] = soap(anna=user("RedirectUrl", "https://mail.partner.example/a.svc"))
    rig.web.pages["https://mail.partner.example/a.svc"] = soap()
    rig.one()
    rig.redirects.allow("mail.partner.example")
    assert isinstance(rig.one(), Identity)


def test_an_http_redirect_of_the_service_is_a_redirect() -> None:
    """302 to another host is checked like a redirect inside the answer."""
    rig = Rig()
    rig.web.pages[SOAP] = reply(status=302, headers={"Location": OTHER})
    rig.web.pages[OTHER] = soap()
    assert isinstance(rig.one(), Identity)


def test_circles_end() -> None:
    """Two servers that send each other the question are noticed."""
    rig = Rig()
    rig.web.pages[SOAP] = soap(anna=user("RedirectUrl", OTHER))
    rig.web.pages[OTHER] = soap(anna=user("RedirectUrl", SOAP))
    assert code(rig.one()) == (Transient, "bad-answer")
    assert len(rig.web.letters) < 8


def test_redirects_without_end_are_given_up() -> None:
    """More than ten redirects are too many, even if each leads to a new place."""
    rig = Rig()
    for number in range(20):
        page = f"https://h{number}.example.com/autodiscover/autodiscover.svc"
        target = f"https://h{number + 1}.example.com/autodiscover/autodiscover.svc"
        rig.web.pages[page] = soap(anna=user("RedirectUrl", target))
    rig.web.pages[SOAP] = soap(
        anna=user("RedirectUrl", "https://h0.example.com/autodiscover/autodiscover.svc")
    )
    assert code(rig.one()) == (Transient, "bad-answer")


def test_a_refused_account_is_not_tried_at_the_next_place() -> None:
    """After a refused logon no further candidate is asked: accounts get locked."""
    rig = Rig()
    rig.web.pages["https://example.com/autodiscover/autodiscover.svc"] = CredentialRefused(
        "credential-refused"
    )
    rig.web.pages[SOAP] = soap()
    assert code(rig.one()) == (CredentialRefused, "credential-refused")
    assert len(rig.web.letters) == 1


def test_what_worked_is_asked_first() -> None:
    """The place that answered is used for a day, then looked for anew."""
    rig = Rig()
    rig.web.pages[SOAP] = soap()
    rig.one()
    rig.web.letters.clear()
    rig.one()
    assert rig.web.urls == [SOAP]
    rig.clock.seconds += 86_400
    rig.one()
    assert rig.web.urls[1:] == ["https://example.com/autodiscover/autodiscover.svc", SOAP]


def test_a_place_that_fails_is_looked_for_anew_after_an_hour() -> None:
    """A young place that fails is a passing fault; an old one is searched for again, and found elsewhere."""
    rig = Rig()
    rig.web.pages[SOAP] = soap()
    rig.one()
    rig.web.pages[SOAP] = AWAY
    rig.web.pages["https://example.com/autodiscover/autodiscover.svc"] = soap()
    assert code(rig.one()) == (Transient, "unreachable")
    rig.clock.seconds += 3601
    assert isinstance(rig.one(), Identity)


def test_nobody_answers() -> None:
    """When no place can be reached the addresses wait."""
    assert code(Rig().one()) == (Transient, "unreachable")


def test_the_endpoint_of_a_mailbox() -> None:
    """The fixed address comes first, then the mailbox's own location; only then Autodiscover is asked, once an hour."""
    assert Rig(url=EWS).directory.endpoint(mailbox("anna", BRANCH)) == EWS
    rig = Rig()
    assert rig.directory.endpoint(mailbox("anna", BRANCH)) == BRANCH.endpoint
    assert rig.web.urls == []
    rig.web.pages[SOAP] = soap()
    for _ in range(3):
        assert rig.directory.endpoint(mailbox("anna", None)) == EWS
    assert rig.web.urls.count(SOAP) == 1
    rig.clock.seconds += 3601
    rig.directory.endpoint(mailbox("anna", None))
    assert rig.web.urls.count(SOAP) == 2


def test_a_mailbox_that_nobody_knows_has_no_endpoint() -> None:
    """What Autodiscover says against an address is raised."""
    rig = Rig()
    rig.web.pages[SOAP] = soap(anna=user("InvalidUser"))
    with pytest.raises(AccessDenied, match="address-unknown"):
        rig.directory.endpoint(mailbox("anna", None))
