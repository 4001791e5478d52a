"""Telling what is in force, and what would change."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config import diff, effective, load_text, sample, show, values
from connector.config.models import Config
from connector.config.provenance import leaves
from connector.config.reference import filled, reference
from tests.unit.config.texts import LEAST, loaded

ROOT = Path(__file__).parents[3]

FULL = """\
  brand: {type: google, domains: [brand.example], push: hub, proxy: dmz}
proxies: {dmz: {url: "http://proxy.example.com:8080", auth: basic}}
directories: {ad: {servers: ["ldaps://gc1.example.com:3269"], base: "DC=example,DC=com", bind: svc@example.com}}
roster:
  exclude: [ceo@example.com]
  from:
    rooms: {csv: /etc/passwd, policy: room}
    staff: {directory: ad, group: "CN=Calendar Users, OU=x", policy: staff}
policies:
  staff: {write: [keyword, hub], presence: text}
  room: {send: [], presence: off}
keywords: {"@meet": jitsi, ":space": own-room}
conference:
  jitsi: {type: jitsi, url: "https://meet.example.com"}
  own-room: {type: template, link: "https://vc.example.com/{{ directory.employeeID }}", directory: ad}
  webex: {type: webex, make: one-time, title: "{{ subject }}: {{ organizer.name }}"}
  open: {type: template, link: "https://vc.example.com", phones: {"Åre: hotel #1": "+46 8 1"}}
invitation: {language: pt-BR, parts: {phone: false}}
dialling: {zoom: false, servers: {join.example.com: example.com}}
join_rules:
  cms: {hosts: [join.example.com], pattern: '^/invited/(?P<id>\\d+) #"\\', dial: "{id}@example.com", priority: 10}
alarms: {webhook: "https://itsm.example.com/hook/hunter2", canary: canary@example.com}
"""


@pytest.mark.parametrize("more", ["", FULL.replace('#"\\', '#"')])
def test_the_effective_text_is_the_configuration(more: str) -> None:
    """What is written out reads back as an equal configuration with the same digest."""
    before = loaded(more)
    after = load_text(effective(before))
    assert after.config == before.config
    assert after.digest == before.digest
    assert diff(before, after) == []


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc", "Cn", "Zl")), min_size=1, max_size=20))
def test_any_text_survives_being_shown(user: str) -> None:
    """A value with quotes, colons, hashes or letters of any script reads back as it was."""
    text = LEAST.replace("user: svc", "user: " + "'" + user.replace("'", "''") + "'")
    if not user.strip() or "\ufeff" in user:
        return
    before = load_text(text)
    assert load_text(effective(before)).config == before.config


def test_each_value_is_shown_with_its_origin() -> None:
    """The shown text names file and line, or default, behind every value, and reads back too."""
    before = loaded("log: {level: debug}\n")
    lines = {line.split(":")[0].strip(): line for line in show(before).splitlines()}
    assert lines["level"].endswith("  # connector.yaml:9")
    assert lines["addresses"].endswith("  # default")
    assert lines["first_load_hours"].endswith("  # default, not set")
    assert load_text(show(before)).config == before.config


def test_what_may_be_secret_is_masked() -> None:
    """A webhook's address, which may carry a token, is shown by its host alone, everywhere."""
    one = loaded('alarms: {webhook: "https://itsm.example.com/hook/hunter2"}')
    other = loaded('alarms: {webhook: "https://itsm.example.com/hook/hunter3"}')
    told = show(one) + str(values(one)) + str(diff(loaded(), one)) + str(diff(one, other))
    assert "https://itsm.example.com/********" in show(one)
    assert "hunter" not in told
    assert diff(one, other)


