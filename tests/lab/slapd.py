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

    def fill(self, people: Mapping[str, str], groups: Mapping[str, Sequence[str]]) -> None:
        """People by name with their mail, and groups with the names of their members; only before it is started."""
        lines = [f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n"]
        for name, mail in people.items():
            address = f"mail: {mail}\n" if mail else ""
            lines.append(f"dn: {dn(name)}\nobjectClass: inetOrgPerson\ncn: {name}\nsn: {name}\n{address}")
        for name, members in groups.items():
            named = "".join(f"member: {dn(one)}\n" for one in members)
            lines.append(f"dn: {dn(name)}\nobjectClass: groupOfNames\ncn: {name}\n{named}")
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
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _configure(self) -> None:
        text = _CONFIGURATION.format(
            folder=self._folder, certificate=self._certificate, base=BASE, bind=BIND, password=PASSWORD
        )
        (self._folder / "slapd.conf").write_text(text)


def dn(name: str) -> str:
    """The distinguished name of somebody or something."""
    return f"cn={name},{BASE}"
