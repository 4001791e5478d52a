"""The doctor against set-ups broken on purpose: through the real command, each fault is named, and with the line that mends it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.lab.practice import Practice, other_lab, wrong_clock
from tests.lab.site import INSTANCE, Site

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    """Five mailboxes, four of them activated; the daemon is stopped again."""
    with Site(mailboxes=5, exchange={"hosts": "example.com"}) as site:
        site.start()
        site.activate(*(site.exchange.address(number) for number in range(1, 5)))
        site.stop()
        yield Practice(site, tmp_path_factory.mktemp("names"))


# --- all is well


def test_a_sound_set_up_passes_every_check_and_is_given_back_as_it_was(practice: Practice) -> None:
    """Exit code 0, no subscription left behind, nobody else's mailbox opened."""
    before = practice.lab.subscriptions()
    report = practice.doctor()
    assert report.faults == set()
    assert report.code == 0
    assert report.passes >= {
        "route",
        "certificate",
        "authentication",
        "version",
        "autodiscover",
        "impersonation",
        "throttling",
        "calendar",
        "streaming",
        "hub",
        "clock",
    }
    assert practice.lab.subscriptions() == before
    assert practice.lab.log(address=practice.lab.address(5)) == []


def test_a_mailbox_that_is_not_activated_is_not_opened(practice: Practice) -> None:
    """The doctor says how to activate it instead."""
    stranger = practice.lab.address(5)
    report = practice.doctor(stranger)
    assert (report.code, report.faults) == (1, {("mailbox", "not-activated")})
    assert f"calendar-connector mailbox activate {stranger}" in report.pasted()
    assert [one["operation"] for one in practice.lab.log(address=stranger)] == []


def test_extended_protection_that_is_demanded_is_met(practice: Practice) -> None:
    """NTLM with channel binding passes where Exchange insists on it."""
    with other_lab(practice, extended_protection="require"):
        report = practice.doctor()
    assert report.of("authentication")["mark"] == "pass"


def test_firewall_lists_what_has_to_be_open_without_connecting(practice: Practice) -> None:
    """Hosts and ports of the configuration, and those Autodiscover told."""
    begun = len(practice.lab.log())
    rows = practice.site.json("doctor", "--firewall")
    assert {
        "to": "autodiscover.example.com",
        "port": "tcp/443",
        "purpose": "Autodiscover of example.com",
    } in rows
    assert f"tcp/{practice.lab.port}" in {row["port"] for row in rows}
    assert f"tcp/{practice.site.hub.port}" in {row["port"] for row in rows}
    assert len(practice.lab.log()) == begun


def test_a_source_that_is_not_configured_is_wrong_usage(practice: Practice) -> None:
    """Exit code 2, as for every command."""
    done = practice.site.try_cli("doctor", "--source", "nowhere")
    assert done.returncode == 2
    assert "hq" in done.stderr


# --- broken on purpose


@dataclass(frozen=True)
class Broken:
    """A set-up: how it is broken, whom the doctor is asked about, what it has to say, and a line it has to offer."""

    how: Callable[[Practice], AbstractContextManager[None]]
    faults: set[tuple[str, str]]
    line: str
    about: tuple[int, ...] = ()


def edited(
    name: str, number: int, undo: str = "", **facts: Any
) -> Callable[[Practice], AbstractContextManager[None]]:
    """An administrator changed a mailbox."""

    def broken(practice: Practice) -> AbstractContextManager[None]:
        address = practice.lab.address(number)
        return practice.undone(
            lambda: practice.lab.edit(name, mailbox=address, **facts),
            lambda: practice.lab.edit("set_state", mailbox=address, state="active"),
        )

    return broken


