"""What keywords leave alone, whose a meeting is, who is told of it: one fact a test, through daemon, Exchange and hub."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import pytest

from tests.lab.keyword_site import OWN_ROOM, ROOM, UNBRAKED, KeywordSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
QUIET = 3.0
"""Seconds after which nothing more is expected; longer than debounce, polling and an echo of our own write."""

POLICIES = """\
policies:
  hidden: {write: [keyword], send: [subject, link], private: hide-subject}
  open: {write: [keyword], send: [subject, link], private: full}
  reader: {write: [], send: [subject, link]}
"""
TEAMS = (
    "<p>Own words.</p><p>________________________________________</p><p>Microsoft Teams</p>"
    '<p><a href="https://teams.microsoft.com/meet/398123456789?p=AbC">Join the meeting</a></p>'
    "<p>________________________________________</p><p>More words.</p>"
)
ZOOM = '<p>Or <a href="https://us02web.zoom.us/j/85746065?pwd=abc">on Zoom</a>, as last time.</p>'


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeywordSite]:
    folder = tmp_path_factory.mktemp("invitations")
    (folder / "conf.d").mkdir()
    (folder / "conf.d" / "policies.yaml").write_text(POLICIES)
    with KeywordSite(folder) as site:
        site.site.cli("mailbox", "activate", site.person(3), "--policy", "reader")
        site.site.cli("mailbox", "activate", site.person(4), "--policy", "hidden")
        site.site.cli("mailbox", "activate", site.person(5), "--policy", "open")
        others = [site.person(number) for number in (3, 4, 5)]
        site.wait(lambda: all(site.site.state(one) == "active" for one in others), "activation", 40)
        yield site


def modes(desk: KeywordSite, uid: str, kind: str = "update") -> list[str]:
    """The sending modes of the mails about a meeting."""
    sent = desk.site.exchange.edit("mails")["mails"]
    return [one["mode"] for one in sent if one["uid"] == uid and one["kind"] == kind]


# --- whose it is


def test_a_delegates_meeting_is_the_owners(desk: KeywordSite) -> None:
    """What a delegate puts into the owner's calendar gets the owner's room, in the owner's name, and mails once."""
    delegate = desk.person(3)
    uid = desk.create("@webex", by=delegate)
    desk.wait(lambda: f"{OWN_ROOM}user1" in desk.body(uid), "the owner's room")
    time.sleep(QUIET)
    assert "user3" not in desk.body(uid)
    assert desk.mails(uid) == 1
    (row,) = [one for one in desk.writes() if one["facts"]["item"] == desk.rows(uid)[0]["item_id"]]
    assert row["facts"]["address"] == desk.owner


def test_an_invitee_has_the_way_in_of_a_room_of_the_sites_own(desk: KeywordSite) -> None:
    """No rule names the host: the invitee's copy is read by what ``conference:`` says of it, and never written."""
    guest = desk.person(3)
    uid = desk.create("@webex", attendees=(3,))
    desk.wait(lambda: f"{OWN_ROOM}user1" in desk.links(guest), "the way in on the invitee's list", 40)
    assert all(one["facts"]["address"] != guest for one in desk.writes())
    assert desk.mails(uid) == 1


# --- what it is


def test_a_meeting_that_is_over_is_left(desk: KeywordSite) -> None:
    """Yesterday's meeting stays as it is; ``meeting why`` says that it has ended."""
    yesterday = desk.start - timedelta(days=2)
    uid = desk.create(start=yesterday.isoformat())
    desk.wait(lambda: "meeting-over" in desk.codes(uid), "the reason", 40)
    time.sleep(QUIET)
    assert not desk.has_room(uid)
    assert desk.mails(uid) == 0


