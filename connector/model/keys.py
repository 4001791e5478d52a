"""Content keys, in use and at rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ContentKey:
    """A 256-bit key that seals meetings of one mailbox; ``uri`` is a kms: URI and stands in every ciphertext."""

    uri: str
    mailbox_id: str
    secret: bytes = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A content key as it rests in the store: AES-256-GCM under the KEK, with URI and mailbox id as AAD."""

    uri: str
    mailbox_id: str
    wrapped: bytes
    kek_version: int
    created_at: datetime
    retired_at: datetime | None = None
