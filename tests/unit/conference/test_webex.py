"""Webex, against a small one of our own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from connector.conference.providers import Means, providers
from connector.conference.settings import Make, WebexSettings
from connector.conference.webex import WebexRooms
from connector.errors import CredentialRefused, KeystoreError, Refused, Throttled, Transient
from connector.model import Conference, Kind, Phone
from tests.lab.conference.shapes import SHELF
from tests.lab.conference.webex import HONEST, FakeWebex, Reply
from tests.unit.conference.orders import START, order

ADA = "ada@example.com"
PHONES = (Phone("+46-8-1234567", "Sweden Toll"), Phone("+1-555-0100", "US Toll"))


@dataclass
class Bench:
    """A Webex, the keystore's secrets as a dictionary, a clock to turn."""

    webex: FakeWebex
    now: datetime = START - timedelta(days=2)
    secrets: dict[str, str] = field(default_factory=dict)
    full: bool = False
    opened: list[WebexRooms] = field(default_factory=list)

    def save(self, name: str, value: str) -> None:
        if self.full:
            raise KeystoreError("The disk is full.")
        self.secrets[name] = value

    def providers(self, **entries: WebexSettings) -> dict[str, WebexRooms]:
        means = Means(lambda: self.now, lambda name: self.secrets.get(name, ""), lambda: b"", self.save)
        made = providers({name: replace(one, url=self.webex.url) for name, one in entries.items()}, means)
        rooms = {name: one for name, one in made.items() if isinstance(one, WebexRooms)}
        self.opened += rooms.values()
        return rooms

    def provider(self, make: Make = Make.ONE_TIME, site: str = "", title: str = "Meeting") -> WebexRooms:
        return self.providers(webex=WebexSettings(make, site=site, title=title))["webex"]

    def close(self) -> None:
        for one in self.opened:
            one.close()


@pytest.fixture
def bench() -> Iterator[Bench]:
    """Ada may do everything; requests and answers keep to the published fields to the end."""
    with FakeWebex(START - timedelta(days=2), {ADA}, {ADA: "ada"}) as webex:
        secrets = {"webex/webex/client": "client-1:client-secret-1", "webex/webex/refresh-token": "refresh-1"}
        bench = Bench(webex, secrets=secrets)
        yield bench
        bench.close()
        assert webex.wrong == []


def test_the_published_fields_are_at_hand() -> None:
    """Inside the house every request and answer is held against what Webex publishes."""
    if not SHELF.exists():
        pytest.skip("the published field lists are not beside this tree; requests meet our own list alone")
    assert SHELF.stat().st_size > 10_000


def test_a_personal_room_is_looked_up(bench: Bench) -> None:
    """Link, video address and numbers come along; the host's PIN does not, and nothing is made."""
    made = bench.provider(Make.PERSONAL_ROOM).make(order())
    assert made.kind is Kind.PERSONAL
    assert made.details.url == "https://example.webex.com/meet/ada"
    assert (made.details.sip, made.details.service) == ("ada@example.webex.com", "webex")
    assert (made.details.phones, made.details.access_code) == (PHONES, "25500001")
    assert "4321" not in repr(made)
    assert bench.webex.meetings == {}


def test_a_meeting_of_its_own_is_made(bench: Bench) -> None:
    """It is hosted by the organizer, mails nobody, carries the tag, and its title does not tell the subject."""
    made = bench.provider().make(order())
    (meeting,) = bench.webex.meetings.values()
    assert (meeting["hostEmail"], meeting["integrationTags"]) == (ADA, ["tag-1"])
    assert (meeting["start"], meeting["end"]) == ("2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z")
    assert meeting["title"] == "Meeting"
    assert (made.kind, made.id, made.details.passcode) == (Kind.ONE_TIME, meeting["id"], "Wx3pass")
    assert made.details.meeting_id == meeting["meetingNumber"]
    assert made.details.video_passcode == meeting["phoneAndVideoSystemPassword"]
    assert "556677" not in repr(made)


def test_a_meeting_is_made_once(bench: Bench) -> None:
    """A second order with the same tag finds the first's meeting, also when the answer to the first was lost."""
    provider = bench.provider()
    bench.webex.next.extend([HONEST, HONEST, None])
    with pytest.raises(Transient):
        provider.make(order())
    assert len(bench.webex.meetings) == 1
    made = provider.make(order())
    assert bench.provider().make(order()) == made
    assert provider.find(order()) == made
    assert provider.find(order("other")) is None
    assert len(bench.webex.meetings) == 1


