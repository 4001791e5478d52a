"""Keywords through the real daemon: what a user types in the lab Exchange, and what attendees and hub see of it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.keyword_site import ROOM, KeywordSite

pytestmark = pytest.mark.lab
QUIET = 3.0
"""Seconds after which nothing more is expected; longer than debounce, polling and an echo of our own write."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeywordSite]:
    with KeywordSite(tmp_path_factory.mktemp("keywords")) as site:
        yield site


def test_a_keyword_becomes_join_details_with_one_mail(desk: KeywordSite) -> None:
    """The block stands in the invitation, attendees get one update, the hub has the link; the keyword's end ends it all."""
    uid = desk.create(body="<p>Bring figures.</p>")
    desk.wait(lambda: desk.has_room(uid), "the block in the invitation")
    desk.wait(lambda: desk.has_room(uid, desk.person(2)), "the block in the attendee's copy")
    desk.wait(lambda: any(ROOM in link for link in desk.links()), "the link at the hub")
    time.sleep(QUIET)
    assert desk.mails(uid) == 1
    desk.change(uid, location="Room 12")
    mails = desk.mails(uid)
    desk.wait(lambda: not desk.has_room(uid), "the block to go")
    time.sleep(QUIET)
    assert "Bring figures." in desk.body(uid)
    assert desk.mails(uid) == mails + 1
