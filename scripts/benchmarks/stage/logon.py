"""NTLM as a client sees it: a connection is challenged once and then free. Whoever it is may come in; Basic is taken too."""

from __future__ import annotations

import base64
import re
import struct
from weakref import WeakSet

from scripts.benchmarks.stage.wire import Connection

_OFFER = re.compile(rb"Authorization: (?:NTLM (\S+)|Basic )", re.IGNORECASE)
_CHALLENGE = 2
_AUTHENTICATE = 3
_FLAGS = 0xE2898235
"""Unicode, NTLM, target info, extended session security, 128 bit, signing and sealing (MS-NLMP 2.2.2.5)."""


class Logon:
    """Which connections have been through the handshake."""

    def __init__(self) -> None:
        self._known: WeakSet[Connection] = WeakSet()

    def admits(self, connection: Connection, head: bytes) -> bool:
        """Whether the request may be answered; if not, the next leg of the handshake has been sent."""
        if connection in self._known:
            return True
        offer = _OFFER.search(head)
        token = base64.b64decode(offer[1]) if offer and offer[1] else b""
        if offer is None or (token and token[8] != _AUTHENTICATE):
            answer = b"NTLM " + base64.b64encode(challenge()) if token else b"NTLM"
            connection.refuse(
                b"401 Unauthorized", b"WWW-Authenticate: %b\r\nX-FEServer: BENCH01\r\n" % answer
            )
            return False
        self._known.add(connection)
        return True


def challenge() -> bytes:
    """A CHALLENGE_MESSAGE (MS-NLMP 2.2.1.2)."""
    name = "BENCH".encode("utf-16-le")
    pairs = b"".join(struct.pack("<HH", kind, len(name)) + name for kind in (2, 1)) + bytes(4)
    head = 56
    return b"".join(
        (
            b"NTLMSSP\0" + struct.pack("<I", _CHALLENGE),
            struct.pack("<HHI", len(name), len(name), head),
            struct.pack("<I", _FLAGS) + b"\x01\x23\x45\x67\x89\xab\xcd\xef" + bytes(8),
            struct.pack("<HHI", len(pairs), len(pairs), head + len(name)),
            b"\x0a\x00\x63\x45\x00\x00\x00\x0f" + name + pairs,
        )
    )