def test_every_value_has_an_origin() -> None:
    """Provenance covers every value in force, no more."""
    before = loaded()
    assert len(before.provenance) == len(list(leaves(before.config))) == len(values(before))


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        ("", "workers: 4", ["workers: 16 becomes 4; this takes effect when the daemon is started anew"]),
        ("", "log: {level: debug}", ["log.level: info becomes debug"]),
        (
            "",
            "mode: active",
            ["mode: observe becomes active", "calendars are written from now on, as policies allow"],
        ),
        (
            "",
            "  b: {type: exchange, domains: [b.example], accounts: {a: {user: svc}}}",
            ["sources.b is new"],
        ),
        (
            "  b: {type: exchange, domains: [b.example], accounts: {a: {user: svc}}}",
            "",
            ["sources.b is gone", "mailboxes in b.example are no longer served"],
        ),
        (
            "policies: {default: {}}",
            "policies: {default: {send: [subject]}}",
            [
                "policies.default.send: without location, without organizer, without attendees, without link",
                "mailboxes with policy default are read again, at low priority",
            ],
        ),
        (
            "roster: {exclude: []}",
            "roster: {exclude: [ceo@example.com]}",
            ["roster.exclude: with ceo@example.com", "ceo@example.com is deactivated if it is active"],
        ),
        (
            "roster: {from: {a: {csv: /etc/passwd, policy: default}, b: {csv: /etc/group, policy: default}}}",
            "roster: {from: {b: {csv: /etc/group, policy: default}, a: {csv: /etc/passwd, policy: default}}}",
            [
                "roster.from is tried in another order: b, a",
                "the next roster run may change mailboxes; see: calendar-connector roster plan",
            ],
        ),
        (
            "join_rules: {}",
            "join_rules: {x: {hosts: [a.b], pattern: x}}",
            [
                "join_rules.x is new",
                "every mailbox is read again, at low priority, because join rules change",
            ],
        ),
        (
            "dialling: {}",
            "dialling: {zoom: false}",
            [
                "dialling.zoom: true becomes false",
                "every mailbox is read again, at low priority, because join rules change",
            ],
        ),
        (
            "",
            "invitation: {language: sv}",
            [
                "invitation.language: nothing becomes sv",
                "invitations already written stay as they are; see: calendar-connector meeting redecorate",
            ],
        ),
        (
            "",
            "    proxy: dmz\nproxies: {dmz: {url: 'http://p:1'}}",
            ["proxies.dmz is new", "sources.hq.proxy: nothing becomes dmz"],
        ),
    ],
)
def test_a_difference_is_told_with_what_follows(old: str, new: str, sentences: list[str]) -> None:
    """Each change is a sentence, and so is what it means for mailboxes and rules."""
    assert diff(loaded(old), loaded(new)) == sentences


def test_a_domain_that_moves_is_told() -> None:
    """When a domain passes to another source, its mailboxes are looked for there."""
    two = "  b: {type: exchange, domains: [%s], accounts: {a: {user: svc}}}"
    before = load_text(LEAST.replace("[example.com]", "[example.com, x.example]") + two % "b.example")
    after = load_text(LEAST + two % "b.example, x.example")
    assert "mailboxes in x.example are looked for in b instead of hq" in diff(before, after)


def test_the_sample_is_installed_as_it_ships() -> None:
    """etc/connector.yaml is the sample, byte by byte."""
    assert (ROOT / "etc/connector.yaml").read_bytes() == sample().encode()


def test_the_sample_holds() -> None:
    """The sample is a valid configuration that needs no note."""
    assert load_text(sample()).notes == ()


def uncommented() -> str:
    """The sample with everything that may be written switched on, but for what excludes each other."""
    lines = []
    for line in sample().splitlines():
        prose = re.match(r" *#( \S|$)", line)
        lines.append(line if prose or not line.lstrip().startswith("#") else line.replace("#", "", 1))
    return "\n".join(line for line in lines if "    url: https://mail" not in line)


def test_what_the_sample_comments_out_is_right_too() -> None:
    """Every commented line of the sample is accepted but for files that are not there."""
    text = uncommented()
    for path in ("hub.pem", "hub.key", "rooms.csv", "ca/example-root.pem", "templates"):
        assert f"/etc/calendar-connector/{path}" in text
    lines = [
        line for line in text.splitlines() if "/etc/calendar-connector/" not in line or line.startswith("#")
    ]
    loaded_ = load_text("\n".join(lines))
    assert set(loaded_.config.sources) == {"hq", "brand"}


def test_the_sample_shows_every_section() -> None:
    """No section of the configuration is left out of the sample."""
    for name, field in Config.model_fields.items():
        assert f"{field.alias or name}:" in sample()


def test_the_reference_is_current() -> None:
    """docs/configure.md holds the tables that the models give; mend it with scripts or by hand from reference()."""
    page = (ROOT / "docs/configure.md").read_text()
    assert page == filled(page)
    assert "| `debounce` | a duration such as 30s, 15m, 2h or 7d, from 0s to 5m | `2s` |" in reference()
