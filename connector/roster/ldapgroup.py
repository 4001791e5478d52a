"""A roster kept as a group of Active Directory or another LDAP directory; nested groups count.

Active Directory cuts the attribute ``member`` at 1,500 values ([MS-ADTS] 3.1.1.3.4.5, MaxValRange), so there the members are
searched by ``memberOf`` with the matching rule LDAP_MATCHING_RULE_IN_CHAIN ([MS-ADTS] 3.1.1.3.4.4.3), page by page
(RFC 2696). Other directories do not know the rule: there the groups are walked.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from connector.errors import ConfigError
from connector.roster.base import RosterUnreadable
from connector.tls import trusting

with warnings.catch_warnings():
    # ldap3 2.9.1 takes pyasn1's codecs by names that pyasn1 gives up; nobody here can mend that.
    warnings.simplefilter("ignore", DeprecationWarning)
    from ldap3 import BASE, NONE, SUBTREE, Connection, Server, Tls  # type: ignore[import-untyped]
    from ldap3.core.exceptions import (  # type: ignore[import-untyped]
        LDAPBindError,
        LDAPException,
        LDAPInvalidCredentialsResult,
        LDAPNoSuchObjectResult,
    )
    from ldap3.utils.conv import escape_filter_chars  # type: ignore[import-untyped]

IN_CHAIN = "1.2.840.113556.1.4.1941"
ACTIVE_DIRECTORY = "1.2.840.113556.1.4.800"
"""Among rootDSE's supportedCapabilities ([MS-ADTS] 3.1.1.3.4.3.1)."""
PAGE = 500
CONNECT_SECONDS = 10
ANSWER_SECONDS = 60
MEMBERS = 200_000

_PERSON = ("mail", "proxyAddresses")
_MEMBERS = ("member", "uniqueMember")


class Refusals(Protocol):
    """Remembers a refused password, so that no run locks the account by trying it again."""

    def refused(self) -> bool:
        """Whether the present password was refused before."""

    def mark(self) -> None:
        """It was refused just now."""


@dataclass(frozen=True, slots=True)
class DirectorySettings:
    """Where the directory is and who asks. ``password`` is read at each run."""

    name: str
    servers: tuple[str, ...]
    base: str
    bind: str
    password: Callable[[], str]
    refusals: Refusals
    ca: Path | None = None


class LdapGroupRoster:
    """Members of ``group`` (a distinguished name), by their primary addresses; those without one are passed over."""

    def __init__(self, name: str, settings: DirectorySettings, group: str, policy: str) -> None:
        self.name = name
        self.policy = policy
        self._settings = settings
        self._group = group

    def addresses(self) -> tuple[str, ...]:
        """Read the group anew. Raises RosterUnreadable, also for a group that names nobody."""
        connection = self._connect()
        try:
            found = tuple(dict.fromkeys(self._addresses(connection)))
        except LDAPException as error:
            raise RosterUnreadable(
                f"the group {self._group} can't be read ({_words(error)}); nothing was changed"
            ) from None
        finally:
            connection.unbind()
        if not found:
            raise RosterUnreadable(
                f"the group {self._group} names nobody with a mail address; nothing was changed"
            )
        return found

    def _addresses(self, connection: Connection) -> Iterator[str]:
        chained = ACTIVE_DIRECTORY in _read(connection, "", ("supportedCapabilities",)).get(
            "supportedCapabilities", ()
        )
        entries = self._chained(connection) if chained else self._walked(connection)
        for entry in entries:
            address = primary_address(entry)
            if address:
                yield address

    def _chained(self, connection: Connection) -> Iterator[Mapping[str, Any]]:
        where = f"(memberOf:{IN_CHAIN}:={escape_filter_chars(self._group)})"
        yield from _paged(connection, self._settings.base, where)

    def _walked(self, connection: Connection) -> Iterator[Mapping[str, Any]]:
        """Group by group; each is looked at once, however often and in whatever circle they name each other."""
        seen, waiting = {self._group.lower()}, [self._group]
        for _ in range(MEMBERS):
            if not waiting:
                return
            entry = _read(connection, waiting.pop())
            members = [one for name in _MEMBERS for one in entry.get(name, ())]
            if not members:
                yield entry
            fresh = {one.lower(): one for one in members if one.lower() not in seen}
            seen |= fresh.keys()
            waiting += fresh.values()
        raise RosterUnreadable(
            f"the group {self._group} has more than {MEMBERS:,} members; nothing was changed"
        )

    # --- connecting

    def _connect(self) -> Connection:
        """The first server that answers. A refused password is tried at one server only."""
        if self._settings.refusals.refused():
            raise RosterUnreadable(
                f"the password of {self._settings.bind} was refused by the directory and is not tried again;"
                f" type the new one: calendar-connector secret set directory/{self._settings.name}"
            )
        problems = []
        for url in self._settings.servers:
            try:
                return self._bound(url)
            except (LDAPInvalidCredentialsResult, LDAPBindError):
                self._settings.refusals.mark()
                raise RosterUnreadable(
                    f"{url} refuses the password of {self._settings.bind}; nothing was changed"
                ) from None
            except (LDAPException, OSError, ConfigError) as error:
                problems.append(f"{url}: {_words(error)}")
        raise RosterUnreadable(f"no server of the directory can be used ({'; '.join(problems)})")

    def _bound(self, url: str) -> Connection:
        place = urlsplit(url)
        tls = _CheckedTls(
            trusting(self._settings.ca, setting=f"directories.{self._settings.name}.ca"), place.hostname or ""
        )
        server = Server(
            place.hostname,
            place.port or 636,
            use_ssl=True,
            tls=tls,
            connect_timeout=CONNECT_SECONDS,
            get_info=NONE,
        )
        connection = Connection(
            server,
            self._settings.bind,
            self._settings.password(),
            read_only=True,
            raise_exceptions=True,
            check_names=False,
            auto_referrals=False,
            receive_timeout=ANSWER_SECONDS,
        )
        try:
            connection.open()
            connection.bind()
        except (LDAPException, OSError):
            if connection.socket is not None:
                connection.socket.close()
            raise
        return connection


