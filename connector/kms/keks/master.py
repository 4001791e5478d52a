"""KEKs derived from one master secret of 32 bytes, which stands in a systemd credential or, for trials, in a file."""

from __future__ import annotations

import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from connector.kms.keks.base import KekMissing

MASTER_BYTES = 32
_IV_BYTES = 12
_LABEL = b"calendar-connector-kms kek "


class MasterKeks:
    """``KekProvider`` by HKDF-SHA-256 (RFC 5869), the KEK's name as info, and AES-256-GCM.

    A wrapped value is 12 bytes of random IV, then ciphertext and tag.
    """

    def __init__(self, master: bytes, kind: str, warnings: tuple[str, ...] = ()) -> None:
        if len(master) != MASTER_BYTES:
            raise ValueError(f"a master secret has {MASTER_BYTES} bytes")
        self.kind = kind
        self._warnings = warnings
        self._cipher = lru_cache(maxsize=64)(lambda name: AESGCM(_derive(master, name)))

    def make(self, name: str) -> None:
        """Nothing: every name has its KEK."""

    def wrap(self, name: str, clear: bytes, bound: bytes) -> bytes:
        """Under a fresh IV; one KEK wraps far fewer than 2^32 values (NIST SP 800-38D section 8.3)."""
        iv = secrets.token_bytes(_IV_BYTES)
        return iv + self._cipher(name).encrypt(iv, clear, bound)

    def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes:
        """Raises KekMissing for another master, another name, other associated data and for damage alike."""
        try:
            return self._cipher(name).decrypt(wrapped[:_IV_BYTES], wrapped[_IV_BYTES:], bound)
        except (InvalidTag, ValueError) as error:
            raise KekMissing(name) from error

    def warnings(self) -> tuple[str, ...]:
        """What was found when the master secret was fetched."""
        return self._warnings


def _derive(master: bytes, name: str) -> bytes:
    return HKDF(SHA256(), 32, None, _LABEL + name.encode()).derive(master)
