"""What rests in the database opens only with the key and at the place of its sealing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import StoreError
from connector.seal.state import LocalCipher
from connector.store.base import StateCipher

CIPHER: StateCipher = LocalCipher(b"k" * 32)


@settings(deadline=None)
@given(st.binary(max_size=500), st.text(max_size=50))
def test_bytes_come_back(clear: bytes, context: str) -> None:
    """Sealing and opening in one context is the identity, and no two sealings are equal."""
    sealed = CIPHER.seal(clear, context)
    assert CIPHER.open(sealed, context) == clear
    assert sealed != CIPHER.seal(clear, context)


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_anything_else_is_one_sentence(sealed: bytes) -> None:
    """Damaged bytes are a StoreError that says what may be the matter."""
    with pytest.raises(StoreError, match="state key"):
        CIPHER.open(sealed, "mailbox/1")


def test_another_place_or_key_does_not_open() -> None:
    """A value can't be copied into another row, nor read with another keystore."""
    sealed = CIPHER.seal(b"anna@example.com", "mailbox/1")
    for cipher, context in ((CIPHER, "mailbox/2"), (LocalCipher(b"l" * 32), "mailbox/1")):
        with pytest.raises(StoreError):
            cipher.open(sealed, context)


def test_digests_are_equal_for_equal_texts_under_one_key() -> None:
    """A value can be found by its digest, by nobody without the key."""
    assert CIPHER.digest("a") == LocalCipher(b"k" * 32).digest("a")
    assert len({CIPHER.digest("a"), CIPHER.digest("b"), LocalCipher(b"l" * 32).digest("a")}) == 3


def test_a_key_of_another_length_is_a_mistake_of_the_program() -> None:
    """32 bytes and nothing else."""
    with pytest.raises(ValueError, match="32 bytes"):
        LocalCipher(b"short")
