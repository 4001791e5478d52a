"""What a row of the shelf says of a key that lives at a key server: its resource, and how often it was used. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Note:
    """``uses`` that count as used, whether they were or not: what was reserved is not given back by a restart."""

    resource: str
    uses: int = 0

    def write(self) -> bytes:
        """For ``WrappedKey.wrapped``: the resource's URI, and the uses behind a space."""
        return f"{self.resource} {self.uses}".encode() if self.uses else self.resource.encode()

    @classmethod
    def read(cls, wrapped: bytes) -> Self:
        """The inverse; a row that says nothing of uses has none."""
        resource, _, uses = wrapped.decode().partition(" ")
        return cls(resource, int(uses) if uses else 0)
