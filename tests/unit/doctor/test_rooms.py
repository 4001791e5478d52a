"""The pure rooms: certificates and routes, clocks, the hub's credential, lines to paste, firewall, rooms."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.doctor import clock, firewall, hub, rooms, shell
from connector.doctor.findings import Mark, failed, healthy, passed, skipped
from connector.doctor.sight import Place, Sight, judge
from connector.errors import CredentialRefused, Transient, Verdict
from tests.unit.doctor.practice import CERTIFICATE, NOW, faults, sight

PLACE = Place("mail.example.com", 443, "sources: hq: ca:")
HUB = Place("hub.example.net", 443, "hub: ca:", exchange=False)
WARNING = timedelta(days=30)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"obstacle": "name-unknown"}, [("route", "name-unknown")]),
        ({"obstacle": "port-closed"}, [("route", "port-closed")]),
        ({"obstacle": "no-answer"}, [("route", "no-answer")]),
        ({"obstacle": "proxy-refused", "words": "407"}, [("route", "proxy-refused")]),
        ({"distrust": "tls-expired"}, [("certificate", "tls-expired")]),
        ({"distrust": "tls-not-yet-valid"}, [("certificate", "tls-not-yet-valid")]),
        ({"distrust": "tls-wrong-name"}, [("certificate", "tls-wrong-name")]),
        ({"distrust": "tls-untrusted"}, [("certificate", "tls-untrusted")]),
        ({"distrust": "tls-failed", "certificate": None}, [("certificate", "tls-failed")]),
    ],
)
def test_what_is_seen_from_outside_is_one_fault(
    changed: dict[str, object], expected: list[tuple[str, str]]
) -> None:
    """Route and certificate, each with advice."""
    findings = list(judge(sight(PLACE, **changed), NOW, WARNING))
    assert faults(findings) == expected
    assert all(one.advice for one in findings if one.mark is Mark.FAIL)


def test_a_certificate_that_ends_soon_passes_with_a_warning() -> None:
    """In time to renew it."""
    late = NOW + timedelta(days=290)
    (_, found) = judge(sight(PLACE), late, WARNING)
    assert found.mark is Mark.PASS
    assert "10 days" in found.advice
    assert CERTIFICATE.thumbprint in found.paste[0]


def test_an_untrusted_issuer_is_named_with_the_key_to_write() -> None:
    """The administrator has to know which CA to save, and where to name it."""
    (_, found) = judge(sight(PLACE, distrust="tls-untrusted", words="unable to get issuer"), NOW, WARNING)
    assert "Example Root" in found.sentence
    assert "sources: hq: ca:" in found.advice


def test_one_deaf_address_of_several_is_a_warning() -> None:
    """Connections still come about, only slowly."""
    (found, _) = judge(sight(PLACE, addresses=("192.0.2.1", "192.0.2.2"), deaf=("192.0.2.2",)), NOW, WARNING)
    assert (found.mark, "192.0.2.2" in found.advice) == (Mark.PASS, True)


def off(place: Place, seconds: float) -> Sight:
    """A server whose clock differs by so much."""
    return sight(place, date=NOW + timedelta(seconds=seconds))


def test_a_minute_of_difference_is_borne() -> None:
    """Date headers count whole seconds."""
    assert faults(list(clock.judge([off(PLACE, 60), off(HUB, -60)]))) == []


def test_one_clock_that_differs_is_that_servers() -> None:
    """The other one agrees with us."""
    findings = list(clock.judge([off(PLACE, 600), off(HUB, 0)]))
    assert faults(findings) == [("clock", "clock-skew")]
    assert "w32tm /resync" in findings[0].paste


def test_clocks_that_agree_against_us_are_right() -> None:
    """Then this machine's is wrong."""
    findings = list(clock.judge([off(PLACE, -300), off(HUB, -301)]))
    assert faults(findings) == [("clock", "clock-here")] * 2


def test_a_server_that_does_not_tell_its_time_is_skipped() -> None:
    """As is one that could not be connected to."""
    (found,) = clock.judge([sight(PLACE, date=None), sight(HUB, obstacle="port-closed")])
    assert found.mark is Mark.SKIP


