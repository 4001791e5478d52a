"""Rules of administrators."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from connector.errors import ConfigError
from connector.meeting.enrich import join_rules
from connector.meeting.joinlink import Dialling, JoinRules, Passage, Place, find
from connector.meeting.joinlink.hazard import hazard
from connector.meeting.joinlink.rule import Shape
from connector.meeting.joinlink.services import ANYWHERE, ROOM_PAGES, ROOM_PAGES_ANYWHERE, SERVICES
from connector.model import JoinLink


@dataclass(frozen=True)
class Rule:
    hosts: tuple[str, ...]
    pattern: str
    dial: str | None = None
    priority: int = 100


def joined(rules: JoinRules, body: str) -> JoinLink | None:
    return find((Passage(Place.BODY, body),), rules).join


MEETING_SERVER = Rule(("join.example.com",), r"^/invited/(?P<id>\d+)", "{id}@example.com")


def test_a_rule_finds_its_link_and_its_video_address() -> None:
    """Hosts, pattern and dial template make a service; its name is the rule's."""
    link = joined(join_rules({"cms": MEETING_SERVER}), "Join https://join.example.com/invited/4711?x=1 now")
    assert link == JoinLink(
        "https://join.example.com/invited/4711?x=1",
        "cms",
        "join_rules.cms, in the body",
        "4711@example.com",
        "4711",
    )


def test_a_rule_counts_for_exactly_its_hosts() -> None:
    """Another host, above or below, is another's."""
    rules = join_rules({"cms": MEETING_SERVER})
    assert joined(rules, "https://x.join.example.com/invited/4711") is None
    assert joined(rules, "https://example.com/invited/4711") is None
    assert joined(rules, "https://join.example.com.evil.example/invited/4711") is None


def test_a_rule_overrides_a_shipped_one() -> None:
    """The administrator speaks first about a host, and ours speak where the rule is silent."""
    rules = join_rules({"own": Rule(("acme.zoom.us",), r"^/j/(?P<id>\d+)", "{id}@rooms.example.com")})
    link = joined(rules, "https://acme.zoom.us/j/9246813570")
    assert link is not None
    assert (link.service, link.sip) == ("own", "9246813570@rooms.example.com")
    other = joined(rules, "https://acme.zoom.us/my/ada")
    assert other is not None
    assert other.service == "zoom"


def test_the_lowest_priority_number_is_tried_first() -> None:
    """Two rules for one link: the number decides, not the order in the file."""
    rules = join_rules(
        {"late": Rule(("a.example",), "/", priority=20), "early": Rule(("a.example",), "/", priority=10)}
    )
    link = joined(rules, "https://a.example/x")
    assert link is not None
    assert link.rule.startswith("join_rules.early")


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"^/(a+)+$", "repeats a repetition"),
        (r"^/(?:[a-z]+-?)*x", "repeats a repetition"),
        (r".*a.*b.*c", "more than 2 times"),
        (r"(", "is no regular expression"),
    ],
)
def test_a_pattern_that_could_run_away_is_refused(pattern: str, said: str) -> None:
    """One sentence that names the rule; hostile invitations meet only patterns that end."""
    with pytest.raises(ConfigError, match=said) as raised:
        join_rules({"bad": Rule(("a.example",), pattern)})
    assert str(raised.value).startswith("join_rules.bad.pattern ")


@pytest.mark.parametrize(
    "pattern", [r"^/invited/(?P<id>\d+)", r"/[a-z]{1,3}/\w+\?id=(?P<id>[0-9]+)$", r"^/(?:a|b)/.+$"]
)
def test_ordinary_patterns_are_taken(pattern: str) -> None:
    """What administrators write is not refused."""
    assert hazard(pattern) is None


def test_no_shipped_pattern_repeats_a_repetition() -> None:
    """Our own patterns are held to the rule that administrators' are held to."""
    shapes = [
        shape
        for service in (*SERVICES, *ANYWHERE, *ROOM_PAGES, *ROOM_PAGES_ANYWHERE)
        for shape in service.shapes
        if isinstance(shape, Shape)
    ]
    patterns = [
        each.pattern
        for shape in shapes
        for each in (shape.path, shape.fragment, shape.host, *shape.query.values())
        if each is not None
    ]
    assert len(patterns) > 150
    assert [pattern for pattern in patterns if hazard(pattern)] == []


def test_a_meeting_server_is_dialled_by_the_map_of_domains() -> None:
    """Cisco Meeting Server and Pexip: the web host's SIP domain comes from configuration, never from a guess."""
    dialling = Dialling(domains={"join.example.com": "video.example.com"})
    rules = join_rules(dialling=dialling)
    link = joined(rules, "https://join.example.com/invited.sf?secret=x&id=4711")
    assert link is not None
    assert link.sip == "4711@video.example.com"
    alias = joined(rules, "https://join.example.com/webapp/conference/weekly")
    assert alias is not None
    assert alias.sip == "weekly@video.example.com"


def test_without_the_licence_no_zoom_address_is_derived() -> None:
    """An address that is printed is kept; one that nobody printed would be a dead button."""
    rules = join_rules(dialling=Dialling(zoom=False))
    silent = joined(rules, "https://zoom.us/j/9246813570")
    stated = joined(rules, "https://zoom.us/j/9246813570 9246813570@zoomcrc.com")
    assert silent is not None
    assert stated is not None
    assert (silent.sip, stated.sip) == (None, "9246813570@zoomcrc.com")
