"""An OpenLDAP server on loopback, over TLS, with people and groups that a test names."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab.exchange.certificates import Authority

SLAPD = shutil.which("slapd", path=os.environ.get("PATH", "") + ":/usr/sbin")
BASE = "dc=example,dc=com"
BIND = f"cn=reader,{BASE}"
PASSWORD = "Reader-7531"
START_SECONDS = 20.0

_CONFIGURATION = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.1996 NAME 'msDS-UserPasswordExpiryTimeComputed' SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 )
objectclass ( 1.3.6.1.4.1.4203.666.11.99 NAME 'account-of-ours' SUP top AUXILIARY MAY ( userPrincipalName $ msDS-UserPasswordExpiryTimeComputed ) )
pidfile {folder}/slapd.pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {certificate}
TLSCertificateKeyFile {certificate}
sizelimit unlimited
database mdb
suffix "{base}"
rootdn "{bind}"
rootpw {password}
directory {folder}/data
maxsize 104857600
"""


class Slapd:
    """Use as a context manager; ``url`` and ``ca`` lead to it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="slapd-"))
        (self._folder / "data").mkdir()
        authority = Authority(self._folder, datetime.now(UTC))
        self.ca = authority.path
        self._certificate = authority.issue([], datetime.now(UTC)).path
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])
        self.url = f"ldaps://localhost:{self.port}"

    def fill(
        self,
        people: Mapping[str, str],
        groups: Mapping[str, Sequence[str]],
        passwords: Mapping[str, int] | None = None,
    ) -> None:
        """People by name with their mail, and groups with the names of their members; only before it is started.

        ``passwords`` are accounts by logon name with what Active Directory would say of the end of their passwords.
        """
        lines = [f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n"]
        for name, mail in people.items():
            address = f"mail: {mail}\n" if mail else ""
            lines.append(f"dn: {dn(name)}\nobjectClass: inetOrgPerson\ncn: {name}\nsn: {name}\n{address}")
        for name, members in groups.items():
            named = "".join(f"member: {dn(one)}\n" for one in members)
            lines.append(f"dn: {dn(name)}\nobjectClass: groupOfNames\ncn: {name}\n{named}")
        for number, (account, ends) in enumerate((passwords or {}).items()):
            lines.append(
                f"dn: {dn(f'account{number}')}\nobjectClass: inetOrgPerson\nobjectClass: account-of-ours\n"
                f"cn: account{number}\nsn: account\nuserPrincipalName: {account}\n"
                f"msDS-UserPasswordExpiryTimeComputed: {ends}\n"
            )
        self._configure()
        slapadd = ["/usr/sbin/slapadd", "-q", "-f", str(self._folder / "slapd.conf")]
        subprocess.run(slapadd, input="\n".join(lines), text=True, check=True, capture_output=True)

    def __enter__(self) -> Self:
        """Start it and wait until it listens."""
        command = [str(SLAPD), "-d", "0", "-f", str(self._folder / "slapd.conf"), "-h", self.url]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return self
        raise RuntimeError("slapd did not start")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop it; nothing is left."""
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)

    def _configure(self) -> None:
        text = _CONFIGURATION.format(
            folder=self._folder, certificate=self._certificate, base=BASE, bind=BIND, password=PASSWORD
        )
        (self._folder / "slapd.conf").write_text(text)


def dn(name: str) -> str:
    """The distinguished name of somebody or something."""
    return f"cn={name},{BASE}"
