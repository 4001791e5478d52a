"""Databases put back from earlier, on either side, and a second copy of the appliance: the hub ends equal to the calendar."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.lists import Lists
from tests.lab.site import Site
from tests.lab.survival import Scene, scene

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]

REPLACED = "Another copy of this appliance has taken over at the hub; this one has stopped."
REMEDY = "Switch one of them off. If this is the one to keep: calendar-connector run --take-over"


class Clone(Site):
    """A second appliance made of the first one's files; Exchange and hub are the same."""

    def __init__(self, original: Site, folder: Path) -> None:
        self._own_folder = None
        self.folder = folder
        self.exchange, self.hub = original.exchange, original.hub
        self.environment, self.settings = original.environment, original.settings
        self.connector = None
        self.config, self.log = folder / "connector.yaml", folder / "connector.log"
        self._copy(original)

    def _copy(self, original: Site) -> None:
        self.store.parent.mkdir(parents=True, mode=0o700)
        original.backup(self.store)
        for name in ("master.key", "state/keystore.json"):
            shutil.copy2(original.folder / name, self.folder / name)
        self.write_config()


@contextmanager
def clone(on: Scene) -> Iterator[Clone]:
    """A copy of the running appliance, not started yet."""
    copy = Clone(on.site, on.site.folder / "clone")
    try:
        yield copy
    finally:
        copy.kill()


def work_and_settle(on: Scene, edits: int) -> None:
    """Edits that reach the hub."""
    on.edit(edits)
    on.lists.settle()


def test_a_database_restored_from_earlier_ends_equal() -> None:
    """What the hub knows more than the database starts a new life: everything is sent anew, above all that came before."""
    with scene() as on:
        copy = on.site.folder / "earlier.db"
        on.site.backup(copy)
        work_and_settle(on, 25)
        assert on.site.stop() == 0
        on.edit(5)
        on.site.restore(copy)
        on.site.start()
        on.lists.settle()
        on.site.wait(on.healthy, "status to be healthy")
        assert on.status()["epoch"] == 2
        work_and_settle(on, 10)
        assert on.status()["outbox"]["dead_letters"] == 0


def test_a_hub_restored_from_earlier_ends_equal() -> None:
    """What the hub has forgotten of what it acknowledged is sent anew, without a restart of the connector."""
    with scene() as on:
        copy = on.site.folder / "earlier-hub.db"
        work_and_settle(on, 5)
        on.site.hub.backup(copy)
        work_and_settle(on, 25)
        on.site.hub.stop()
        on.edit(5)
        on.site.hub.restore(copy)
        on.site.hub.start()
        on.site.wait(lambda: on.status()["epoch"] == 2, "a new life", 60)
        on.lists.settle()
        work_and_settle(on, 10)
        assert on.status()["outbox"]["dead_letters"] == 0


def test_both_restored_to_different_moments_end_equal() -> None:
    """A machine room put back from backups of different age."""
    with scene() as on:
        ours, theirs = on.site.folder / "ours.db", on.site.folder / "theirs.db"
        on.site.hub.backup(theirs)
        work_and_settle(on, 10)
        on.site.backup(ours)
        work_and_settle(on, 10)
        on.site.stop()
        on.site.hub.stop()
        on.site.restore(ours)
        on.site.hub.restore(theirs)
        on.site.hub.start()
        on.site.start()
        on.lists.settle()
        work_and_settle(on, 10)
        assert on.status()["outbox"]["dead_letters"] == 0


def test_of_two_copies_the_older_stops_with_a_sentence() -> None:
    """It ends with code 2, also when it is started again, until an administrator says which one is to live."""
    with scene() as on, clone(on) as copy:
        work_and_settle(on, 15)
        copy.start()
        assert on.site.ended() == 2
        assert REPLACED in on.site.tail()
        assert REMEDY in on.site.tail()
        lists = Lists(copy, on.people)
        on.edit(10)
        lists.settle()

        on.site.spawn()
        assert on.site.ended() == 2, "it came back by itself"
        assert REPLACED in on.site.tail(3)
        on.edit(5)
        lists.settle()
        assert copy.ask("status")["healthy"]

        on.site.start("--take-over")
        assert copy.ended() == 2
        assert REPLACED in copy.tail()
        work_and_settle(on, 10)
        on.site.kill()
        on.site.start()
        work_and_settle(on, 5)
