"""What daemon and commands both stand on: configuration, keystore and store, opened once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from connector.app.directories import group_roster
from connector.config import Config, Loaded
from connector.errors import NotFound
from connector.keystore import Keystore, master_key
from connector.log import hide
from connector.model import Clock
from connector.operations.desk import Desk
from connector.operations.premises import Live, Redirects
from connector.operations.sources import known
from connector.roster.base import RosterPlace
from connector.roster.csvfile import CsvRoster
from connector.seal.state import LocalCipher
from connector.source.exchange.redirects import RememberedRedirects
from connector.store.base import Store
from connector.store.sqlite import SqliteStore

STATE_KEY = "state"
DATABASE = "connector.db"


def system_clock() -> datetime:
    """The time of day of this machine."""
    return datetime.now(UTC)


def open_keystore(config: Config, clock: Clock = system_clock) -> Keystore:
    """The keystore of a configuration; nothing is read yet."""
    master = master_key(config.keystore.master_key, config.state, os.environ)
    return Keystore(config.keystore_path, master, clock)


def open_store(config: Config, keystore: Keystore, clock: Clock = system_clock) -> Store:
    """The database; made when there is none. Raises StoreError and KeystoreError."""
    _, state_key = keystore.local_key(STATE_KEY)
    return SqliteStore(config.state / DATABASE, LocalCipher(state_key), clock)


def roster_places(config: Config, keystore: Keystore, store: Store) -> tuple[RosterPlace, ...]:
    """The places under ``roster.from``, in the order of the file."""
    return tuple(
        CsvRoster(name, entry.csv, entry.policy)
        if entry.csv
        else group_roster(name, entry, config, keystore, store)
        for name, entry in config.roster.from_.items()
    )


def secret_of(keystore: Keystore, name: str) -> Callable[[], str]:
    """Reads a secret anew at each use, "" when it was never set: a changed one counts without a restart."""

    def read() -> str:
        try:
            value = keystore.get(name).text
        except NotFound:
            return ""
        hide(value)
        return value

    return read


def forget_refusals(store: Store, secret: str) -> None:
    """A person typed the secret just now: that it was refused before no longer counts."""
    kind, _, rest = secret.partition("/")
    if kind == "exchange":
        store.put_setting(f"refused/{rest.partition('/')[0]}", None)


@dataclass(frozen=True, slots=True)
class Ground:
    """Premises without a daemon; ``Appliance`` builds on it."""

    loaded: Loaded
    keystore: Keystore
    store: Store
    clock: Clock = system_clock
    changed: Callable[[str], None] = lambda _mailbox_id: None

    @property
    def live(self) -> Live | None:
        """No daemon here."""
        return None

    def desk(self, actor: str) -> Desk:
        """A desk for the person who asks."""
        return Desk(self.store, self.loaded.config, self.clock, actor, self.changed)

    def places(self) -> Sequence[RosterPlace]:
        """The places of the roster."""
        return roster_places(self.loaded.config, self.keystore, self.store)

    def redirects(self, source: str) -> Redirects:
        """Pending Autodiscover redirects of a source."""
        known(self.desk(""), source)
        return remembered_redirects(self.store, source)


def remembered_redirects(store: Store, source: str) -> RememberedRedirects:
    """Kept as a setting of the store."""
    name = f"redirects/{source}"
    return RememberedRedirects(lambda: store.setting(name), lambda text: store.put_setting(name, text))


def open_ground(loaded: Loaded, clock: Clock = system_clock) -> Ground:
    """Open keystore and store of a configuration. Raises KeystoreError and StoreError."""
    keystore = open_keystore(loaded.config, clock)
    return Ground(loaded, keystore, open_store(loaded.config, keystore, clock), clock)
