"""Which hosts Autodiscover may lead to."""

from datetime import UTC, datetime

import pytest

from connector.errors import AccessDenied, MailboxMoved
from connector.source.exchange.redirects import RememberedRedirects, Trust, under

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)


class Setting:
    """A setting of the store."""

    def __init__(self) -> None:
        self.value: str | None = None

    def read(self) -> str | None:
        return self.value

    def write(self, value: str) -> None:
        self.value = value


@pytest.fixture
def memory() -> RememberedRedirects:
    setting = Setting()
    return RememberedRedirects(setting.read, setting.write)


@pytest.mark.parametrize(
    "url",
    [
        "https://mail.partner.example/autodiscover/autodiscover.svc",
        "https://MAIL.partner.example:4443/autodiscover/autodiscover.svc",
        "https://example.com/autodiscover/autodiscover.svc",
        "https://autodiscover.example.com/autodiscover/autodiscover.xml",
    ],
)
def test_trusted_hosts_and_the_mail_domain_are_followed(memory: RememberedRedirects, url: str) -> None:
    """Hosts of the trust list (any port, any case) and hosts under the mail domain may be asked."""
    trust = Trust(frozenset({"mail.partner.example"}), memory)
    assert trust.check_url(url, "example.com", NOW) is None
    assert memory.pending() == ()


@pytest.mark.parametrize(
    "url",
    [
        "https://mail.evil.example/autodiscover/autodiscover.svc",
        "https://notexample.com/autodiscover/autodiscover.svc",
        "https://example.com.evil.example/autodiscover/autodiscover.svc",
        "http://autodiscover.example.com/autodiscover/autodiscover.xml",
        "https://user@mail.evil.example/",
    ],
)
def test_other_hosts_wait_for_an_administrator(memory: RememberedRedirects, url: str) -> None:
    """A host that is neither trusted nor under the domain, or not https, is recorded and not followed."""
    trust = Trust(frozenset(), memory)
    verdict = trust.check_url(url, "example.com", NOW)
    assert isinstance(verdict, AccessDenied)
    assert verdict.code == "redirect-not-trusted"
    assert [one.target for one in memory.pending()] == [url]


def test_an_allowed_host_is_followed_from_then_on(memory: RememberedRedirects) -> None:
    """What an administrator allowed leaves the list and is trusted."""
    trust = Trust(frozenset(), memory)
    url = "https://mail.partner.example/autodiscover/autodiscover.svc"
    trust.check_url(url, "example.com", NOW)
    assert memory.allow("Mail.Partner.example")
    assert trust.check_url(url, "example.com", NOW) is None
    assert memory.pending() == ()


def test_a_host_is_listed_once(memory: RememberedRedirects) -> None:
    """A thousand mailboxes that meet one redirect make one line."""
    trust = Trust(frozenset(), memory)
    for domain in ("example.com", "example.se"):
        trust.check_url("https://mail.partner.example/x", domain, NOW)
    assert [(one.host, one.domain, one.seen_at) for one in memory.pending()] == [
        ("mail.partner.example", "example.com", NOW)
    ]


def test_the_list_is_bounded(memory: RememberedRedirects) -> None:
    """Somebody who answers with ever new hosts can't fill the store."""
    trust = Trust(frozenset(), memory)
    for number in range(150):
        trust.check_url(f"https://h{number}.evil.example/", "example.com", NOW)
    assert len(memory.pending()) == 100


@pytest.mark.parametrize(
    "host", ["outlook.office365.com", "autodiscover-s.outlook.com", "contoso.mail.onmicrosoft.com"]
)
def test_exchange_online_means_moved(memory: RememberedRedirects, host: str) -> None:
    """A redirect to Exchange Online is never followed nor listed: the mailbox has moved there."""
    trust = Trust(frozenset({host}), memory)
    by_url = trust.check_url(f"https://{host}/autodiscover/autodiscover.svc", "example.com", NOW)
    by_address = trust.check_address(f"user@{host}", "example.com", NOW)
    for verdict in (by_url, by_address):
        assert isinstance(verdict, MailboxMoved)
        assert verdict.code == "moved-to-exchange-online"
    assert memory.pending() == ()


def test_an_address_redirect_needs_trust_too(memory: RememberedRedirects) -> None:
    """An address under the mail domain or of a trusted domain is followed, any other waits."""
    trust = Trust(frozenset({"example.se"}), memory)
    assert trust.check_address("a@mail.example.com", "example.com", NOW) is None
    assert trust.check_address("a@example.se", "example.com", NOW) is None
    assert isinstance(trust.check_address("a@evil.example", "example.com", NOW), AccessDenied)
    assert isinstance(trust.check_address("nonsense", "example.com", NOW), AccessDenied)
    assert [one.host for one in memory.pending()] == ["evil.example"]


def test_what_was_kept_is_read_by_the_next_process() -> None:
    """Pending and allowed redirects survive a restart through the store's setting."""
    setting = Setting()
    Trust(frozenset(), RememberedRedirects(setting.read, setting.write)).check_url(
        "https://a.evil.example/", "example.com", NOW
    )
    later = RememberedRedirects(setting.read, setting.write)
    later.allow("b.partner.example")
    assert [one.host for one in later.pending()] == ["a.evil.example"]
    assert later.allowed() == {"b.partner.example"}


@pytest.mark.parametrize(
    ("host", "expected"), [("a.b", True), ("x.a.b", True), ("xa.b", False), ("b", False), ("a.b.", True)]
)
def test_under_means_whole_labels(host: str, expected: bool) -> None:
    """A name is under a domain by whole labels only."""
    assert under(host, ("a.b", "")) is expected
