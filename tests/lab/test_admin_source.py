"""What goes wrong with a whole calendar system: its account, its certificate. Told in words, and mended without a restart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab

NAMES = ("example.com", "autodiscover.example.com")


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Six mailboxes; the service account's password was never set."""
    with Site(mailboxes=6, exchange={"hosts": "example.com,autodiscover.example.com"}) as site:
        site.cli("secret", "delete", "--yes", "exchange/hq/a")
        site.start()
        yield site


@pytest.fixture(autouse=True)
def mended(site: Site) -> Iterator[None]:
    """Whatever a test has broken is whole again after it."""
    yield
    site.exchange.resume()
    site.exchange.new_certificate(*NAMES)
    site.cli("secret", "set", "exchange/hq/a", stdin=site.exchange.password)
    site.wait(lambda: quiet(site), "everything to be well")


def quiet(site: Site) -> bool:
    """No alarm stands and nothing is held."""
    facts = site.ask("status")
    return not facts["alarms"] and not facts["held"]


def refused(site: Site, address: str) -> str:
    """What is said to who waits for an activation that does not get on; no traceback, and not for ever."""
    done = site.try_cli("mailbox", "activate", "--wait", address)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    (sentence,) = done.stderr.splitlines()
    return sentence


def test_a_password_that_was_never_set(site: Site) -> None:
    """Nothing is tried without a password; the command that sets it is named in answer, status and alarm, and setting it is enough."""
    address = site.exchange.address(1)
    assert "calendar-connector secret set exchange/hq/a" in refused(site, address)
    assert [row["state"] for row in site.json("secret", "list") if row["name"] == "exchange/hq/a"] == [
        "missing"
    ]
    assert "exchange/hq/a is missing" in site.try_cli("config", "check").stderr
    site.wait(lambda: not quiet(site), "an alarm")
    assert [one["number"] for one in site.status()["alarms"]] == [102]
    assert site.exchange.log(operation="Logon") == []
    site.cli("secret", "set", "exchange/hq/a", stdin=site.exchange.password)
    site.wait(lambda: site.state(address) == "active", "it to go on by itself")
    site.wait(lambda: quiet(site), "the alarm to end")


def test_a_wrong_password_is_told_once_and_mended_by_typing_it(site: Site) -> None:
    """A refused password is tried once; whoever waits is told what to type, and typing it is enough."""
    address = site.exchange.address(2)
    site.cli("secret", "set", "exchange/hq/a", stdin="wrong")
    site.exchange.disconnect()  # connections that are logged on already stay good
    sentence = refused(site, address)
    assert "password is not accepted" in sentence
    assert "calendar-connector secret set exchange/hq/a" in sentence
    status = site.try_cli("status")
    assert status.returncode == 1
    assert "password" in status.stdout
    (alarm,) = site.status()["alarms"]
    assert alarm["number"] == 101
    assert "secret set exchange/hq/a" in alarm["remedy"]
    assert max(one["bad_logons"] for one in site.exchange.accounts()) < 4
    site.cli("secret", "set", "exchange/hq/a", stdin=site.exchange.password)
    site.wait(lambda: site.state(address) == "active", "it to go on by itself")
    site.wait(lambda: quiet(site), "the alarm to end")
    assert "wrong" not in [word for line in site.tail(1000).splitlines() for word in line.split('"')]


def test_an_expired_certificate(site: Site) -> None:
    """An Exchange with an expired certificate is not spoken to; whoever waits is told why, and a new certificate is enough."""
    address = site.exchange.address(3)
    site.exchange.new_certificate(*NAMES, expired=True)
    sentence = refused(site, address)
    assert "certificate has expired" in sentence
    assert "Renew the certificate" in sentence
    assert "certificate has expired" in site.try_cli("status").stdout
    site.wait(lambda: not site.ask("status")["healthy"], "status to tell it by its code", 60)
    site.exchange.new_certificate(*NAMES)
    site.cli("source", "resume", "hq")
    site.wait(lambda: site.state(address) == "active", "it to be active")
    site.wait(lambda: quiet(site), "everything to be well")


def test_a_certificate_of_another_authority(site: Site) -> None:
    """A certificate for another name is not trusted; the sentence says which key of the configuration to look at."""
    address = site.exchange.address(4)
    site.exchange.new_certificate("other.example")
    sentence = refused(site, address)
    assert "not trusted" in sentence
    assert "`ca:`" in sentence
    site.exchange.new_certificate(*NAMES)
    site.cli("source", "resume", "hq")
    site.wait(lambda: site.state(address) == "active", "it to be active")


def test_a_server_that_is_away(site: Site) -> None:
    """Where nobody answers, whoever waits is told that, and that it goes on by itself; which it does."""
    address = site.exchange.address(5)
    site.exchange.pause()
    sentence = refused(site, address)
    assert "can't be reached" in sentence
    assert "goes on by itself" in sentence
    site.exchange.resume()
    site.cli("source", "resume", "hq")
    site.wait(lambda: site.state(address) == "active", "it to be active")
