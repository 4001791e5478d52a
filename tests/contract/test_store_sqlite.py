"""The SQLite store against the contract of stores."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.store.base import Store
from connector.store.sqlite import SqliteStore
from tests.contract.store import StoreContract
from tests.contract.store_nouns import NOW
from tests.fakes.cipher import FakeCipher


class TestSqliteStore(StoreContract):
    """On a file of its own."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        store = SqliteStore(tmp_path / "state" / "connector.db", FakeCipher(), lambda: NOW)
        yield store
        store.close()


class TestReopenedSqliteStore(StoreContract):
    """As after a restart: every verb finds what was written before by another connection."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[Store]:
        cipher = FakeCipher()
        path = tmp_path / "connector.db"
        SqliteStore(path, cipher, lambda: NOW).close()
        store = SqliteStore(path, cipher, lambda: NOW)
        yield store
        store.close()
