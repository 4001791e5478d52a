"""Who may fetch the keys of a mailbox's resource, kept in line with who may read the mailbox."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

from connector.errors import KeyWithheld
from connector.seal.kms_client.verbs import Verbs

ReadersOf = Callable[[str], frozenset[str]]
"""The ids, as the key service knows users, of those who may read a mailbox; by mailbox id."""


class Readers:
    """Compares once after a start and whenever somebody joins or leaves. We ourselves are never taken off."""

    def __init__(self, verbs: Verbs, readers_of: ReadersOf, self_id: Callable[[], str]) -> None:
        self._verbs = verbs
        self._readers_of = readers_of
        self._self_id = self_id
        self._lock = Lock()
        self._settled: dict[str, tuple[str, frozenset[str]]] = {}

    def resource(self, mailbox_id: str, key_uri: str) -> str:
        """A new resource for the mailbox with its readers and one key; its URI. Raises Transient and KeyWithheld."""
        wanted = self._readers_of(mailbox_id)
        try:
            made = self._verbs.create_resource(wanted, [key_uri]).uri
        except KeyWithheld:  # all or nothing: one of them is no user of this service
            made = self._verbs.create_resource([], [key_uri]).uri
            self._admit(made, wanted)
        self._note(mailbox_id, made, wanted)
        return made

    def settle(self, mailbox_id: str, resource_uri: str) -> None:
        """Bring the authorizations in line. Raises Transient; a user whom the service does not know is left out until something changes."""
        wanted = self._readers_of(mailbox_id)
        with self._lock:
            if self._settled.get(mailbox_id) == (resource_uri, wanted):
                return
        known = {one.auth_id for one in self._verbs.authorizations(resource_uri)}
        for reader in sorted(known - wanted - {self._self_id(), ""}):
            self._verbs.withdraw(resource_uri, reader)
        self._admit(resource_uri, wanted - known)
        self._note(mailbox_id, resource_uri, wanted)

    def close(self, mailbox_id: str, resource_uri: str) -> None:
        """Nobody may fetch the keys any more, at last not we. Raises Transient; a resource that is gone already is closed."""
        try:
            known = {one.auth_id for one in self._verbs.authorizations(resource_uri)}
        except KeyWithheld:
            known = set()
        own = self._self_id()
        for reader in [*sorted(known - {own, ""}), *(known & {own})]:
            self._verbs.withdraw(resource_uri, reader)
        with self._lock:
            self._settled.pop(mailbox_id, None)

    def mailboxes(self) -> dict[str, str]:
        """Those looked at so far, with their resources."""
        with self._lock:
            return {mailbox_id: resource for mailbox_id, (resource, _) in self._settled.items()}

    def _note(self, mailbox_id: str, resource_uri: str, readers: frozenset[str]) -> None:
        with self._lock:
            self._settled[mailbox_id] = (resource_uri, readers)

    def _admit(self, resource_uri: str, newcomers: frozenset[str]) -> None:
        """All at once, and one by one if the service does not accept one of them."""
        if not newcomers:
            return
        try:
            self._verbs.authorize(resource_uri, newcomers)
        except KeyWithheld:
            for reader in sorted(newcomers):
                self._try(resource_uri, reader)

    def _try(self, resource_uri: str, reader: str) -> None:
        try:
            self._verbs.authorize(resource_uri, [reader])
        except KeyWithheld:
            return  # not a user of this service, now
