"""A backup opens for its recipients alone, and what is restored from it is what was there."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from connector.errors import UserError
from connector.kms import production
from connector.kms.backup import container, drill
from connector.kms.keks.master import MasterKeks
from connector.seal.kmswire.objects import read_key
from tests.unit.kms.site import CLUSTER, Site, private_pem

OFFICER = ec.generate_private_key(ec.SECP384R1())
SECOND = rsa.generate_private_key(65537, 2048)
BOTH: tuple[container.Public, ...] = (OFFICER.public_key(), SECOND.public_key())


@pytest.mark.parametrize("key", [OFFICER, SECOND])
def test_every_recipient_restores_into_a_fresh_server(
    site: Site, tmp_path: Path, key: container.Private
) -> None:
    """Under another master secret, each alone: keys, owners and rights are those of before, and the trail goes on."""
    mine = site.client().bound_key("bob@example.com")
    raw = drill.back_up(site.house, BOTH, "officer")
    place = tmp_path / "restored.db"
    fresh = MasterKeks(bytes(32), "file")
    report = drill.restore(place, raw, key, fresh, CLUSTER, "officer", site.clock())
    assert report.keys == 1
    restored = Site(replace(site.settings, database=place), site.clock, fresh)
    try:
        found = restored.client("bob@example.com").ask("retrieve", mine.uri)
        assert read_key(found.members["key"]) == mine
        with restored.house.database.reading() as connection:
            assert restored.house.trail.first_broken(connection) is None
        assert ("restore", 200) in restored.audit()
    finally:
        restored.close()


def test_the_file_shows_nothing_of_what_is_in_it(site: Site) -> None:
    """No user, no key, no URI of one stands readable in a backup; its facts do."""
    key = site.client().bound_key()
    raw = drill.back_up(site.house, BOTH, "officer")
    for secret in (b"ann@example.com", key.uri.encode(), key.secret):
        assert secret not in raw
    assert b"SQLite format" not in raw


def test_others_and_changed_files_open_nothing(site: Site) -> None:
    """Another key, a changed ciphertext, changed facts and foreign files are refused with a sentence."""
    raw = drill.back_up(site.house, BOTH, "officer")
    document = json.loads(raw)
    text = document["ciphertext"]
    changed = json.dumps({**document, "ciphertext": ("B" if text[0] == "A" else "A") + text[1:]}).encode()
    stranger = ec.generate_private_key(ec.SECP256R1())
    for wrong, key in ((raw, stranger), (changed, OFFICER), (b"{}", OFFICER), (b"\xff", OFFICER)):
        with pytest.raises(UserError):
            container.open_sealed(wrong, key)


def test_a_drill_lets_production_begin(site: Site) -> None:
    """Before it one of the shortcomings is the missing drill; after it there is none, until it is too old."""
    site.client().bound_key()
    assert not production.drilled(site.house)
    report = drill.drill(site.house, drill.back_up(site.house, BOTH, "officer"), SECOND, "officer")
    assert report.keys == 1
    assert production.drilled(site.house)
    site.clock.forward(site.settings.times.drill)
    assert not production.drilled(site.house)


def test_a_drill_finds_a_backup_of_another_life(site: Site) -> None:
    """A backup in which a key differs from the server's does not count."""
    client = site.client()
    key = client.bound_key()
    other = client.bound_key()
    site.clock.forward(timedelta(seconds=1))
    raw = drill.back_up(site.house, BOTH, "officer")
    with site.house.database.writing() as connection:
        one, two = key.uri.rpartition("/")[2], other.uri.rpartition("/")[2]
        row = connection.execute("SELECT wrapped FROM keys WHERE id = ?", (one,)).fetchone()
        connection.execute("UPDATE keys SET wrapped = ? WHERE id = ?", (row["wrapped"], two))
    with pytest.raises(UserError, match="can't be opened"):
        drill.drill(site.house, raw, OFFICER, "officer")


def test_nothing_is_restored_over_a_database(site: Site) -> None:
    """What is there stays."""
    raw = drill.back_up(site.house, BOTH, "officer")
    with pytest.raises(UserError, match="already"):
        drill.restore(site.settings.database, raw, OFFICER, site.provider, CLUSTER, "officer", site.clock())


def test_another_server_s_backup_is_refused(site: Site, tmp_path: Path) -> None:
    """URIs are bound to the host, so its keys could never be found."""
    raw = drill.back_up(site.house, BOTH, "officer")
    with pytest.raises(UserError, match="is of"):
        drill.restore(tmp_path / "x.db", raw, OFFICER, site.provider, "kms://other", "officer", site.clock())


def test_keys_are_read_from_pem_files(tmp_path: Path) -> None:
    """Public key, certificate and private key; a sentence for anything else."""
    path = tmp_path / "key.pem"
    path.write_bytes(private_pem(OFFICER))
    assert container.private_key(path, None).public_key() == OFFICER.public_key()
    path.write_text("nonsense")
    for read in (container.public_key, lambda one: container.private_key(one, None)):
        with pytest.raises(UserError):
            read(path)


def test_a_backup_holds_no_kek_of_the_server(site: Site) -> None:
    """Its rows are wrapped under a key of its own: the server's master secret does not open them."""
    site.client().bound_key()
    clear, _ = container.open_sealed(drill.back_up(site.house, BOTH, "officer"), OFFICER)
    with sqlite3.connect(":memory:") as copy:
        copy.deserialize(clear[32:])
        inside = {row[0] for row in copy.execute("SELECT wrapped FROM keys")}
    copy.close()
    with site.house.database.reading() as connection:
        outside = {row[0] for row in connection.execute("SELECT wrapped FROM keys")}
    assert not inside & outside
