"""The accounts that may log on, their passwords, and the lock that closes an account after too many bad logons."""

import os
import threading
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from spnego._ntlm_raw.crypto import ntowfv1

LOCKOUT = 5
NO_LM_HASH = "0" * 32


@dataclass(slots=True)
class Account:
    """One account of the domain. `bad_logons` counts since the last good one."""

    name: str
    password: str
    bad_logons: int = 0
    locked: bool = False
    refused: list[datetime] = field(default_factory=list)


class Accounts:
    """All accounts of one directory; pyspnego gets their NT hashes in the form of smbpasswd, so that a password may hold anything.

    pyspnego's NTLM acceptor reads its credentials from the file that the environment variable NTLM_USER_FILE names, so there is
    one set of accounts in a process.
    """

    def __init__(self, directory: Path, domain: str, lockout: int = LOCKOUT) -> None:
        """Start without any account.

        Args:
            directory: where the credential file is kept.
            domain: DNS domain of the accounts (`example.com`); its first label is the short name (`EXAMPLE`).
            lockout: bad logons in a row that lock an account.
        """
        self._lock = threading.Lock()
        self._path = directory / "ntlm-users"
        self._domain = domain.lower()
        self._short = domain.split(".", maxsplit=1)[0].upper()
        self._lockout = lockout
        self._accounts: dict[str, Account] = {}

    def set_password(self, name: str, password: str) -> None:
        """Add the account, or change its password; the count of bad logons and a lock stay as they are."""
        with self._lock:
            account = self._accounts.setdefault(name.lower(), Account(name.lower(), password))
            account.password = password
            self._publish()

    def lock(self, name: str, *, locked: bool = True) -> None:
        """Close the account, or open it again with its count at nought."""
        with self._lock:
            account = self._accounts[name.lower()]
            account.locked = locked
            account.bad_logons = 0

    def find(self, user: str, domain: str = "") -> Account | None:
        r"""The account behind `DOMAIN\user`, `user@domain` or `user`; None when nobody has that name."""
        if "\\" in user:
            domain, _, user = user.partition("\\")
        name, _, suffix = user.partition("@")
        if suffix.lower() not in {"", self._domain}:
            return None
        if domain.lower() not in {"", self._domain, self._short.lower()}:
            return None
        return self._accounts.get(name.lower())

    def refused(self, account: Account, now: datetime) -> None:
        """Count a bad logon; the last one allowed locks the account."""
        with self._lock:
            account.bad_logons += 1
            account.refused.append(now)
            account.locked = account.locked or account.bad_logons >= self._lockout

    def accepted(self, account: Account) -> None:
        """Forget earlier bad logons."""
        with self._lock:
            account.bad_logons = 0

    def report(self) -> list[dict[str, object]]:
        """Every account's state, for tests: name, bad logons in a row, lock, number of all refusals."""
        with self._lock:
            return [
                {"name": a.name, "bad_logons": a.bad_logons, "locked": a.locked, "refused": len(a.refused)}
                for a in self._accounts.values()
            ]

    def _publish(self) -> None:
        lines = []
        for account in self._accounts.values():
            name = account.name
            forms = (f"{self._short}\\{name}", f"{self._domain}\\{name}", f"{name}@{self._domain}", name)
            digest = ntowfv1(account.password).hex().upper()
            lines += [f"{form}:0:{NO_LM_HASH}:{digest}:[U]:LCT-0" for form in forms]
        fresh = self._path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        fresh.replace(self._path)
        os.environ["NTLM_USER_FILE"] = str(self._path)
