"""What the core asks of a key service. Adapters: ``local``, ``memory`` (and later ``kms_client``)."""

from __future__ import annotations

from typing import Protocol

from connector.model import ContentKey


class KeyService(Protocol):
    """Hands out content keys. Raises Transient when it is away and KeyWithheld when it refuses."""

    def sealing_key(self, mailbox_id: str) -> ContentKey:
        """The key to seal this mailbox's next envelope with; made or rotated when due.

        It is durable before it is returned: no envelope can outlive its key.
        """

    def opening_key(self, uri: str, mailbox_id: str) -> ContentKey:
        """The key of that uri. Raises KeyWithheld (``key-unknown``) also when it belongs to another mailbox."""

    def keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        """All keys of the mailbox that still open something, newest first."""

    def forget(self, mailbox_id: str) -> None:
        """Destroy every key of the mailbox: what was sealed with them can't be read again by anyone."""

    def tidy(self) -> int:
        """Destroy retired keys that nothing names any more; how many."""
