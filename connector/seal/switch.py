"""Moving from one key service to another: new keys come from one, what was sealed before stays readable under the other's."""

from __future__ import annotations

from connector.errors import KeyWithheld
from connector.model import ContentKey
from connector.seal.base import KeyService


class SwitchedKeyService:
    """``connector.seal.base.KeyService``. Both keep their rows on one shelf, and each knows its own."""

    def __init__(self, current: KeyService, former: KeyService) -> None:
        self._current = current
        self._former = former

    def sealing_key(self, mailbox_id: str) -> ContentKey:
        """Of the current service; making it retires the former's."""
        return self._current.sealing_key(mailbox_id)

    def opening_key(self, uri: str, mailbox_id: str) -> ContentKey:
        """Of whichever has it. A former service that is away is waited for, as its key is known to exist."""
        try:
            return self._current.opening_key(uri, mailbox_id)
        except KeyWithheld:
            return self._former.opening_key(uri, mailbox_id)

    def keys(self, mailbox_id: str) -> tuple[ContentKey, ...]:
        """The current service's first: commands are sealed under the first of them."""
        return (*self._current.keys(mailbox_id), *self._former.keys(mailbox_id))

    def forget(self, mailbox_id: str) -> None:
        """Of both."""
        self._former.forget(mailbox_id)
        self._current.forget(mailbox_id)

    def tidy(self) -> int:
        """Of the shelf that they share."""
        return self._current.tidy()