class _CheckedTls(Tls):  # type: ignore[misc]
    """TLS as Python's own library does it, names checked by OpenSSL; ldap3's checks by a function Python gave up."""

    def __init__(self, context: ssl.SSLContext, host: str) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context
        self._host = host

    def wrap_socket(self, connection: Connection, do_handshake: bool = False) -> None:  # noqa: FBT001, FBT002 - ldap3's signature
        """Put the connection's socket into TLS; it is closed when that fails."""
        plain = connection.socket
        try:
            connection.socket = self._context.wrap_socket(
                plain, server_hostname=self._host, do_handshake_on_connect=do_handshake
            )
        except (OSError, ValueError):
            plain.close()
            raise


def primary_address(entry: Mapping[str, Any]) -> str:
    """The address that Exchange calls primary: SMTP: in capitals among proxyAddresses, else mail; "" for none."""
    for proxy in entry.get("proxyAddresses", ()):
        if proxy.startswith("SMTP:"):
            return str(proxy.removeprefix("SMTP:")).strip().lower()
    return next((str(one).strip().lower() for one in entry.get("mail", ()) if "@" in one), "")


def _paged(connection: Connection, base: str, where: str) -> Iterator[Mapping[str, Any]]:
    answers = connection.extend.standard.paged_search(
        base, where, search_scope=SUBTREE, attributes=list(_PERSON), paged_size=PAGE, generator=True
    )
    for number, answer in enumerate(_entries(answers)):
        if number >= MEMBERS:
            raise RosterUnreadable(f"the group has more than {MEMBERS:,} members; nothing was changed")
        yield answer


def _read(
    connection: Connection, name: str, attributes: Sequence[str] = (*_PERSON, *_MEMBERS)
) -> Mapping[str, Any]:
    """One entry; an empty one for a name that leads nowhere (a member that was deleted)."""
    try:
        connection.search(name, "(objectClass=*)", search_scope=BASE, attributes=list(attributes))
    except LDAPNoSuchObjectResult:
        return {}
    return next(_entries(connection.response or ()), {})


def _entries(answers: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Attributes as texts; references to other servers are passed over."""
    for answer in answers:
        if answer.get("type") == "searchResEntry":
            raw = answer["raw_attributes"]
            yield {name: [value.decode("utf-8", "replace") for value in raw[name]] for name in raw}


def _words(error: Exception) -> str:
    """Why, without what the server says at length."""
    text = getattr(error, "description", None) or getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split())[:120] or type(error).__name__
