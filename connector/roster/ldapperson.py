"""What a directory says of one person, found by mail address; for templates of join details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connector.roster.base import RosterUnreadable
from connector.roster.ldapgroup import DirectorySettings, LdapGroupRoster, primary_address

# after ldapgroup, which quiets what ldap3 says while it is imported for the first time
from ldap3 import SUBTREE, Connection  # type: ignore[import-untyped]  # isort: skip
from ldap3.core.exceptions import LDAPException  # type: ignore[import-untyped]  # isort: skip
from ldap3.utils.conv import escape_filter_chars  # type: ignore[import-untyped]  # isort: skip

MOST = 5
"""Entries that are looked at: people who share an address, or had it before."""
SECONDS = 20


class Door(LdapGroupRoster):
    """The way in that rosters have; no group plays a part."""

    def __init__(self, settings: DirectorySettings) -> None:
        super().__init__(settings.name, settings, "", "")

    def open(self) -> Connection:
        """Raises RosterUnreadable when no server can be used."""
        return self._connect()


class LdapPeople:
    """People of one directory. A connection is made for each question: keywords are rare."""

    def __init__(self, settings: DirectorySettings) -> None:
        self._door = Door(settings)
        self._base = settings.base

    def attributes(self, address: str, names: Sequence[str]) -> Mapping[str, str]:
        """The first value of each attribute that the person has; empty when nobody has the address.

        Raises RosterUnreadable when the directory can't be asked.
        """
        connection = self._door.open()
        try:
            found = self._search(connection, address, names)
        except LDAPException as error:
            raise RosterUnreadable(f"the directory can't be searched ({type(error).__name__})") from None
        finally:
            connection.unbind()
        theirs = (one for one in found if primary_address(one) == address.lower())
        best = next(theirs, found[0] if found else {})
        return {name: values[0] for name, values in best.items() if values}

    def _search(
        self, connection: Connection, address: str, names: Sequence[str]
    ) -> list[Mapping[str, list[str]]]:
        """Active Directory compares proxyAddresses without regard to case, so aliases are found by it too."""
        safe = escape_filter_chars(address)
        connection.search(
            self._base,
            f"(|(mail={safe})(proxyAddresses=smtp:{safe}))",
            search_scope=SUBTREE,
            attributes=[*names, "mail", "proxyAddresses"],
            size_limit=MOST,
            time_limit=SECONDS,
        )
        return [_texts(one) for one in connection.response or () if one.get("type") == "searchResEntry"]


def _texts(answer: Mapping[str, Any]) -> Mapping[str, list[str]]:
    raw = answer["raw_attributes"]
    return {name: [value.decode("utf-8", "replace") for value in raw[name]] for name in raw}
