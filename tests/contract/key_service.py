"""What every key service does, whatever it keeps its keys in."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest

from connector.errors import KeyWithheld
from connector.seal.base import KeyService


class KeyServiceContract(ABC):
    """Subclass it with ``make``; each test gets a fresh service."""

    @abstractmethod
    def make(self) -> KeyService:
        """A service without keys."""

    @pytest.fixture
    def service(self) -> KeyService:
        return self.make()

    def test_a_mailbox_keeps_its_sealing_key(self, service: KeyService) -> None:
        """Asking again gives the same key of 256 bits with a kms: uri."""
        key = service.sealing_key("mb-1")
        assert key == service.sealing_key("mb-1")
        assert key.uri.startswith("kms://")
        assert (len(key.secret), key.mailbox_id) == (32, "mb-1")

    def test_two_mailboxes_share_no_key(self, service: KeyService) -> None:
        """Neither uri nor secret."""
        one, other = service.sealing_key("mb-1"), service.sealing_key("mb-2")
        assert one.uri != other.uri
        assert one.secret != other.secret

    def test_a_sealing_key_opens_for_its_mailbox(self, service: KeyService) -> None:
        """The key is found again by its uri."""
        key = service.sealing_key("mb-1")
        assert service.opening_key(key.uri, "mb-1") == key
        assert service.keys("mb-1") == (key,)

    @pytest.mark.parametrize("uri", ["kms://nowhere/keys/1", ""])
    def test_an_unknown_key_is_withheld(self, service: KeyService, uri: str) -> None:
        """A uri that was never given out."""
        with pytest.raises(KeyWithheld) as caught:
            service.opening_key(uri, "mb-1")
        assert caught.value.code == "key-unknown"

    def test_the_key_of_another_mailbox_is_withheld(self, service: KeyService) -> None:
        """Knowing a uri does not help."""
        key = service.sealing_key("mb-1")
        for _ in range(2):
            with pytest.raises(KeyWithheld):
                service.opening_key(key.uri, "mb-2")

    def test_forgotten_keys_open_nothing(self, service: KeyService) -> None:
        """Neither the key nor its secret comes back; a mailbox that returns gets a new one."""
        key, other = service.sealing_key("mb-1"), service.sealing_key("mb-2")
        service.forget("mb-1")
        with pytest.raises(KeyWithheld):
            service.opening_key(key.uri, "mb-1")
        assert service.keys("mb-1") == ()
        assert service.sealing_key("mb-1").secret != key.secret
        assert service.opening_key(other.uri, "mb-2") == other

    def test_a_secret_is_not_shown(self, service: KeyService) -> None:
        """Neither repr nor str of a key shows it."""
        key = service.sealing_key("mb-1")
        assert repr(key.secret) not in repr(key)
        assert key.secret.hex() not in f"{key} {key!r}"

    def test_tidying_keeps_the_keys_in_use(self, service: KeyService) -> None:
        """Nothing that is in use is ever destroyed."""
        key = service.sealing_key("mb-1")
        service.tidy()
        assert service.opening_key(key.uri, "mb-1") == key
