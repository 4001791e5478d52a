"""The trail is a chain: what was cut, changed or moved shows."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.kms import audit
from connector.kms.audit import Entry, Trail
from tests.unit.kms.site import Site


def written(site: Site, count: int = 5) -> None:
    """So many rows, a minute apart."""
    for number in range(count):
        with site.house.database.writing() as connection:
            site.house.trail.append(
                connection, site.clock(), Entry("test", 200, objects=(f"kms://x/{number}",))
            )
        site.clock.forward(timedelta(minutes=1))


def broken(site: Site) -> int | None:
    """The first row that does not hold."""
    with site.house.database.reading() as connection:
        return site.house.trail.first_broken(connection)


def test_an_untouched_trail_holds(site: Site) -> None:
    """Empty and full."""
    assert broken(site) is None
    written(site)
    assert broken(site) is None


@pytest.mark.parametrize(
    ("deed", "row"),
    [
        ("UPDATE audit SET text = replace(text, '200', '403') WHERE number = 3", 3),
        ("UPDATE audit SET at = at + 1 WHERE number = 2", 2),
        ("DELETE FROM audit WHERE number = 4", 4),
        ("DELETE FROM audit WHERE number = 5", 5),
        ("DELETE FROM audit", 1),
        ("UPDATE audit SET number = 6 WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 5; UPDATE audit_ends SET head_number = 4", 5),
        ("UPDATE audit_ends SET anchor_number = 1; DELETE FROM audit WHERE number = 1", 2),
    ],
)
def test_whoever_writes_into_the_file_is_found_out(site: Site, deed: str, row: int) -> None:
    """The number of the first row that does not follow, although the database's own guard was taken off."""
    written(site)
    with site.house.database.writing() as connection:
        connection.execute("DROP TRIGGER audit_stays")
        for one in deed.split(";"):
            connection.execute(one)
    assert broken(site) == row


def test_a_row_can_t_be_updated_by_accident(site: Site) -> None:
    """The database refuses it itself."""
    written(site, 1)
    with pytest.raises(Exception, match="append-only"), site.house.database.writing() as connection:
        connection.execute("UPDATE audit SET at = 0")


def test_another_key_makes_another_chain(site: Site) -> None:
    """Without the key nobody can write rows that hold."""
    written(site)
    with site.house.database.reading() as connection:
        assert Trail(b"x" * 32).first_broken(connection) == 1


def test_old_rows_go_and_the_rest_still_holds(site: Site) -> None:
    """The chain is anchored at the last row that went."""
    written(site)
    with site.house.database.writing() as connection:
        assert audit.purge(connection, site.clock() - timedelta(minutes=3)) == 2
        assert audit.purge(connection, site.clock() - timedelta(minutes=3)) == 0
    assert broken(site) is None
    with site.house.database.reading() as connection:
        assert [row.number for row in audit.rows(connection)] == [3, 4, 5]
        assert [row.number for row in audit.newest(connection, 2)] == [4, 5]
        assert audit.head(connection)[0] == 5


def test_a_peers_text_is_cut_and_kept_in_one_line(site: Site) -> None:
    """Nothing of a peer's can fill the trail or break a terminal."""
    entry = Entry("x", 400, reason="a\n\x1b[31m" + "b" * 5000)
    with site.house.database.writing() as connection:
        site.house.trail.append(connection, site.clock(), entry)
    kept = site.rows()[0].entry.reason
    assert len(kept) == 300
    assert kept.startswith("a??[31m")
