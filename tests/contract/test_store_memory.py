"""The memory store against the contract of stores."""

from __future__ import annotations

import pytest

from connector.store.base import Store
from connector.store.memory import MemoryStore
from tests.contract.store import StoreContract
from tests.fakes.cipher import FakeCipher


class TestMemoryStore(StoreContract):
    """Without a cipher."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


class TestMemoryStoreWithCipher(StoreContract):
    """With the digests of a cipher."""

    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore(FakeCipher())
