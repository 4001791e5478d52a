"""The checks of one organisation: in order, sparing, and each fault under its own name."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.doctor.base import Build
from connector.doctor.findings import Mark
from connector.errors import (
    AccessDenied,
    CredentialRefused,
    MailboxMoved,
    Scope,
    Throttled,
    Transient,
    Verdict,
)
from tests.unit.doctor.practice import ENDPOINT, Tools, examined, faults, mailbox, of, organisation

ORDER = [
    "route",
    "certificate",
    "authentication",
    "version",
    "autodiscover",
    "impersonation",
    "throttling",
    "calendar",
    "streaming",
]
DENIED = AccessDenied("impersonation-denied", "ErrorImpersonateUserDenied: no")
BUSY = Throttled("busy", "ErrorServerBusy: later", retry_after=timedelta(seconds=30))


def test_a_sound_organisation_passes_in_the_order_of_the_manual() -> None:
    """The order of the checks is that in which faults cause one another."""
    findings = examined(Tools())
    assert list(dict.fromkeys(one.check for one in findings)) == ORDER
    assert {one.mark for one in findings} == {Mark.PASS}


def test_it_asks_for_little() -> None:
    """Six requests for one mailbox: no check is a load."""
    tools = Tools()
    examined(tools)
    ada = mailbox().address
    assert tools.asked == ["locate", "identify", f"open {ada}", f"count {ada}", f"listen {ada}"]


@pytest.mark.parametrize(
    "code", ["credential-refused", "credential-missing", "auth-not-offered", "logon-limit"]
)
def test_after_a_failed_logon_nothing_more_is_asked(code: str) -> None:
    """A second logon could be a second failed one."""
    kind = CredentialRefused if code.startswith("credential") else Transient
    tools = Tools(builds=kind(code, "401"))
    findings = examined(tools)
    assert faults(findings) == [("authentication", code)]
    assert tools.asked == ["locate", "identify"]
    assert of(findings, "streaming").mark is Mark.SKIP


def test_a_logon_refused_by_autodiscover_is_not_tried_at_ews() -> None:
    """The same password would be refused there too."""
    tools = Tools(places={"*": CredentialRefused("credential-refused", "CAS1 answered 401")}, before=True)
    findings = examined(tools)
    assert faults(findings) == [("authentication", "credential-refused")]
    assert "refused before" in of(findings, "authentication").sentence
    assert tools.asked == ["locate"]


def test_a_busy_server_is_left_alone_at_once() -> None:
    """Observation is enough: the first request that is put off is the last."""
    tools = Tools(builds=BUSY)
    findings = examined(tools)
    assert faults(findings) == [("throttling", "throttled")]
    assert tools.asked == ["locate", "identify"]


def test_patience_asked_of_the_daemon_counts() -> None:
    """The daemon feels the policy under load, the doctor never does."""
    findings = examined(Tools(), organisation(busy=("mail.example.com",)))
    assert faults(findings) == [("throttling", "throttled")]
    assert "mail.example.com" in of(findings, "throttling").sentence


@pytest.mark.parametrize(
    ("others", "opening", "code"),
    [
        ((), {"*": DENIED}, "impersonation-denied"),
        ((mailbox("ben"),), {"*": DENIED}, "impersonation-missing"),
        ((mailbox("ben"),), {"ada@example.com": DENIED}, "impersonation-scope"),
    ],
)
def test_a_missing_role_is_told_from_a_narrow_scope(
    others: object, opening: dict[str, Verdict], code: str
) -> None:
    """By comparison with other activated mailboxes; without any, both lines are given."""
    findings = examined(Tools(opening=opening), organisation(others=others))
    assert faults(findings) == [("impersonation", code)]


def test_no_more_than_two_others_are_opened_to_compare() -> None:
    """However many are activated."""
    tools = Tools(opening={"*": DENIED})
    others = tuple(mailbox(f"user{number}") for number in range(9))
    examined(tools, organisation(others=others))
    assert sum(asked.startswith("open") for asked in tools.asked) == 3


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (
            AccessDenied("alias-address", "grace@example.com"),
            "mailbox rename ada@example.com grace@example.com",
        ),
        (AccessDenied("mailbox-disabled", "ErrorAccountDisabled"), "Get-Mailbox 'ada@example.com'"),
        (AccessDenied("ews-forbidden", "HTTP 403"), "Set-CASMailbox 'ada@example.com' -EwsEnabled $true"),
        (AccessDenied("no-calendar", ""), "Get-MailboxFolderStatistics 'ada@example.com'"),
        (MailboxMoved("mailbox-moving", "ErrorMailboxMoveInProgress"), "Get-MoveRequest 'ada@example.com'"),
        (AccessDenied("address-unknown", "ErrorNonExistentMailbox"), "Get-Recipient 'ada@example.com'"),
    ],
)
def test_a_closed_mailbox_is_named_with_its_line(verdict: Verdict, line: str) -> None:
    """Each reason has the line that shows or mends it, for that very mailbox."""
    findings = examined(Tools(opening={"*": verdict}))
    assert faults(findings) == [("calendar", verdict.code)]
    assert line in "\n".join(of(findings, "calendar").paste)


def test_a_mailbox_in_exchange_online_is_not_asked_for() -> None:
    """Autodiscover has said enough."""
    tools = Tools(places={"*": MailboxMoved("moved-to-exchange-online", "outlook.office365.com")})
    findings = examined(tools)
    assert faults(findings) == [("calendar", "moved-to-exchange-online")]
    assert not [asked for asked in tools.asked if asked.startswith("open")]


def test_a_disabled_mailbox_is_named_although_autodiscover_knows_it_no_more() -> None:
    """Where it lived is remembered, and opening it tells more than Autodiscover does."""
    tools = Tools(
        places={"*": AccessDenied("address-unknown", "InvalidUser")},
        opening={"*": AccessDenied("mailbox-disabled", "ErrorAccountDisabled")},
    )
    assert faults(examined(tools)) == [("calendar", "mailbox-disabled")]


def test_a_redirect_that_is_not_trusted_names_the_host() -> None:
    """The line allows exactly that host."""
    verdict = AccessDenied("redirect-not-trusted", "Autodiscover leads to mail.example.org")
    findings = examined(Tools(places={"*": verdict}))
    assert faults(findings) == [("autodiscover", "redirect-not-trusted")]
    assert "source redirects hq --allow mail.example.org" in of(findings, "autodiscover").paste[0]


@pytest.mark.parametrize(
    ("verdict", "code"),
    [
        (Transient("busy", "ErrorExceededConnectionCount: too many"), "streaming-budget"),
        (Transient("timeout", "nothing came", scope=Scope.SERVER), "streaming-cut"),
        (Transient("server-error", "HTTP 500"), "streaming-refused"),
    ],
)
def test_why_no_stream_comes_about(verdict: Verdict, code: str) -> None:
    """A spent budget, something in between, or the server itself."""
    assert faults(examined(Tools(listening=verdict))) == [("streaming", code)]


def test_the_door_that_autodiscover_did_not_use_is_no_fault() -> None:
    """https://example.com is somebody's web site more often than not."""
    tools = Tools(sights={"autodiscover.example.com": {"obstacle": "name-unknown"}})
    assert faults(examined(tools)) == []


