"""What the key hierarchy asks of a place that holds key encryption keys (KEKs). Adapters: ``master``, ``pkcs11``."""

from __future__ import annotations

from typing import Protocol


class KekMissing(Exception):
    """The KEK is not there, or it does not fit what was wrapped; the name says which."""


class KekProvider(Protocol):
    """Wraps and unwraps under KEKs by name; a KEK itself never comes out. Safe to call from several threads."""

    kind: str
    """``credential``, ``pkcs11`` or ``file``."""

    def make(self, name: str) -> None:
        """Make a KEK of that name; one that is there already stays. Raises UserError when it can't be made."""

    def wrap(self, name: str, clear: bytes, bound: bytes) -> bytes:
        """Encrypt and authenticate ``clear`` together with ``bound``. Raises KekMissing."""

    def unwrap(self, name: str, wrapped: bytes, bound: bytes) -> bytes:
        """The inverse. Raises KekMissing when anything of it is not what it was."""

    def warnings(self) -> tuple[str, ...]:
        """What an administrator should know of this place, as sentences; empty when all is well."""
