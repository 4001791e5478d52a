"""The key service in memory fulfils the contract, and can be away and withhold."""

from __future__ import annotations

import pytest

from connector.errors import KeyWithheld, Transient
from connector.seal.base import KeyService
from connector.seal.memory import MemoryKeyService
from tests.contract.key_service import KeyServiceContract
from tests.fakes.clock import ManualClock


class TestMemoryKeyService(KeyServiceContract):
    def make(self) -> KeyService:
        return MemoryKeyService(ManualClock())


def test_while_away_every_call_is_transient() -> None:
    """A switch for tests of what waits for keys."""
    service = MemoryKeyService(ManualClock())
    key = service.sealing_key("mb-1")
    service.away = True
    for call in (service.sealing_key, service.keys, service.forget):
        with pytest.raises(Transient):
            call("mb-1")
    service.away = False
    assert service.sealing_key("mb-1") == key


def test_a_withheld_key_is_replaced_and_opens_no_more() -> None:
    """As after a revocation in a key management system."""
    service = MemoryKeyService(ManualClock())
    key = service.sealing_key("mb-1")
    service.withhold(key.uri)
    assert service.sealing_key("mb-1") != key
    with pytest.raises(KeyWithheld):
        service.opening_key(key.uri, "mb-1")


def test_after_rotation_both_keys_open() -> None:
    """The older one still opens what it sealed."""
    service = MemoryKeyService(ManualClock())
    old = service.sealing_key("mb-1")
    service.rotate("mb-1")
    new = service.sealing_key("mb-1")
    assert service.keys("mb-1") == (new, old)