def test_a_long_tag_fits(bench: Bench) -> None:
    """Webex takes 64 characters; a longer tag is found again all the same."""
    made = bench.provider().make(order("t" * 100))
    assert bench.provider().find(order("t" * 100)) == made
    assert bench.provider().find(order("t" * 101)) is None


def test_a_title_may_tell_the_subject(bench: Bench) -> None:
    """Where the administrator says so, subject and organizer stand in it, cut to what Webex takes."""
    bench.provider(title="{{ subject }} ({{ organizer.name }})" + "x" * 200).make(order())
    (meeting,) = bench.webex.meetings.values()
    assert meeting["title"].startswith("Engines (Ada Lovelace)x")
    assert len(meeting["title"]) == 128


@pytest.mark.parametrize(
    ("site", "host"),
    [
        ("", "example.webex.com"),
        ("acme", "acme.webex.com"),
        ("acme.webex.com", "acme.webex.com"),
        ("onetime", "example.webex.com"),
    ],
)
def test_a_keyword_may_name_the_site(bench: Bench, site: str, host: str) -> None:
    """What follows the colon is the site, in full or its first part; the overrides are none."""
    assert bench.provider().make(order(site=site)).details.url.startswith(f"https://{host}/")


def test_a_configured_site_holds_where_no_keyword_names_one(bench: Bench) -> None:
    """The entry's site comes before the user's preferred one."""
    assert bench.provider(site="cc.webex.com").make(order()).details.sip.endswith("@cc.webex.com")


def test_an_override_names_the_kind(bench: Bench) -> None:
    """``:myroom`` and ``:onetime`` win over the entry; ``:space`` is refused, as only a user's token could make one."""
    assert bench.provider(Make.ONE_TIME).make(order(site="myroom")).kind is Kind.PERSONAL
    assert bench.provider(Make.PERSONAL_ROOM).make(order(site="onetime")).kind is Kind.ONE_TIME
    with pytest.raises(Refused, match="webex-no-spaces"):
        bench.provider().make(order(site="space"))


def test_a_running_short_meeting_fits_what_webex_takes(bench: Bench) -> None:
    """A start in the past becomes the next minute, five minutes become ten, two days a day less a minute."""
    bench.now = bench.webex.now = START + timedelta(minutes=55, seconds=20)
    bench.provider().make(order())
    (meeting,) = bench.webex.meetings.values()
    assert (meeting["start"], meeting["end"]) == ("2026-11-23T09:56:00Z", "2026-11-23T10:06:00Z")
    long = replace(order("long"), start=START + timedelta(hours=2), end=START + timedelta(days=2))
    bench.provider().make(long)
    assert list(bench.webex.meetings.values())[1]["end"] == "2026-11-24T10:59:00Z"


def test_a_series_is_one_meeting(bench: Bench) -> None:
    """Its rule goes along without the name of the property."""
    bench.provider().make(order(rule="RRULE:FREQ=WEEKLY;COUNT=4"))
    (meeting,) = bench.webex.meetings.values()
    assert meeting["recurrence"] == "FREQ=WEEKLY;COUNT=4"


def test_a_moved_meeting_keeps_its_link(bench: Bench) -> None:
    """The new time is told; a meeting that somebody deleted at Webex is made anew; a personal room knows no time."""
    provider = bench.provider()
    made = provider.make(order())
    later = replace(order(), start=START + timedelta(hours=3), end=START + timedelta(hours=4))
    assert provider.move(made, later) == made
    assert bench.webex.meetings[made.id]["start"] == "2026-11-23T12:00:00Z"
    bench.webex.meetings.clear()
    assert provider.move(made, later).id != made.id
    room = provider.make(order(site="myroom"))
    asked = len(bench.webex.asked)
    assert provider.move(room, later) == room
    assert len(bench.webex.asked) == asked


def test_an_ended_meeting_is_deleted(bench: Bench) -> None:
    """Once is enough, twice is fine; what is over or personal is left alone."""
    provider = bench.provider()
    made = provider.make(order())
    provider.end(made, order(), bench.now)
    assert bench.webex.meetings == {}
    provider.end(made, order(), bench.now)
    asked = len(bench.webex.asked)
    provider.end(made, order(), START + timedelta(days=1))
    provider.end(Conference(Kind.PERSONAL, made.details), order(), bench.now)
    assert len(bench.webex.asked) == asked