@pytest.mark.parametrize(("person", "policy"), [(4, "hide-subject"), (5, "full")])
@pytest.mark.parametrize("sensitivity", ["Private", "Confidential"])
def test_a_private_meeting_is_served_where_the_policy_says_so(
    desk: KeywordSite, person: int, policy: str, sensitivity: str
) -> None:
    """With ``hide-subject`` and ``full`` it gets its join details; ``times-only`` leaves it alone (see the table)."""
    assert policy
    uid = desk.create(owner=desk.person(person), attendees=(2,), sensitivity=sensitivity)
    desk.wait(lambda: desk.has_room(uid, desk.person(person)), "the block in the private meeting", 40)


def test_the_mailboxs_language_counts_where_the_meeting_has_none(desk: KeywordSite) -> None:
    """An item without Culture in a mailbox whose Inbox is called Inkorgen is written in Swedish; its own Culture beats that."""
    desk.site.exchange.edit("set_language", mailbox=desk.owner, inbox="Inkorgen")
    bare, german = desk.create(culture=""), desk.create(culture="de-DE")
    desk.wait(lambda: desk.has_room(bare) and desk.has_room(german), "both blocks", 40)
    desk.site.exchange.edit("set_language", mailbox=desk.owner, inbox="Inbox")
    assert 'lang="sv"' in desk.body(bare)
    assert 'lang="de"' in desk.body(german)


def test_a_cancelled_meeting_is_not_written(desk: KeywordSite) -> None:
    """It leaves the organiser's calendar; nothing of ours is mailed beside the cancellation."""
    uid = desk.create()
    desk.wait(lambda: desk.has_room(uid), "the block")
    time.sleep(QUIET)
    desk.site.exchange.edit("cancel", mailbox=desk.owner, item=uid)
    time.sleep(QUIET)
    assert modes(desk, uid) == ["SendOnlyToAll"]
    assert len(modes(desk, uid, "cancellation")) == 1


# --- who is told


def test_everybody_is_told_by_send_only_to_all(desk: KeywordSite) -> None:
    """One update to each invitee, never to added or removed ones alone."""
    uid = desk.create(attendees=(2, 6))
    desk.wait(lambda: desk.has_room(uid), "the block")
    time.sleep(QUIET)
    assert modes(desk, uid) == ["SendOnlyToAll", "SendOnlyToAll"]


def test_an_appointment_is_written_without_mails(desk: KeywordSite) -> None:
    """Nobody is invited, so nobody is told: SendToNone."""
    uid = desk.create(attendees=())
    desk.wait(lambda: desk.has_room(uid), "the block")
    time.sleep(QUIET)
    assert modes(desk, uid) + modes(desk, uid, "request") == []


def test_a_wrong_update_would_send_the_draft(desk: KeywordSite) -> None:
    """The lab is as dangerous as Exchange: an update that mails sends an invitation that was not sent yet. Ours do not."""
    wrong = desk.create("Room 12", send="SendToNone")
    desk.change(wrong, subject="Plan B", send="SendOnlyToAll")
    assert len(modes(desk, wrong, "request")) == 1
    uid = desk.create(send="SendToNone")
    desk.wait(lambda: desk.has_room(uid), "the block in the draft")
    time.sleep(QUIET)
    assert modes(desk, uid, "request") + modes(desk, uid) == []


# --- with another configuration


@pytest.fixture(scope="module")
def replacing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeywordSite]:
    """Join details that are there give way, and a copy of each mail is kept."""
    writes = UNBRAKED.replace("}", ", mail: all-and-copy}")
    more = f"{writes}invitation: {{existing_link: replace}}\n"
    with KeywordSite(tmp_path_factory.mktemp("replacing"), more) as site:
        yield site


def test_a_block_of_another_service_gives_way(replacing: KeywordSite) -> None:
    """What stands between lines of its own is taken out with it, the user's words before and behind it stay."""
    uid = replacing.create(body=TEAMS)
    replacing.wait(lambda: replacing.has_room(uid), "the block")
    body = replacing.body(uid)
    assert "teams.microsoft.com" not in body
    assert "Own words." in body
    assert "More words." in body


