"""The doctor against set-ups broken on purpose: through the real command, each fault is named, and with the line that mends it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.exchange.launch import LabExchange
from tests.lab.site import CONNECTOR, INSTANCE, ROOT, Site
from tests.lab.strangers import TlsBridge, WrongClock

pytestmark = pytest.mark.lab

LOCAL_NAMES_ONLY = '''"""No name but localhost is looked up: tests ask no DNS server."""
import socket

_ask = socket.getaddrinfo


def local(host, *args, **kwargs):
    if host and host != "localhost" and not host.replace(".", "").isdigit():
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    return _ask(host, *args, **kwargs)


socket.getaddrinfo = local
'''


@dataclass(frozen=True)
class Report:
    """What the command said."""

    code: int
    findings: list[dict[str, Any]]

    @property
    def faults(self) -> set[tuple[str, str]]:
        """Check and code of everything that failed."""
        return {(one["check"], one["code"]) for one in self.findings if one["mark"] == "fail"}

    @property
    def passes(self) -> set[str]:
        """Checks that passed at least once."""
        return {one["check"] for one in self.findings if one["mark"] == "pass"}

    def told(self) -> str:
        """All of it in lines, for a test that fails."""
        return "\n".join(
            f"{one['mark']} {one['check']} {one['subject']}: {one['sentence']}" for one in self.findings
        )

    def pasted(self) -> str:
        """Every line to paste."""
        return "\n".join(line for one in self.findings for line in one["paste"])

    def of(self, check: str) -> dict[str, Any]:
        """The first finding of a check."""
        return next(one for one in self.findings if one["check"] == check)


class Practice:
    """The site, and the command as an administrator calls it."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.lab = site.exchange
        self._environment = os.environ | {"PYTHONPATH": str(folder)}
        (folder / "sitecustomize.py").write_text(LOCAL_NAMES_ONLY)

    def doctor(self, *arguments: str) -> Report:
        """Its findings."""
        done = subprocess.run(
            [*CONNECTOR, "doctor", *arguments, "--json", "--config", str(self.site.config)],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.stdout, done.stderr
        return Report(done.returncode, json.loads(done.stdout)["findings"])

    @contextmanager
    def configured(self, *changes: tuple[str, str]) -> Iterator[None]:
        """Other words in the configuration."""
        text = self.site.configuration()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.site.write_config(text)
        try:
            yield
        finally:
            self.site.write_config()

    @contextmanager
    def url(self, url: str, *changes: tuple[str, str]) -> Iterator[None]:
        """A fixed EWS address in place of Autodiscover."""
        with self.configured(("    auth: ntlm", f"    url: {url}\n    auth: ntlm"), *changes):
            yield

    @contextmanager
    def secret(self, name: str, value: str, right: str) -> Iterator[None]:
        """Another secret; the right one is typed again afterwards, which forgets refusals."""
        self.site.cli("secret", "set", name, stdin=value)
        try:
            yield
        finally:
            self.site.cli("secret", "set", name, stdin=right)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The service account is locked."""
        self.lab.lock()
        try:
            yield
        finally:
            self.lab.lock(locked=False)
            self.site.cli("secret", "set", "exchange/hq/a", stdin=self.lab.password)

    @contextmanager
    def faulty(self, operation: str, kind: str, **facts: Any) -> Iterator[None]:
        """The lab answers an operation wrongly until the end."""
        self.lab.fault(operation, kind, times=-1, **facts)
        try:
            yield
        finally:
            self.lab.clear_faults()

    @contextmanager
    def undone(self, do: Callable[[], object], undo: Callable[[], object]) -> Iterator[None]:
        """Something done and taken back."""
        do()
        try:
            yield
        finally:
            undo()


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


@contextmanager
def other_lab(practice: Practice, bridge: bool = False, **options: Any) -> Iterator[None]:
    """Another Exchange in place of the site's, at a fixed address; through a TLS bridge with a certificate of its own."""
    with LabExchange(mailboxes=5, **options) as lab:
        found = TlsBridge(lab.port) if bridge else None
        try:
            port, ca = (found.port, found.ca) if found else (lab.port, lab.ca)
            with practice.url(f"https://localhost:{port}/EWS/Exchange.asmx", (str(practice.lab.ca), str(ca))):
                yield
        finally:
            if found:
                found.close()
            practice.site.cli("secret", "set", "exchange/hq/a", stdin=practice.lab.password)


@contextmanager
def wrong_clock(practice: Practice) -> Iterator[None]:
    """A hub whose clock is ten minutes ahead."""
    with (
        WrongClock(600) as hub,
        practice.configured((practice.site.hub.url, hub.url), (str(practice.site.hub.ca), str(hub.ca))),
    ):
        yield


def to_address(practice: Practice, number: int) -> str:
    """A mailbox of the site."""
    return practice.lab.address(number)


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


def _bad_logons(practice: Practice) -> int:
    return sum(int(one["refused"]) for one in practice.lab.accounts())