BROKEN = {
    "a name that DNS does not know": Broken(
        lambda p: p.url("https://mail.nowhere.example/EWS/Exchange.asmx"),
        {("route", "name-unknown")},
        "Get-WebServicesVirtualDirectory",
    ),
    "a port that is closed": Broken(
        lambda p: p.undone(p.lab.pause, p.lab.resume),
        {("route", "port-closed")},
        "Test-NetConnection example.com -Port 443",
    ),
    "an address that is not that of the web services": Broken(
        lambda p: p.url(p.lab.url.replace("Exchange.asmx", "nothing.asmx")),
        {("version", "server-error")},
        "Get-ServerComponentState",
    ),
    "a CA that is not trusted": Broken(
        lambda p: p.configured((str(p.lab.ca), str(p.site.hub.ca))),
        {("certificate", "tls-untrusted")},
        "Get-ExchangeCertificate -Thumbprint",
    ),
    "a certificate that has expired": Broken(
        lambda p: p.undone(
            lambda: p.lab.new_certificate("example.com", expired=True),
            lambda: p.lab.new_certificate("example.com"),
        ),
        {("certificate", "tls-expired")},
        "Enable-ExchangeCertificate -Thumbprint <NEW THUMBPRINT> -Services IIS",
    ),
    "a certificate for another name": Broken(
        lambda p: p.undone(
            lambda: p.lab.new_certificate("mail.example.net"), lambda: p.lab.new_certificate("example.com")
        ),
        {("certificate", "tls-wrong-name")},
        "Format-List Subject,CertificateDomains",
    ),
    "a password that is wrong": Broken(
        lambda p: p.secret("exchange/hq/a", "Wrong-Passw0rd", p.lab.password),
        {("authentication", "credential-refused")},
        "calendar-connector secret set exchange/hq/a",
    ),
    "an account that is locked": Broken(
        lambda p: p.locked(), {("authentication", "credential-refused")}, "Unlock-ADAccount 'svc-calendar'"
    ),
    "a server that offers Basic alone": Broken(
        lambda p: other_lab(p, auth="basic"),
        {("authentication", "auth-not-offered")},
        "Get-WebServicesVirtualDirectory | Format-List Identity,*Authentication*",
    ),
    "Extended Protection behind a TLS bridge": Broken(
        lambda p: other_lab(p, bridge=True, extended_protection="require"),
        {("authentication", "credential-refused")},
        "Format-List Identity,ExtendedProtection*",
    ),
    "no role at all": Broken(
        lambda p: p.undone(lambda: p.lab.scope([]), p.lab.scope),
        {("impersonation", "impersonation-missing")},
        "New-ManagementRoleAssignment -Name 'calendar-connector svc-calendar' -Role ApplicationImpersonation",
        (1,),
    ),
    "a mailbox out of scope": Broken(
        lambda p: p.undone(lambda: p.lab.scope(None, [p.lab.address(1)]), p.lab.scope),
        {("impersonation", "impersonation-scope")},
        "Get-ManagementScope",
        (1,),
    ),
    "a mailbox that is disabled": Broken(
        edited("set_state", 2, state="disabled"),
        {("calendar", "mailbox-disabled")},
        "Get-Mailbox 'user2@example.com'",
        (2,),
    ),
    "a mailbox that moved to Exchange Online": Broken(
        edited("move_online", 3),
        {("calendar", "moved-to-exchange-online")},
        "calendar-connector mailbox deactivate user3@example.com",
        (3,),
    ),
    "a redirect to a host that is not trusted": Broken(
        lambda p: p.undone(
            lambda: p.lab.redirect(
                p.lab.address(1), url="https://mail.example.org/autodiscover/autodiscover.svc"
            ),
            lambda: p.lab.redirect(p.lab.address(1)),
        ),
        {("autodiscover", "redirect-not-trusted")},
        "calendar-connector source redirects hq --allow mail.example.org",
        (1,),
    ),
    "a server that asks for patience": Broken(
        lambda p: p.faulty("*", "soap", code="ErrorServerBusy", values={"BackOffMilliseconds": "30000"}),
        {("throttling", "throttled")},
        "Set-ThrottlingPolicyAssociation 'svc-calendar@example.com'",
    ),
    "too many subscriptions": Broken(
        lambda p: p.faulty("Subscribe", "response", code="ErrorExceededSubscriptionCount"),
        {("streaming", "streaming-budget")},
        "-EwsMaxSubscriptions 5000",
    ),
    "a stream that is cut": Broken(
        lambda p: p.faulty("GetStreamingEvents", "truncated"), {("streaming", "streaming-cut")}, ""
    ),
    "a hub that is down": Broken(
        lambda p: p.undone(p.site.hub.stop, p.site.hub.start), {("route", "port-closed")}, ""
    ),
    "a token that the hub does not know": Broken(
        lambda p: p.secret("hub", "not-a-token", p.site.hub.connector_token(INSTANCE)),
        {("hub", "hub-credential-refused")},
        "calendar-connector secret set hub",
    ),
    "a hub whose CA is not trusted": Broken(
        lambda p: p.configured((str(p.site.hub.ca), str(p.lab.ca))), {("certificate", "tls-untrusted")}, ""
    ),
    "a clock that is off": Broken(wrong_clock, {("clock", "clock-skew")}, "timedatectl"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_the_fault_is_named_with_the_line_that_mends_it(practice: Practice, name: str) -> None:
    """Of a set-up that is broken in one place, exactly that is reported, and the exit code is 1."""
    broken = BROKEN[name]
    with broken.how(practice):
        report = practice.doctor(*(practice.lab.address(number) for number in broken.about))
    assert report.faults == broken.faults, report.told()
    assert report.code == 1
    assert broken.line in report.pasted()


def test_an_alias_is_answered_with_the_primary_address(practice: Practice) -> None:
    """A mailbox activated under what has become an alias is told its new name."""
    old = practice.lab.address(4)
    practice.lab.edit("change_address", mailbox=old, to="ada@example.com")
    report = practice.doctor(old)
    assert report.faults == {("calendar", "alias-address")}
    assert f"calendar-connector mailbox rename {old} ada@example.com" in report.pasted()


# --- never a second failed logon, never a disturbed daemon


def test_a_refused_password_is_tried_once_and_never_again(practice: Practice) -> None:
    """Two runs with a wrong password are one bad logon in the domain's books."""
    before = _bad_logons(practice)
    with practice.secret("exchange/hq/a", "Never-Right-1", practice.lab.password):
        first, second = practice.doctor(), practice.doctor()
        assert _bad_logons(practice) == before + 1
    assert "no second logon was tried" in first.of("authentication")["sentence"]
    assert "was refused before" in second.of("authentication")["sentence"]
    assert practice.doctor().of("authentication")["mark"] == "pass"


def test_a_server_that_asks_for_patience_is_asked_nothing_more(practice: Practice) -> None:
    """After the first ErrorServerBusy no further request goes out."""
    begun = len(practice.lab.log())
    with practice.faulty("GetServerTimeZones", "soap", code="ErrorServerBusy"):
        practice.doctor(practice.lab.address(1))
    asked = [one["operation"] for one in practice.lab.log()[begun:]]
    assert asked == ["GetUserSettings", "GetServerTimeZones"]


def test_a_running_daemon_is_not_disturbed(practice: Practice) -> None:
    """It keeps its run at the hub, its streams and its health; and the doctor asks through it."""
    site = practice.site
    site.start()
    try:
        people = [practice.lab.address(number) for number in (1, 2, 3)]
        site.wait(lambda: all(site.state(one) == "active" for one in people), "three mailboxes")
        site.wait(lambda: site.ask("status")["hub"]["up"], "the hub")
        site.wait(lambda: site.ask("status")["streams"][0]["streamed"] >= 3, "the streams")
        run, held = site.hub.connectors()[0], {one["id"] for one in practice.lab.subscriptions()}
        report = practice.doctor(*people)
        assert (report.code, report.faults) == (0, set())
        assert site.hub.connectors()[0]["name"] == run["name"]
        assert {one["id"] for one in practice.lab.subscriptions()} == held
        status = site.ask("status")
        assert status["hub"]["up"]
        assert status["streams"][0]["streamed"] >= 3
        assert '"verb": "doctor"' in site.log.read_text()
    finally:
        site.stop()


def test_a_traced_mailbox_is_in_the_log_step_by_step_until_its_time_is_up(practice: Practice) -> None:
    """Through the real command and the real daemon; other mailboxes are not in it, and it ends by itself."""
    site, ada = practice.site, practice.lab.address(1)
    site.start()
    try:
        site.wait(lambda: site.state(ada) == "active", "the mailbox")
        wished = site.json("mailbox", "trace", ada, "--for", "4s")
        site.ask("mailbox.resync", addresses=[ada])
        until = datetime.fromisoformat(wished["until"]) + timedelta(seconds=2)
        site.wait(lambda: datetime.now(UTC) > until, "its time to be up")
        site.ask("mailbox.resync", addresses=[ada])
        site.wait(lambda: "the trace has ended" in site.log.read_text(), "the end of the trace")
    finally:
        site.stop()
    lines = [line for text in site.log.read_text().splitlines() if "trace" in (line := json.loads(text))]
    assert {line["trace"] for line in lines} == {wished["trace"]}
    assert {line["mailbox"] for line in lines if "mailbox" in line} == {ada}
    assert len(lines) > 1


def _bad_logons(practice: Practice) -> int:
    return sum(int(one["refused"]) for one in practice.lab.accounts())
