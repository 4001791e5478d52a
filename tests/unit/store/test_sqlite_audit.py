"""A trail that somebody with the database file changed is found out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.store.sqlite import SqliteStore
from tests.contract.store_nouns import LATER, NOW, entry
from tests.fakes.cipher import FakeCipher


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Eight rows written, the oldest two purged."""
    store = SqliteStore(tmp_path / "connector.db", FakeCipher(), lambda: NOW)
    for number in range(8):
        store.audit(entry("write", "m1", at=NOW + timedelta(days=number), n=number))
    store.purge_audit(NOW + timedelta(days=2))
    yield store
    store.close()


def _tamper(store: SqliteStore, *statements: str) -> None:
    with store._database.write() as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("statement", "first_bad"),
    [
        ("UPDATE audit SET action = 'other' WHERE number = 5", 5),
        ("UPDATE audit SET at = at + 1 WHERE number = 5", 5),
        ("UPDATE audit SET mailbox_digest = 'x' WHERE number = 5", 5),
        ("UPDATE audit SET chain = 'x' WHERE number = 5", 5),
        ("UPDATE audit SET sealed = x'00' WHERE number = 5", 5),
        ("UPDATE audit SET sealed = (SELECT sealed FROM audit WHERE number = 4) WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 5", 5),
        ("DELETE FROM audit WHERE number = 3", 3),
        ("DELETE FROM audit WHERE number >= 7", 7),
        ("DELETE FROM audit", 3),
        ("UPDATE audit SET number = 9 WHERE number = 8", 8),
        (
            "INSERT INTO audit SELECT 9, at, action, mailbox_digest, chain, sealed FROM audit WHERE number = 8",
            9,
        ),
        ("UPDATE audit_ends SET anchor_number = 3", 4),
        ("UPDATE audit_ends SET anchor_chain = 'x'", 3),
        ("UPDATE audit_ends SET head_number = 7", 8),
        ("UPDATE audit_ends SET head_chain = 'x'", 9),
    ],
)
def test_the_first_row_that_does_not_hold_is_named(
    store: SqliteStore, statement: str, first_bad: int
) -> None:
    """Changed, moved, removed at the beginning, in the middle or at the end, or added."""
    assert store.verify_audit() is None
    _tamper(store, statement)
    assert store.verify_audit() == first_bad


def test_a_chain_without_the_key_is_no_chain(store: SqliteStore, tmp_path: Path) -> None:
    """Whoever rewrites the whole trail needs the state key: another key's digests do not hold."""
    path = tmp_path / "connector.db"
    store.close()
    stranger = SqliteStore(path, FakeCipher(), lambda: NOW)
    assert stranger.verify_audit() == 3
    stranger.close()


def test_rows_written_after_a_break_do_not_hide_it(store: SqliteStore) -> None:
    """The break stays the first thing found."""
    _tamper(store, "DELETE FROM audit WHERE number = 5")
    store.audit(entry(at=LATER))
    assert store.verify_audit() == 5
