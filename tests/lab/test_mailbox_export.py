"""``mailbox export``, through the command, the real daemon and a calendar with a keyword in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.keyword_site import KeywordSite

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeywordSite]:
    """One running site with a decorated meeting and somebody else's ordinary one."""
    folder: Path = tmp_path_factory.mktemp("site")
    with KeywordSite(folder) as desk:
        desk.site.activate(desk.person(3))
        uid = desk.create()
        desk.wait(lambda: desk.has_room(uid), "the join details")
        yield desk


def test_all_that_is_held_is_printed(desk: KeywordSite) -> None:
    """Mailbox, list by ids and times, what the keyword asked for, keys by name alone, the trail; in JSON."""
    held = json.loads(desk.site.cli("mailbox", "export", desk.owner))
    assert held["mailbox"]["address"] == desk.owner
    assert held["session"]["phase"] == "live"
    assert len(held["meetings"]) == 1
    (keyword,) = held["keywords"]
    assert keyword["conference"]["details"]["url"].startswith("https://meet.example.com/")
    assert keyword["order"]["organizer"]["address"] == desk.owner
    assert held["keys"]
    secrets = [row["secret"] for row in desk.site.json("mailbox", "keys", desk.owner)]
    printed = json.dumps(held)
    assert not [secret for secret in secrets if secret in printed]
    assert desk.person(3) not in printed
    assert {"mailbox.activate", "calendar.write", "calendar.written"} <= {
        row["action"] for row in held["audit"]
    }


def test_it_is_in_the_trail(desk: KeywordSite) -> None:
    """Whoever asked is known afterwards."""
    desk.site.cli("mailbox", "export", desk.person(3))
    rows = desk.site.ask("audit.list", after=None, limit=1000)
    assert desk.person(3) in {row["mailbox"] for row in rows if row["action"] == "mailbox.export"}


def test_a_stranger_is_said_to_be_one(desk: KeywordSite) -> None:
    """One sentence, and the exit code of every command that is given a name nobody has."""
    done = desk.site.try_cli("mailbox", "export", "nobody@example.com")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing is held about nobody@example.com" in done.stderr


def test_it_works_without_the_daemon_and_after_erasure(desk: KeywordSite) -> None:
    """What is left of an erased mailbox is its trail; the daemon need not run for it."""
    desk.site.cli("mailbox", "erase", "--yes", desk.owner)
    desk.site.wait(lambda: desk.site.state(desk.owner) == "absent", "the erasure")
    desk.site.stop()
    held = json.loads(desk.site.cli("mailbox", "export", desk.owner))
    assert "mailbox" not in held
    assert "mailbox.erased" in {row["action"] for row in held["audit"]}
