"""Looks at a server from outside: name, port, certificate, clock. Sends no credentials, and reads one short answer."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse

from connector.doctor import certificate
from connector.doctor.sight import Place, Sight
from connector.model import Clock

CONNECT = 5.0
ANSWER = 10.0
ADDRESSES = 4
"""Addresses of one name that are tried at most."""

_EXPIRED, _NOT_YET, _WRONG_NAME, _WRONG_ADDRESS = 10, 9, 62, 64
"""X509_V_ERR_... of OpenSSL."""
_WORDS = {
    _EXPIRED: "tls-expired",
    _NOT_YET: "tls-not-yet-valid",
    _WRONG_NAME: "tls-wrong-name",
    _WRONG_ADDRESS: "tls-wrong-name",
}


@dataclass(frozen=True, slots=True)
class Tunnel:
    """An HTTP proxy to go through; ``headers`` hold its credential."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Way:
    """How a place is reached: whom to trust, where to dial instead of asking DNS, through which proxy."""

    trust: ssl.SSLContext
    routes: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    tunnel: Tunnel | None = None


def look(place: Place, way: Way, clock: Clock) -> Sight:
    """See what there is; whatever goes wrong is part of the sight."""
    dialled = _dialled(place, way)
    try:
        addresses = _addresses(*dialled)
    except OSError as error:
        host = replace(place, host=dialled[0], port=dialled[1]) if way.tunnel else place
        return Sight(host, obstacle="name-unknown", words=str(error))
    seen = Sight(place, addresses)
    good, deaf, obstacle = _try(addresses, dialled[1])
    if good is None:
        return replace(seen, deaf=deaf, obstacle=obstacle)
    seen = replace(seen, deaf=deaf)
    try:
        return _secured(seen, way, (good, dialled[1]), clock)
    except OSError as error:
        return replace(seen, obstacle="proxy-refused" if way.tunnel else "no-answer", words=str(error))


def _dialled(place: Place, way: Way) -> tuple[str, int]:
    if way.tunnel:
        return way.tunnel.host, way.tunnel.port
    return way.routes.get(place.host.lower().rstrip("."), (place.host, place.port))


def _addresses(host: str, port: int) -> tuple[str, ...]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))[:ADDRESSES]


def _try(addresses: tuple[str, ...], port: int) -> tuple[str | None, tuple[str, ...], str]:
    """The first address that accepts a connection, those that do not, and why not."""
    good: str | None = None
    deaf, obstacle = [], ""
    for address in addresses:
        try:
            socket.create_connection((address, port), CONNECT).close()
        except ConnectionRefusedError:
            deaf.append(address)
            obstacle = obstacle or "port-closed"
        except OSError:
            deaf.append(address)
            obstacle = "no-answer"
        else:
            good = good or address
    return good, tuple(deaf), obstacle


def _secured(seen: Sight, way: Way, at: tuple[str, int], clock: Clock) -> Sight:
    try:
        with closing(_connect(seen.place, way, at)) as raw:
            return _greeted(seen, way.trust.wrap_socket(raw, server_hostname=seen.place.host), clock)
    except ssl.SSLCertVerificationError as error:
        shown = _shown(seen.place, way, at)
        distrust = _WORDS.get(error.verify_code, "tls-untrusted")
        return replace(seen, distrust=distrust, words=error.verify_message, certificate=shown)
    except (ssl.SSLError, ConnectionResetError) as error:
        return replace(seen, distrust="tls-failed", words=str(error))


def _connect(place: Place, way: Way, at: tuple[str, int]) -> socket.socket:
    """A connection whose far end is the place itself. Raises OSError, also when a proxy refuses."""
    if way.tunnel is None:
        return socket.create_connection(at, ANSWER)
    door = HTTPConnection(*at, timeout=ANSWER)
    there = way.routes.get(place.host.lower().rstrip("."), (place.host, place.port))
    door.set_tunnel(*there, headers=dict(way.tunnel.headers))
    try:
        door.connect()
    except HTTPException as error:
        raise OSError(f"the proxy's answer is not HTTP: {error}") from error
    return door.sock


def _greeted(seen: Sight, secured: ssl.SSLSocket, clock: Clock) -> Sight:
    der = secured.getpeercert(binary_form=True)
    shown = certificate.read(der) if der else None
    seen = replace(seen, certificate=shown, protocol=secured.version() or "TLS")
    with closing(secured):
        return _dated(seen, secured, clock) if seen.place.http else seen


def _dated(seen: Sight, secured: ssl.SSLSocket, clock: Clock) -> Sight:
    """The server's time, where it tells it; that it does not is no fault."""
    request = f"HEAD / HTTP/1.1\r\nHost: {seen.place.host}\r\nConnection: close\r\n\r\n"
    answer = HTTPResponse(secured, method="HEAD")
    with suppress(HTTPException, OSError, ValueError):
        secured.sendall(request.encode("ascii", "replace"))
        answer.begin()
        read_at = clock()
        moment = parsedate_to_datetime(answer.headers.get("Date", ""))
        if moment.tzinfo is not None:
            return replace(seen, date=moment, read_at=read_at)
    return seen


def _shown(place: Place, way: Way, at: tuple[str, int]) -> certificate.Certificate | None:
    """The certificate that is not believed, only to say what is wrong with it: nothing is sent over this connection."""
    unwary = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unwary.check_hostname = False
    unwary.verify_mode = ssl.CERT_NONE
    try:
        with (
            closing(_connect(place, way, at)) as raw,
            unwary.wrap_socket(raw, server_hostname=place.host) as end,
        ):
            der = end.getpeercert(binary_form=True)
            return certificate.read(der) if der else None
    except (OSError, ValueError):
        return None
