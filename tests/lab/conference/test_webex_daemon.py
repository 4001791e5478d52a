"""Webex through the real daemon: from a keyword in the lab Exchange to meetings of a small Webex, and back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.lab.conference.webex import HONEST, FakeWebex
from tests.lab.exchange.certificates import Authority
from tests.lab.keyword_site import KeywordSite

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

TEXT = """\
keywords: {{"@webex": once, ":myroom": own}}
conference:
  once: {{type: webex, make: one-time, url: "{url}", ca: {ca}}}
  own: {{type: webex, url: "{url}", ca: {ca}}}
"""
REFRESH = "webex/webex/refresh-token"


@dataclass
class Desk:
    """An organiser in the lab Exchange, and the Webex that the daemon is told to use."""

    site: KeywordSite
    webex: FakeWebex

    def set_secret(self, name: str, value: str) -> None:
        self.site.site.cli("secret", "set", name, stdin=value)

    def meeting(self, uid: str) -> str:
        """The link in the invitation, "" where there is none."""
        return next(
            (
                one["webLink"]
                for one in list(self.webex.meetings.values())
                if one["webLink"] in self.text(uid)
            ),
            "",
        )

    def links(self) -> set[str]:
        """Of all meetings that stand at Webex."""
        return {one["webLink"] for one in list(self.webex.meetings.values())}

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        self.site.wait(condition, what, 90)

    def text(self, uid: str) -> str:
        return self.site.body(uid).replace("&amp;", "&")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("webex")
    now = datetime.now(UTC)
    authority = Authority(folder, now)
    with ExitStack() as stack:
        webex = stack.enter_context(FakeWebex(now, rotates=True, certificate=authority.issue([], now).path))
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "webex.yaml").write_text(TEXT.format(url=webex.url, ca=authority.path))
        site = stack.enter_context(KeywordSite(folder))
        webex.licensed.add(site.owner)
        webex.rooms[site.owner] = "user1"
        made = Desk(site, webex)
        made.set_secret("webex/webex/client", "client-1:client-secret-1")
        made.set_secret(REFRESH, "refresh-1")
        yield made
        assert webex.wrong == []


def test_a_meeting_lives_with_its_keyword(desk: Desk) -> None:
    """Made once, moved with the meeting, deleted with the keyword; the exchanged refresh token is in the keystore."""
    uid = desk.site.create("@webex")
    desk.wait(lambda: bool(desk.meeting(uid)), "the link in the invitation")
    assert len(desk.webex.meetings) == 1
    (meeting,) = desk.webex.meetings.values()
    assert meeting["title"] == "Meeting"
    later = desk.site.start + timedelta(hours=4)
    desk.site.change(uid, start=later.isoformat(), end=(later + timedelta(hours=1)).isoformat())
    moved = later.strftime("%Y-%m-%dT%H:%M:%SZ")
    desk.wait(lambda: meeting["start"] == moved, "Webex to hear of the move")
    desk.site.change(uid, location="Room 12")
    desk.wait(lambda: not desk.webex.meetings, "Webex to hear of the end")
    desk.wait(lambda: meeting["webLink"] not in desk.text(uid), "the block to go")
    held = {row["name"]: row for row in desk.site.site.json("secret", "list")}
    assert held[REFRESH]["version"] == 2


def test_a_lost_answer_makes_no_second_meeting(desk: Desk) -> None:
    """Webex did what it was asked for, the connection broke: the next try finds it by its tag."""
    before = [path for method, path in desk.webex.asked if method == "POST"].count("/v1/meetings")
    desk.webex.next.extend([HONEST, None])
    uid = desk.site.create("@webex")
    desk.wait(lambda: bool(desk.meeting(uid)), "the link in the invitation")
    after = [path for method, path in desk.webex.asked if method == "POST"].count("/v1/meetings")
    assert (len(desk.webex.meetings), after - before) == (1, 1)
    desk.site.change(uid, location="")
    desk.wait(lambda: not desk.webex.meetings, "Webex to hear of the end")


def test_an_override_looks_up_the_personal_room(desk: Desk) -> None:
    """``@webex:myroom`` is answered by the entry for it; nothing is made."""
    uid = desk.site.create("@webex:myroom")
    desk.wait(lambda: "https://example.webex.com/meet/user1" in desk.text(uid), "the room")
    assert desk.webex.meetings == {}


def test_a_new_refresh_token_sets_the_keyword_going(desk: Desk) -> None:
    """While Webex takes none the invitation stays as it is; when a new one is set, it gets its link."""
    desk.webex.refresh, desk.webex.access = "refresh-new", "withdrawn"
    uid = desk.site.create("@webex")
    desk.wait(lambda: desk.webex.asked[-1] == ("POST", "/v1/access_token"), "the old token to be shown")
    desk.set_secret(REFRESH, "refresh-new")
    desk.wait(lambda: bool(desk.meeting(uid)), "the link in the invitation")


def test_a_cancelled_meeting_ends_at_webex_too(desk: Desk) -> None:
    """Its item is gone from the calendar; the meeting that was made for it is deleted there, once."""
    uid = desk.site.create("@webex")
    desk.wait(lambda: bool(desk.meeting(uid)), "the link in the invitation")
    link = desk.meeting(uid)
    desk.site.site.exchange.edit("cancel", mailbox=desk.site.owner, item=uid)
    desk.wait(lambda: link not in desk.links(), "Webex to hear of the end")


def test_a_sign_in_is_used_although_nobody_makes_a_meeting(tmp_path: Path) -> None:
    """A minute after its start the daemon has exchanged the refresh token, and keeps the new one."""
    now = datetime.now(UTC)
    authority = Authority(tmp_path, now)
    with ExitStack() as stack:
        webex = stack.enter_context(FakeWebex(now, rotates=True, certificate=authority.issue([], now).path))
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "webex.yaml").write_text(TEXT.format(url=webex.url, ca=authority.path))
        alone = Desk(stack.enter_context(KeywordSite(tmp_path)), webex)
        alone.set_secret("webex/webex/client", "client-1:client-secret-1")
        alone.set_secret(REFRESH, "refresh-1")
        alone.site.wait(lambda: webex.refresh == "refresh-2", "the refresh token to be used", 100)
        held = {row["name"]: row for row in alone.site.site.json("secret", "list")}
        assert held[REFRESH]["version"] == 2
        assert webex.asked == [("POST", "/v1/access_token")]
