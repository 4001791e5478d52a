"""Rosters kept in a directory, from the configuration."""

from __future__ import annotations

from pathlib import Path

from connector.config import Config
from connector.config.people import Directory, RosterEntry
from connector.errors import NotFound
from connector.keystore import Keystore
from connector.roster.base import RosterUnreadable
from connector.roster.ldapgroup import DirectorySettings, LdapGroupRoster
from connector.store.base import Store


class Unbound:
    """A directory that nobody may search: `bind:` is missing, and this version has no Kerberos for it."""

    def __init__(self, name: str, directory: str, policy: str) -> None:
        self.name = name
        self.policy = policy
        self._directory = directory

    def addresses(self) -> tuple[str, ...]:
        """Always RosterUnreadable."""
        raise RosterUnreadable(
            f"directories.{self._directory} names no account; write bind: and set the secret directory/{self._directory}"
        )


def group_roster(
    name: str, entry: RosterEntry, config: Config, keystore: Keystore, store: Store
) -> LdapGroupRoster | Unbound:
    """The place of one entry of ``roster.from`` that names a group."""
    directory = str(entry.directory)
    section = config.directories[directory]
    if not section.bind:
        return Unbound(name, directory, entry.policy)
    settings = settings_of(directory, section, keystore, store)
    return LdapGroupRoster(name, settings, str(entry.group), entry.policy)


def settings_of(name: str, section: Directory, keystore: Keystore, store: Store) -> DirectorySettings:
    """How a directory is asked that names an account to ask with."""
    return DirectorySettings(
        name=name,
        servers=section.servers,
        base=section.base,
        bind=str(section.bind),
        password=lambda: _password(keystore, name),
        refusals=StoredRefusal(keystore, store, name),
        ca=section.ca if isinstance(section.ca, Path) else None,
    )


def _password(keystore: Keystore, directory: str) -> str:
    try:
        return keystore.get(f"directory/{directory}").text
    except NotFound as error:
        raise RosterUnreadable(str(error)) from None


class StoredRefusal:
    """The version of a password that was refused, as a setting of the store: no restart tries it again."""

    def __init__(self, keystore: Keystore, store: Store, directory: str) -> None:
        self._keystore = keystore
        self._store = store
        self._secret = f"directory/{directory}"
        self._setting = f"refused/{self._secret}"

    def refused(self) -> bool:
        """Whether the present version was."""
        return self._store.setting(self._setting) == self._version()

    def mark(self) -> None:
        """It was refused just now."""
        self._store.put_setting(self._setting, self._version())

    def _version(self) -> str:
        """A password typed again is another version, even if it is the same."""
        held = [one.version for one in self._keystore.entries() if one.name == self._secret]
        return str(held[0]) if held else "none"
