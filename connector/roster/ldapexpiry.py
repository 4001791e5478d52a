"""When passwords of service accounts end, by what Active Directory says of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connector.roster.base import RosterUnreadable
from connector.roster.ldapgroup import DirectorySettings
from connector.roster.ldapperson import Door

# after ldapgroup, which quiets what ldap3 says while it is imported for the first time
from ldap3 import BASE, SUBTREE, Connection  # type: ignore[import-untyped]  # isort: skip
from ldap3.core.exceptions import (  # type: ignore[import-untyped]  # isort: skip
    LDAPException,
    LDAPNoSuchObjectResult,
)
from ldap3.utils.conv import escape_filter_chars  # type: ignore[import-untyped]  # isort: skip

ENDS = "msDS-UserPasswordExpiryTimeComputed"
"""A constructed attribute ([MS-ADTS] 3.1.1.4.5): 100 ns since 1601, the greatest number for never; AD alone has it."""
SECONDS = 20
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_LAST = 0x2400_0000_0000_0000
"""In the year 9819; later ones are no dates of Python's."""


def password_ends(settings: DirectorySettings, accounts: Sequence[str]) -> Mapping[str, datetime]:
    r"""The end of each account's password that the directory knows and that ends at all.

    Accounts are written as they log on: user@domain, DOMAIN\user, or a distinguished name. Raises RosterUnreadable.
    """
    connection = Door(settings).open()
    try:
        found = {one: moment(_asked(connection, settings.base, one)) for one in accounts}
    except LDAPException as error:
        raise RosterUnreadable(f"the directory can't be searched ({type(error).__name__})") from None
    finally:
        connection.unbind()
    return {account: ends for account, ends in found.items() if ends is not None}


def moment(value: str) -> datetime | None:
    """The time that a value of the attribute stands for; None for never, for nothing, and for what is no number."""
    if not value.isascii() or not value.isdecimal() or not 0 < int(value) < _LAST:
        return None
    return _EPOCH + timedelta(microseconds=int(value) // 10)


def _asked(connection: Connection, base: str, account: str) -> str:
    place, scope, where = base, SUBTREE, ""
    domain, _, name = account.rpartition("\\")
    if domain:
        where = f"(sAMAccountName={escape_filter_chars(name)})"
    elif "@" in account:
        where = f"(userPrincipalName={escape_filter_chars(account)})"
    else:
        place, scope, where = account, BASE, "(objectClass=*)"
    try:
        connection.search(
            place, where, search_scope=scope, attributes=[ENDS], size_limit=2, time_limit=SECONDS
        )
    except LDAPNoSuchObjectResult:
        return ""
    return next((_value(one) for one in connection.response or () if one.get("type") == "searchResEntry"), "")


def _value(answer: Mapping[str, Any]) -> str:
    values = answer["raw_attributes"].get(ENDS) or [b""]
    return str(values[0].decode("ascii", "replace"))
