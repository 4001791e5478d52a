"""Seals what rests in the local database, under a state key that the keystore holds."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from connector.errors import StoreError

_IV_BYTES = 12
_FORM = b"\x01"


class LocalCipher:
    """``connector.store.base.StateCipher`` with AES-256-GCM and HMAC-SHA256 under keys derived from one of 32 bytes.

    A sealed value is one byte of form, 12 of nonce, then ciphertext and tag.
    """

    def __init__(self, state_key: bytes) -> None:
        if len(state_key) != 32:
            raise ValueError("a state key has 32 bytes")
        self._aead = AESGCM(_derive(state_key, b"seal"))
        self._mac_key = _derive(state_key, b"digest")

    def seal(self, clear: bytes, context: str) -> bytes:
        """Encrypt; ``context`` is bound as associated data."""
        nonce = secrets.token_bytes(_IV_BYTES)
        return _FORM + nonce + self._aead.encrypt(nonce, clear, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt. Raises StoreError when bytes, context or key are not those of the sealing."""
        nonce, ciphertext = sealed[1 : 1 + _IV_BYTES], sealed[1 + _IV_BYTES :]
        if sealed[:1] != _FORM or len(nonce) != _IV_BYTES:
            raise _damaged()
        try:
            return self._aead.decrypt(nonce, ciphertext, context.encode())
        except InvalidTag as error:
            raise _damaged() from error

    def digest(self, text: str) -> str:
        """A keyed digest to find a value by, 64 hexadecimal digits."""
        return hmac.new(self._mac_key, text.encode(), hashlib.sha256).hexdigest()


def _derive(key: bytes, label: bytes) -> bytes:
    return HKDFExpand(hashes.SHA256(), 32, b"calendar-connector state " + label).derive(key)


def _damaged() -> StoreError:
    return StoreError(
        "The database can't be read with the state key of this keystore:"
        " it is damaged, or keystore and database are not of the same backup."
    )
