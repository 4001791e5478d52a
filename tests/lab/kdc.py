"""A real KDC on loopback (Debian's krb5-kdc), and an Exchange that takes nothing but its tickets."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import spnego
from spnego.channel_bindings import GssChannelBindings
from spnego.exceptions import SpnegoError

from tests.lab.exchange.certificates import Authority

REALM = "EXAMPLE.COM"
PASSWORD = "Lab-Passw0rd"
START_SECONDS = 20.0
PROGRAMS = ("/usr/sbin/krb5kdc", "/usr/sbin/kdb5_util", "/usr/sbin/kadmin.local")

CLIENT = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
[realms]
 {realm} = {{
  kdc = 127.0.0.1:{port}
 }}
[domain_realm]
 localhost = {realm}
"""
SERVER = """\
[kdcdefaults]
 kdc_listen = 127.0.0.1:{port}
 kdc_tcp_listen = 127.0.0.1:{port}
[realms]
 {realm} = {{
  database_name = {folder}/principal
  key_stash_file = {folder}/stash
  acl_file = {folder}/acl
 }}
[logging]
 kdc = FILE:{folder}/kdc.log
"""


def installed() -> bool:
    """Whether there is a KDC to be started."""
    return all(shutil.which(program) for program in PROGRAMS)


class Kdc:
    """Knows svc-calendar and HTTP/localhost. ``keytab`` is svc-calendar's, ``service_keytab`` the server's."""

    def __init__(self) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="lab-kdc-")
        self.folder = Path(self._directory.name)
        self.keytab, self.service_keytab = self.folder / "svc.keytab", self.folder / "http.keytab"
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        facts = {"realm": REALM, "port": self.port, "folder": self.folder}
        (self.folder / "krb5.conf").write_text(CLIENT.format(**facts))
        (self.folder / "kdc.conf").write_text(SERVER.format(**facts))
        self.environment = {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
            "KRB5_KTNAME": str(self.service_keytab),
        }

    def __enter__(self) -> Self:
        """Fill the database and serve."""
        self._run("/usr/sbin/kdb5_util", "create", "-s", "-r", REALM, "-P", "master")
        self.admin(f"addprinc -pw {PASSWORD} svc-calendar", "addprinc -randkey HTTP/localhost")
        self.admin(f"ktadd -k {self.service_keytab} HTTP/localhost")
        self.admin(f"ktadd -norandkey -k {self.keytab} svc-calendar")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self.stop()
        self._directory.cleanup()

    def admin(self, *queries: str) -> None:
        """What kadmin.local is told."""
        for query in queries:
            self._run("/usr/sbin/kadmin.local", "-r", REALM, "-q", query)

    def start(self) -> None:
        """Serve (again)."""
        self._process = subprocess.Popen(
            ["/usr/sbin/krb5kdc", "-n"],
            env=os.environ | self.environment,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        ends = time.monotonic() + START_SECONDS
        while time.monotonic() < ends:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.05)
        raise TimeoutError("the KDC does not serve")

    def stop(self) -> None:
        """No more tickets."""
        process, self._process = self._process, None
        if process:
            process.terminate()
            process.wait(10)

    def log(self) -> str:
        """What it was asked."""
        return (self.folder / "kdc.log").read_text()

    def _run(self, *command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, env=os.environ | self.environment)


ANSWER = (
    b'<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    b'<m:GetServerTimeZonesResponse xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"/>'
    b"</s:Body></s:Envelope>"
)


class TicketServer:
    """Takes a Negotiate token with a ticket inside and answers one operation; ``bound_to`` is the certificate it insists on.

    ``logons`` are the mechanisms of accepted logons, ``refused`` counts those it did not take.
    """

    def __init__(self, *, foreign: bool = False) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="lab-tickets-")
        now, folder = datetime.now(UTC), Path(self._directory.name)
        authority = Authority(folder, now)
        certificate = authority.issue([], now)
        self.ca = authority.path
        self.logons: list[str] = []
        self.refused = 0
        bound_to = authority.issue([], now) if foreign else certificate
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(bound_to.end_point))
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}/EWS/Exchange.asmx"

    def __enter__(self) -> Self:
        """Serve."""
        threading.Thread(target=self._server.serve_forever, name="tickets", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()

    def judge(self, header: str, end_point: bytes) -> str | None:
        """The last word of the handshake, None when the logon is refused."""
        scheme, _, token = header.partition(" ")
        if scheme != "Negotiate":
            return None
        context = spnego.server(
            protocol="negotiate", channel_bindings=GssChannelBindings(application_data=end_point)
        )
        try:
            out = context.step(b64decode(token))
        except (
            SpnegoError,
            AttributeError,
        ):  # the latter is how the library stumbles over a binding that differs
            out = None
        if not context.complete:
            self.refused += 1
            return None
        self.logons.append(str(context.negotiated_protocol))
        return f"Negotiate {b64encode(out or b'').decode()}"

    def _handler(self, end_point: bytes) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            """One connection."""

            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                word = owner.judge(self.headers.get("Authorization", ""), end_point)
                body = ANSWER if word else b""
                self.send_response(200 if word else 401)
                self.send_header("WWW-Authenticate", word or "Negotiate")
                self.send_header("Content-Type", "text/xml; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
                """Silent."""

        return Handler
