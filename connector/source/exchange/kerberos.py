"""Kerberos tickets for Negotiate: by password or by keytab, fetched by us so that the KDC's word is heard.

An optional extra (``gssapi`` and ``krb5``): without it Negotiate is NTLM inside SPNEGO. Left to itself the library would answer a
password that the KDC refuses by trying NTLM with it, a second bad logon for one; here the KDC's refusal is the answer. When
no KDC is known or none answers, Negotiate goes on with NTLM.

A keytab is kept as the account's secret, in base64: ``base64 svc.keytab | calendar-connector secret set exchange/hq/a``.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import spnego

from connector.errors import CredentialRefused, Transient

KEYTAB = b"\x05\x02"
"""The first bytes of a keytab of version 2 (MIT "Keytab file format")."""

_REFUSALS = {
    18: "it is disabled or locked",
    23: "its password has expired",
    24: "the password is not right",
    31: "the password is not right",
}
"""Error codes of RFC 4120, 7.5.9: CLIENT_REVOKED, KEY_EXPIRED, PREAUTH_FAILED, BAD_INTEGRITY."""
_UNKNOWN_PRINCIPAL = 6
_BASE = -1765328384
"""What libkrb5 adds to the protocol's error codes (ERROR_TABLE_BASE_krb5)."""

Credential = tuple[Any, str | None]
"""User and password as ``spnego.client`` takes them; a ticket cache stands in place of both."""


class KdcRefusal(Exception):
    """The KDC does not take the secret; nothing went to Exchange."""

    def __init__(self, realm: str, why: str) -> None:
        super().__init__(f"KDC of {realm} ({why})")


def keytab_of(secret: str) -> bytes | None:
    """The keytab a secret holds, None when it is a password."""
    try:
        raw = base64.b64decode("".join(secret.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if raw.startswith(KEYTAB) else None


@contextmanager
def credential(account: str, secret: str) -> Iterator[Credential]:
    """What to log on with: a ticket where one can be had, else the password.

    Raises:
        KdcRefusal: the KDC refuses the account.
        CredentialRefused: the secret is a keytab and the extra is not installed, or the account has no realm.
        Transient: the secret is a keytab and no KDC gives a ticket.
    """
    library, keytab = _library(), keytab_of(secret)
    name, _, domain = account.partition("@")
    if library is None or not domain:
        if keytab:
            sentence = (
                "a keytab takes the extra `kerberos` (gssapi, krb5) and an account written as name@domain"
            )
            raise CredentialRefused("credential-missing", sentence)
        yield account, secret
        return
    wallet = _opened(library, f"{name}@{domain.upper()}", keytab)
    if wallet is None:
        yield account, secret
        return
    try:
        yield _fetched(wallet, keytab, secret) or (account, secret)
    finally:
        wallet.close()


def _opened(library: ModuleType, principal: str, keytab: bytes | None) -> _Wallet | None:
    """A place for tickets; None where this machine's Kerberos can't be used and a password could go on with NTLM."""
    try:
        return _Wallet(library, principal)
    except library.Krb5Error as error:
        if keytab:
            sentence = f"Kerberos can't be used here, look at /etc/krb5.conf: {error}"
            raise Transient("unreachable", sentence) from error
        return None


def _fetched(wallet: _Wallet, keytab: bytes | None, secret: str) -> Credential | None:
    """The ticket; None when there is none to be had and a password could go on with NTLM."""
    try:
        if keytab:
            wallet.by_keytab(keytab)
        else:
            wallet.by_password(secret)
    except wallet.failure as error:
        code = error.err_code - _BASE  # type: ignore[attr-defined] # Krb5Error, of a library that may be missing
        if code in _REFUSALS or (keytab and code == _UNKNOWN_PRINCIPAL):
            raise KdcRefusal(wallet.realm, _REFUSALS.get(code, "it has no such account")) from error
        if keytab:
            raise Transient("unreachable", f"no ticket for {wallet.principal}: {error}") from error
        return None
    return spnego.KerberosCCache(ccache=wallet.name), None


class _Wallet:
    """A ticket cache in memory, for one handshake."""

    def __init__(self, library: ModuleType, principal: str) -> None:
        self.principal = principal
        self.realm = principal.rpartition("@")[2]
        self.failure: type[Exception] = library.Krb5Error
        self._library = library
        self._context = library.init_context()
        self._owner = library.parse_name_flags(self._context, principal.encode())
        self._options = library.get_init_creds_opt_alloc(self._context)
        self._cache = library.cc_new_unique(self._context, b"MEMORY")

    @property
    def name(self) -> str:
        """By which other parts of the process find it."""
        kind = self._library.cc_get_type(self._context, self._cache)
        return f"{kind.decode()}:{self._library.cc_get_name(self._context, self._cache).decode()}"

    def by_password(self, password: str) -> None:
        """Fetch a ticket. Raises ``failure``."""
        ask = self._library.get_init_creds_password
        self._keep(lambda: ask(self._context, self._owner, self._options, password=password.encode()))

    def by_keytab(self, keytab: bytes) -> None:
        """Fetch a ticket; the keytab is a file in memory for as long as that takes. Raises ``failure``."""
        file = os.memfd_create("keytab", os.MFD_CLOEXEC)
        try:
            os.write(file, keytab)
            table = self._library.kt_resolve(self._context, f"FILE:/proc/self/fd/{file}".encode())
            ask = self._library.get_init_creds_keytab
            self._keep(lambda: ask(self._context, self._owner, self._options, keytab=table))
        finally:
            os.close(file)

    def close(self) -> None:
        """Destroy it."""
        self._library.cc_destroy(self._context, self._cache)

    def _keep(self, fetch: Callable[[], Any]) -> None:
        ticket = fetch()
        self._library.cc_initialize(self._context, self._cache, self._owner)
        self._library.cc_store_cred(self._context, self._cache, ticket)


def _library() -> ModuleType | None:
    """The extra's Python binding of libkrb5; None where it is not installed."""
    try:
        importlib.import_module("gssapi")
        return importlib.import_module("krb5")
    except ImportError:
        return None
