"""The key service on the store fulfils the contract; rotation, retirement, rewrapping and damage."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import KeyWithheld
from connector.seal.base import KeyService
from connector.seal.local import KEPT, LocalKeyService
from connector.store.memory import MemoryStore
from tests.contract.key_service import KeyServiceContract
from tests.fakes.cipher import FakeCipher
from tests.fakes.clock import ManualClock

DAY = timedelta(days=1)
KEKS = {1: b"k" * 32}


class House:
    """A store, a clock, KEKs, and services made from them like processes started one after the other."""

    def __init__(self) -> None:
        self.store = MemoryStore(FakeCipher())
        self.clock = ManualClock()
        self.keks = dict(KEKS)

    def service(self) -> LocalKeyService:
        return LocalKeyService(self.store, lambda: self.keks, "cal-01.example.com", 30 * DAY, self.clock)


@pytest.fixture
def house() -> House:
    return House()


class TestLocalKeyService(KeyServiceContract):
    def make(self) -> KeyService:
        return House().service()


def test_a_restarted_service_has_the_same_keys(house: House) -> None:
    """The key was durable before it was handed out."""
    key = house.service().sealing_key("mb-1")
    assert house.service().sealing_key("mb-1") == key
    assert house.service().opening_key(key.uri, "mb-1") == key


def test_a_key_is_rotated_by_age_and_the_old_one_opens_on(house: House) -> None:
    """The day before it is due nothing happens; then there is a new one, and the old one is retired."""
    service = house.service()
    old = service.sealing_key("mb-1")
    house.clock.forward(30 * DAY - timedelta(seconds=1))
    assert service.sealing_key("mb-1") == old
    house.clock.forward(timedelta(seconds=1))
    new = service.sealing_key("mb-1")
    assert new != old
    assert service.opening_key(old.uri, "mb-1") == old
    assert {one.uri: one.retired_at for one in house.store.wrapped_keys()} == {
        old.uri: house.clock(),
        new.uri: None,
    }


def test_a_retired_key_is_destroyed_when_its_time_has_passed(house: House) -> None:
    """38 days of window and the greatest age of the outbox after its retirement, not before."""
    service = house.service()
    old = service.sealing_key("mb-1")
    house.clock.forward(30 * DAY)
    service.sealing_key("mb-1")
    house.clock.forward(KEPT)
    assert service.tidy() == 0
    house.clock.forward(timedelta(seconds=1))
    assert service.tidy() == 1
    for one in (service, house.service()):
        with pytest.raises(KeyWithheld):
            one.opening_key(old.uri, "mb-1")


def test_wrapped_bytes_hold_no_secret_and_fit_no_other_row(house: House) -> None:
    """The wrapping is bound to uri and mailbox: a row copied to another mailbox opens nothing."""
    key = house.service().sealing_key("mb-1")
    (row,) = house.store.wrapped_keys("mb-1")
    assert key.secret not in row.wrapped
    house.store.put_wrapped_key(replace(row, uri="kms://cal-01.example.com/keys/copy", mailbox_id="mb-2"))
    with pytest.raises(KeyWithheld):
        house.service().opening_key("kms://cal-01.example.com/keys/copy", "mb-2")


def test_a_damaged_key_is_replaced_for_sealing(house: House) -> None:
    """A row that can't be unwrapped does not stop the mailbox."""
    old = house.service().sealing_key("mb-1")
    (row,) = house.store.wrapped_keys("mb-1")
    house.store.put_wrapped_key(replace(row, wrapped=row.wrapped[:-1] + bytes([row.wrapped[-1] ^ 1])))
    house.clock.forward(DAY)
    new = house.service().sealing_key("mb-1")
    assert new.secret != old.secret
    assert house.service().keys("mb-1") == (new,)


def test_a_new_kek_takes_over_and_rewrap_lets_the_old_one_go(house: House) -> None:
    """Keys are rewrapped, not replaced; without its KEK a key that was not rewrapped is withheld."""
    key = house.service().sealing_key("mb-1")
    house.keks[2] = b"n" * 32
    assert house.service().opening_key(key.uri, "mb-1") == key
    assert (house.service().rewrap(), house.service().rewrap()) == (1, 0)
    del house.keks[1]
    assert house.service().opening_key(key.uri, "mb-1") == key
    house.keks = {3: b"x" * 32}
    with pytest.raises(KeyWithheld):
        house.service().opening_key(key.uri, "mb-1")


def test_forgetting_overwrites_the_wrapped_bytes(house: House) -> None:
    """Not just a mark: what is left of the row opens nothing under any KEK."""
    service = house.service()
    service.sealing_key("mb-1")
    service.forget("mb-1")
    assert [one.wrapped for one in house.store.wrapped_keys("mb-1")] == [b""]