def test_an_organizer_without_licence_is_told_apart(bench: Bench) -> None:
    """The reason names the licence, and the personal room that is not there."""
    bob = order(address="bob@example.com")
    with pytest.raises(Refused) as caught:
        bench.provider().make(bob)
    assert caught.value.code == "webex-host-not-licensed"
    with pytest.raises(Refused) as caught:
        bench.provider(Make.PERSONAL_ROOM).make(bob)
    assert caught.value.code == "webex-no-personal-room"


@pytest.mark.parametrize(
    ("status", "verdict", "code"),
    [
        (400, Refused, "webex-request-refused"),
        (403, Refused, "webex-forbidden"),
        (404, Refused, "webex-not-found"),
        (415, Refused, "webex-request-refused"),
        (409, Transient, "busy"),
        (500, Transient, "server-error"),
        (503, Transient, "server-error"),
    ],
)
def test_a_refusal_has_its_code(bench: Bench, status: int, verdict: type[Exception], code: str) -> None:
    """What will pass is tried again, what will not is said."""
    bench.provider().find(order())
    bench.webex.next.append(Reply(status, {"message": "no"}))
    provider = bench.provider()
    provider._tokens._access = bench.webex.access
    provider._tokens._ends = bench.now + timedelta(days=1)
    with pytest.raises(verdict, match=code):
        provider.find(order())


@pytest.mark.parametrize("status", [423, 429])
@pytest.mark.parametrize(
    ("header", "wait"), [("17", 17), ("Sat, 21 Nov 2026 09:00:30 GMT", 30), ("soon", 60)]
)
def test_a_wish_for_patience_is_kept(bench: Bench, status: int, header: str, wait: int) -> None:
    """Retry-After in seconds or as a date is a lower bound, for calls and for tokens."""
    for before in ([HONEST], []):
        bench.webex.next.extend([*before, Reply(status, headers=(("Retry-After", header),))])
        with pytest.raises(Throttled) as caught:
            bench.provider().make(order())
        assert caught.value.retry_after == timedelta(seconds=wait)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"id": "x"},
        {"id": "x", "webLink": "http://x"},
        {"id": "x", "webLink": "https://x\n"},
        {"id": "", "webLink": "https://x"},
    ],
)
def test_an_answer_that_is_none_is_not_believed(bench: Bench, data: dict[str, str]) -> None:
    """A meeting without an id or a web link is no meeting; a list without items is no list."""
    provider = bench.provider()
    bench.webex.next.extend([HONEST, HONEST, Reply(200, data)])
    with pytest.raises(Transient, match="bad-answer"):
        provider.make(order())
    bench.webex.next.append(Reply(200, {"items": "none"}))
    with pytest.raises(Transient, match="bad-answer"):
        provider.find(order())


def test_an_endless_answer_is_cut(bench: Bench) -> None:
    """More than a megabyte is not read."""
    provider = bench.provider()
    bench.webex.next.extend([HONEST, Reply(200, {"items": ["x" * 1_100_000]})])
    with pytest.raises(Transient, match="bad-answer"):
        provider.make(order())


# --- tokens


def test_entries_of_one_account_share_a_token(bench: Bench) -> None:
    """Two entries renew it once; another day of its life it is used as it is."""
    made = bench.providers(room=WebexSettings(), once=WebexSettings(Make.ONE_TIME))
    made["room"].make(order())
    bench.now += timedelta(days=1)
    made["once"].make(order())
    assert [path for _, path in bench.webex.asked].count("/v1/access_token") == 1


def test_a_token_is_renewed_before_its_end(bench: Bench) -> None:
    """And an exchanged refresh token is kept in the keystore at once."""
    bench.webex.rotates = True
    provider = bench.provider()
    provider.make(order())
    assert bench.secrets["webex/webex/refresh-token"] == bench.webex.refresh == "refresh-2"
    bench.now += timedelta(seconds=bench.webex.lasts - 60)
    provider.find(order())
    assert bench.secrets["webex/webex/refresh-token"] == bench.webex.refresh != "refresh-2"


def test_an_exchanged_token_that_can_not_be_kept_stops_everything(bench: Bench) -> None:
    """The old one may be worthless by now: nothing is asked until the keystore takes the new one, then all goes on."""
    bench.webex.rotates = bench.full = True
    provider = bench.provider()
    for _ in range(2):
        with pytest.raises(Transient, match="keystore-unwritable"):
            provider.make(order())
    assert len(bench.webex.asked) == 1
    bench.full = False
    provider.make(order())
    assert bench.secrets["webex/webex/refresh-token"] == "refresh-2"
    assert [path for _, path in bench.webex.asked].count("/v1/access_token") == 1


