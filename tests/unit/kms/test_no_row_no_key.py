"""The audit row is part of the effect: where it can't be written nothing happens and no key leaves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from connector.seal.kmswire import jose
from connector.seal.kmswire.messages import Answer
from tests.unit.kms.site import Client, Site, token


def test_no_key_leaves_when_the_row_can_t_be_written(site: Site) -> None:
    """A table that takes no more rows: create, fetch and handshake answer 503, nothing changes; then it goes on."""
    client = site.client()
    key = client.bound_key()
    with site.house.database.writing() as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'disk full'); END"
        )
    count = keys_in(site)
    answers = [
        client.ask("create", "/keys"),
        client.ask("retrieve", key.uri),
        client.ask("retrieve", "/none"),
    ]
    answers.append(Client(site, client.credentials, "c").offer())
    assert [one.status for one in answers] == [503] * 4
    assert all(not one.members for one in answers)
    assert len(site.desk.lines) == 1
    assert keys_in(site) == count
    with site.house.database.writing() as connection:
        connection.execute("DROP TRIGGER full")
    assert client.ask("retrieve", key.uri).status == 200


def test_no_key_leaves_when_the_disk_is_full(site: Site) -> None:
    """The file may not grow: the commit fails, the answer holds nothing, and nothing of it is in the database."""
    client = site.client()
    with site.house.database.writing() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}")
    answers: list[Answer] = []
    for _ in range(200):
        answers.append(client.ask("create", "/keys", count=10))
        if not answers[-1].good:
            break
    assert (answers[-1].status, answers[-1].members) == (503, {})
    good = sum(len(one.members["keys"]) for one in answers if one.good)
    assert keys_in(site) == good
    with site.house.database.reading() as connection:
        assert site.house.trail.first_broken(connection) is None


def keys_in(site: Site) -> int:
    """How many there are."""
    with site.house.database.reading() as connection:
        count: int = connection.execute("SELECT count(*) FROM keys").fetchone()[0]
        return count


def test_the_trail_names_everything_and_holds_no_secret(site: Site) -> None:
    """User, client, requestId, object, status and door of each; no token, no key, no proof."""
    client = site.client()
    key = client.bound_key("bob@example.com")
    site.connector().new_key()
    row = site.rows()[1].entry
    assert (row.user, row.client, row.via) == ("ann@example.com", "client of ann@example.com", "test")
    assert row.request_id
    assert row.objects == (key.uri,)
    whole = str(site.rows()) + dump(site.settings.database)
    for secret in (jose.encode(key.secret), token(site.clock), jose.encode(client.key.secret)):
        assert secret not in whole


def dump(path: Path) -> str:
    """The database as SQL."""
    with sqlite3.connect(path) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    return text