class Hub:
    """A hub that answers a knock as told."""

    def __init__(self, verdict: Verdict | None, **seen: object) -> None:
        self.verdict = verdict
        self.seen = seen
        self.knocks = 0

    def look(self, place: Place) -> Sight:
        return sight(place, **self.seen)

    def knock(self) -> None:
        self.knocks += 1
        if self.verdict:
            raise self.verdict


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Transient("greet-again", "HTTP 428"), []),
        (None, []),
        (CredentialRefused("credential-refused", "HTTP 401"), [("hub", "hub-credential-refused")]),
        (CredentialRefused("credential-missing"), [("hub", "credential-missing")]),
        (Transient("bad-answer", "HTTP 404"), [("hub", "bad-answer")]),
    ],
)
def test_the_hubs_answer_to_a_run_it_does_not_know(
    verdict: Verdict | None, expected: list[tuple[str, str]]
) -> None:
    """That it wants to be greeted first means that it took the credential."""
    assert faults(list(hub.examine(HUB, Hub(verdict), NOW, WARNING, []))) == expected


def test_a_hub_that_is_not_reached_is_sent_no_credential() -> None:
    """Least of all one whose certificate is not trusted."""
    far = Hub(None, distrust="tls-untrusted")
    findings = list(hub.examine(HUB, far, NOW, WARNING, []))
    assert faults(findings) == [("certificate", "tls-untrusted")]
    assert far.knocks == 0


@given(st.text())
def test_a_quoted_word_is_one_powershell_string(text: str) -> None:
    """Whatever an address holds, pasted lines do not run it."""
    inside = shell.quoted(text)[1:-1]
    assert "'" not in inside.replace("''", "")
    assert inside.replace("''", "'") == text


@pytest.mark.parametrize("user", ["svc-cal-a@example.com", "EXAMPLE\\svc-cal-a", "svc-cal-a"])
def test_an_account_is_named_as_active_directory_does(user: str) -> None:
    """Get-ADUser takes the account's own name."""
    assert shell.account(user)[1] == "Unlock-ADAccount 'svc-cal-a'"


def test_every_line_for_exchange_is_one_line() -> None:
    """Pasting must not run half a command."""
    lines = [
        *shell.grant("a@example.com"),
        *shell.widen("a@example.com", "b@example.com"),
        *shell.throttling("a@example.com"),
        *shell.room("room@example.com"),
        *shell.schemes(),
        *shell.certificate("AB"),
    ]
    assert not [line for line in lines if "\n" in line or not line.strip()]


def test_firewall_rules_name_host_port_and_purpose() -> None:
    """Ports by scheme where the address names none."""
    assert firewall.to_url("https://mail.example.com/EWS", "EWS").row() == (
        "mail.example.com",
        "tcp/443",
        "EWS",
    )
    assert firewall.to_url("ldaps://gc.example.com:3269", "AD").port == "tcp/3269"
    assert "tcp/80" in {one.port for one in firewall.autodiscover("example.com", ())}
    assert [one.port for one in firewall.always(kerberos=True) if "Kerberos" in one.purpose] == [
        "udp/88, tcp/88"
    ]


@pytest.mark.parametrize(
    ("policy", "origin", "room"),
    [("room", "manual", True), ("staff", "rooms", True), ("staff", "manual", False)],
)
def test_rooms_are_known_by_policy_or_roster_place(policy: str, origin: str, room: bool) -> None:
    """Exchange does not tell over EWS."""
    assert rooms.is_room(policy, origin) is room


def test_a_room_gets_its_two_lines_and_is_no_failure() -> None:
    """What a room does can't be seen, so nothing is claimed of it."""
    found = rooms.advise("room1@example.com")
    assert found.mark is Mark.SKIP
    assert found.paste[0].startswith("Get-CalendarProcessing 'room1@example.com'")
    assert "-DeleteComments $false -DeleteSubject $false" in found.paste[1]


def test_what_is_skipped_does_not_make_ill() -> None:
    """Only a failure does."""
    assert healthy([passed("a", "b", "c"), skipped("a", "b", "c")])
    assert not healthy([failed("a", "b", "c", "d")])