def test_an_access_token_withdrawn_early_is_renewed_once(bench: Bench) -> None:
    """A 401 costs one renewal; a second one is the account's."""
    provider = bench.provider()
    provider.make(order())
    bench.webex.access = "withdrawn"
    assert provider.find(order())
    bench.webex.next.extend([Reply(401), HONEST, Reply(401)])
    with pytest.raises(CredentialRefused, match="webex-sign-in-ended"):
        provider.find(order())


def test_an_expired_refresh_token_is_shown_once(bench: Bench) -> None:
    """It is said with the name of its secret, not tried again, and a new one counts at once."""
    bench.secrets["webex/webex/refresh-token"] = "refresh-0"
    provider = bench.provider()
    for _ in range(3):
        with pytest.raises(CredentialRefused) as caught:
            provider.make(order())
        assert (caught.value.code, caught.value.detail) == (
            "webex-sign-in-ended",
            "webex/webex/refresh-token",
        )
    assert len(bench.webex.asked) == 1
    bench.secrets["webex/webex/refresh-token"] = "refresh-1"
    provider.make(order())


@pytest.mark.parametrize("name", ["webex/webex/client", "webex/webex/refresh-token"])
def test_a_missing_secret_is_named(bench: Bench, name: str) -> None:
    """Nothing is asked without both."""
    del bench.secrets[name]
    with pytest.raises(CredentialRefused, match=f"conference-credential-missing: {name}"):
        bench.provider().make(order())
    assert bench.webex.asked == []


def test_a_token_that_is_none_is_not_believed(bench: Bench) -> None:
    """An answer without token or life is tried again later."""
    for reply in (Reply(200, {}), Reply(200, {"access_token": "x", "expires_in": "long"}), Reply(502)):
        bench.webex.next.append(reply)
        with pytest.raises(Transient):
            bench.provider().make(order())


def test_a_server_that_is_away_is_transient(bench: Bench) -> None:
    """Nobody answers on the port: that passes."""
    away = providers(
        {"webex": WebexSettings(url="http://127.0.0.1:1")},
        Means(lambda: START, lambda name: bench.secrets.get(name, ""), lambda: b""),
    )["webex"]
    with pytest.raises(Transient, match="unreachable"):
        away.make(order())
    away.close()


def asked_for_tokens(bench: Bench) -> int:
    return bench.webex.asked.count(("POST", "/v1/access_token"))


def test_a_sign_in_is_used_although_no_meeting_is_made(bench: Bench) -> None:
    """Every six days, far within the three months; what Webex exchanges goes to the keystore, and its end is told."""
    bench.webex.rotates = True
    provider = bench.provider()
    assert provider.keep_signed_in() == bench.now + timedelta(days=90)
    assert bench.secrets["webex/webex/refresh-token"] == "refresh-2"
    bench.now += timedelta(days=5)
    provider.keep_signed_in()
    assert asked_for_tokens(bench) == 1
    bench.now += timedelta(days=2)
    assert provider.keep_signed_in() == bench.now + timedelta(days=90)
    assert asked_for_tokens(bench) == 2
    assert bench.secrets["webex/webex/refresh-token"] == "refresh-3"


def test_making_meetings_keeps_the_sign_in_as_well(bench: Bench) -> None:
    """A token fetched for a meeting is a use like any other, also by another entry of the same account."""
    made = bench.providers(one=WebexSettings(Make.ONE_TIME), own=WebexSettings(Make.PERSONAL_ROOM))
    made["own"].make(order(ADA))
    made["one"].keep_signed_in()
    assert asked_for_tokens(bench) == 1


def test_a_sign_in_that_has_ended_is_said_to(bench: Bench) -> None:
    """It is shown once; the secret to set is named."""
    bench.webex.refresh = "another"
    provider = bench.provider()
    for _ in range(3):
        with pytest.raises(CredentialRefused):
            provider.keep_signed_in()
    assert asked_for_tokens(bench) == 1
    assert provider.secret == "webex/webex/refresh-token"


@pytest.mark.parametrize("left", [None, "soon", -5, 10**12])
def test_an_end_that_is_none_is_not_believed(bench: Bench, left: object) -> None:
    """Then nobody knows when it ends."""
    token = {"access_token": "a", "expires_in": 100, "refresh_token_expires_in": left}
    bench.webex.next.append(Reply(200, token))
    assert bench.provider().keep_signed_in() is None