def test_when_autodiscover_is_not_reached_the_closed_door_is_shown() -> None:
    """With what keeps it closed."""
    tools = Tools(
        sights={
            "autodiscover.example.com": {"distrust": "tls-expired"},
            "example.com": {"obstacle": "no-answer"},
        },
        places={"*": Transient("tls-expired", scope=Scope.SERVER)},
    )
    assert faults(examined(tools)) == [("certificate", "tls-expired"), ("autodiscover", "tls-expired")]


def test_a_fixed_address_needs_no_autodiscover() -> None:
    """It is not asked, and said so."""
    tools = Tools()
    findings = examined(tools, organisation(url=ENDPOINT))
    assert faults(findings) == []
    assert of(findings, "autodiscover").mark is Mark.SKIP
    assert "locate" not in tools.asked


def test_without_activated_mailboxes_what_can_be_checked_is() -> None:
    """Autodiscover is asked about a stranger of the domain, which opens nothing."""
    tools = Tools(places={"*": AccessDenied("address-unknown", "InvalidUser")})
    findings = examined(tools, organisation(patients=()))
    assert faults(findings) == []
    assert of(findings, "authentication").mark is Mark.PASS
    assert "mailbox activate" in of(findings, "impersonation").paste[0]


@pytest.mark.parametrize(
    ("build", "mark", "word"),
    [
        (Build(15, 2, 2562, 17), Mark.PASS, "Exchange SE"),
        (Build(15, 2, 1544, 4), Mark.PASS, "Exchange 2019"),
        (Build(15, 1, 2507, 39), Mark.PASS, "Exchange 2016"),
        (Build(15, 0, 1497, 2), Mark.FAIL, "older"),
        (Build(), Mark.SKIP, "does not tell"),
    ],
)
def test_versions_by_their_build(build: Build, mark: Mark, word: str) -> None:
    """2016, 2019 and SE are served."""
    found = of(examined(Tools(builds=build)), "version")
    assert (found.mark, word in found.sentence) == (mark, True)
