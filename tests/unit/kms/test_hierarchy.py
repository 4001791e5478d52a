"""Keys over keys: versions, rotation, and what is bound to what."""

from __future__ import annotations

from threading import Event

import pytest

from connector.errors import UserError
from connector.kms import hierarchy, upkeep
from connector.kms.hierarchy import Wrapped
from connector.kms.house import open_house
from connector.kms.keks.base import KekMissing
from connector.kms.keks.master import MasterKeks
from connector.seal.kmswire.objects import read_key
from tests.unit.kms.site import Site


def versions(site: Site) -> dict[int, int]:
    """Keys by the KEK over them."""
    with site.house.database.reading() as connection:
        return dict(connection.execute("SELECT kek_version, count(*) FROM keys GROUP BY 1").fetchall())


def test_rotation_wraps_anew_and_changes_no_key(site: Site) -> None:
    """In the background, while old keys open and new ones are made; the audit trail's own key goes along."""
    client = site.client()
    before = client.bound_key()
    with site.house.database.writing() as connection:
        assert site.house.hierarchy.add_version(connection, site.clock()) == 2
    after = client.bound_key()
    assert versions(site) == {1: 1, 2: 1}
    assert client.ask("retrieve", before.uri).status == 200
    assert upkeep.rewrap(site.house, Event()) == 1
    assert versions(site) == {2: 2}
    for key in (before, after):
        assert read_key(client.ask("retrieve", key.uri).members["key"]) == key
    with site.house.database.reading() as connection:
        assert connection.execute("SELECT DISTINCT kek_version FROM secrets").fetchall()[0][0] == 2
        assert hierarchy.left_to_rewrap(connection) == 0


def test_rotation_goes_on_where_it_was_cut(site: Site) -> None:
    """A part at a time, each in a transaction; whoever stops in between loses nothing."""
    client = site.client()
    client.ask("create", "/keys", count=10)
    with site.house.database.writing() as connection:
        site.house.hierarchy.add_version(connection, site.clock())
        assert hierarchy.rewrap_some(connection, site.house.hierarchy, site.house.names.key, 4) == 4
    assert versions(site) == {1: 6, 2: 4}
    site.close()
    site.open()
    assert upkeep.rewrap(site.house, Event()) == 6
    assert versions(site) == {2: 10}


def test_another_master_secret_opens_nothing(site: Site) -> None:
    """It is told at start, in one sentence, before anything is written."""
    with pytest.raises(UserError, match="does not fit"):
        open_house(site.settings, MasterKeks(bytes(32), "file"), site.clock)


def test_a_wrapped_key_opens_in_its_own_row_alone(site: Site) -> None:
    """URI, owner and version are bound: moved to another row or under another version it is nothing."""
    client = site.client()
    one, two = client.bound_key(), site.client("bob@example.com").bound_key()
    with site.house.database.reading() as connection:
        row = connection.execute("SELECT * FROM keys WHERE owner = 'ann@example.com'").fetchone()
    wrapped = Wrapped(row["kek_version"], row["wrapped"])
    opened = site.house.hierarchy.unwrap(one.uri, row["owner"], wrapped)
    assert opened == one.secret
    for name, owner, version in (
        (two.uri, row["owner"], 1),
        (one.uri, "bob@example.com", 1),
        (one.uri, row["owner"], 2),
    ):
        with pytest.raises(KekMissing):
            site.house.hierarchy.unwrap(name, owner, Wrapped(version, row["wrapped"]))


def test_a_swapped_row_hands_out_no_key(site: Site) -> None:
    """Whoever writes into the database gets a 503 for it, never somebody else's key."""
    client = site.client()
    mine = client.bound_key()
    site.client("bob@example.com").bound_key()
    with site.house.database.writing() as connection:
        other = connection.execute("SELECT wrapped FROM keys WHERE owner = 'bob@example.com'").fetchone()[0]
        connection.execute("UPDATE keys SET wrapped = ? WHERE owner = 'ann@example.com'", (other,))
    assert client.ask("retrieve", mine.uri).status == 503


def test_what_was_not_bound_in_time_is_dropped(site: Site) -> None:
    """Upkeep deletes it and keeps what is bound."""
    client = site.client()
    client.new_key()
    kept = client.bound_key()
    site.clock.forward(site.settings.times.unbound)
    upkeep.once(site.house, Event())
    with site.house.database.reading() as connection:
        left = [row["id"] for row in connection.execute("SELECT id FROM keys")]
    assert left == [kept.uri.rpartition("/")[2]]


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_master_secret_has_32_bytes(length: int) -> None:
    """Anything else is a mistake."""
    with pytest.raises(ValueError, match="32"):
        MasterKeks(bytes(length), "file")