def test_a_link_among_words_stays_behind_ours(replacing: KeywordSite) -> None:
    """Nobody can tell where the sentence ends: ours goes before it, and is the one that counts."""
    uid = replacing.create(body=ZOOM)
    replacing.wait(lambda: replacing.has_room(uid), "the block")
    body = replacing.body(uid)
    assert body.index(ROOM) < body.index("zoom.us")
    replacing.wait(lambda: any(ROOM in link for link in replacing.links()), "ours on the list")


def test_a_copy_is_kept_where_configured(replacing: KeywordSite) -> None:
    """``mail: all-and-copy`` is SendToAllAndSaveCopy, once."""
    uid = replacing.create()
    replacing.wait(lambda: replacing.has_room(uid), "the block")
    time.sleep(QUIET)
    assert modes(replacing, uid) == ["SendToAllAndSaveCopy"]


# --- the write gate


def switched_on(folder: Path, site: KeywordSite) -> None:
    """Have writing in force."""
    text = (folder / "connector.yaml").read_text()
    site.site.write_config(text.replace("mode: observe", "mode: active"))
    digest = site.site.json("config", "show")["digest"]
    site.site.reload()
    site.wait(lambda: site.site.ask("status")["config_digest"] == digest, "the reload")


class Observing(KeywordSite):
    """A site that writes nothing yet."""

    def __enter__(self) -> Self:
        configured = self.site.configuration

        def observing(**settings: str) -> str:
            return configured(**settings).replace("mode: active", "mode: observe")

        self.site.configuration = observing  # type: ignore[method-assign] # the one word that differs
        return super().__enter__()


def test_observing_decides_everything_and_writes_nothing(tmp_path: Path) -> None:
    """``meeting why`` says what would be done; switched on, ``redecorate`` makes up for it with one mail."""
    with Observing(tmp_path) as site:
        uid = site.create()
        site.wait(lambda: len(site.site.ask("mailbox.keys", address=site.owner)) > 0, "the list", 40)
        time.sleep(QUIET)
        said = site.site.cli("meeting", "why", site.owner, "--id", uid)
        assert "a conference is to be made" in said
        assert "write gate" in said
        assert (site.has_room(uid), site.mails(uid)) == (False, 0)
        assert "observing" in site.site.try_cli("writes", "show").stderr
        switched_on(tmp_path, site)
        site.site.cli("meeting", "redecorate", site.owner, "--yes")
        site.wait(lambda: site.has_room(uid), "the invitation", 60)
        time.sleep(QUIET)
        assert site.mails(uid) == 1


def test_the_brake_stops_all_writing_until_it_is_released(tmp_path: Path) -> None:
    """Two writes an hour are allowed here: the third stops all, with one alarm and a reason; released, the rest follows."""
    with KeywordSite(tmp_path, "writes: {brake_per_mailbox: 2/h}\n") as site:
        uids = [site.create() for _ in range(3)]
        site.wait(lambda: stopped(site), "the alarm", 60)
        time.sleep(QUIET)
        assert blocks(site, uids) == 2
        left = next(uid for uid in uids if not site.has_room(uid))
        assert "brake" in site.codes(left)
        assert "brake" in site.site.try_cli("writes", "show").stderr
        site.site.cli("writes", "release")
        site.wait(lambda: blocks(site, uids) == 3, "the rest after the release", 120)
        assert [site.mails(uid) for uid in uids] == [1, 1, 1]


def blocks(site: KeywordSite, uids: list[str]) -> int:
    """How many of the invitations hold join details."""
    return sum(site.has_room(uid) for uid in uids)


def stopped(site: KeywordSite) -> bool:
    """Whether one alarm says that writing has stopped."""
    rows: list[dict[str, Any]] = site.site.json("alarm", "list")
    return [row["number"] for row in rows].count(501) == 1


def test_the_clock_of_the_test_is_ahead_of_its_meetings(desk: KeywordSite) -> None:
    """Meetings of these tests begin after now, but where a test says otherwise."""
    assert desk.start > datetime.now(UTC)
