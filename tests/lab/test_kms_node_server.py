"""Our client speaks to another maker's key service: one put together of node-jose's parts, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from connector.errors import KeyWithheld, Transient
from connector.relay import carriage
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.enrolled import Enrolled, identity_from
from connector.seal.kms_client.readers import Readers
from connector.seal.kms_client.service import KmsKeyService, Terms
from connector.seal.kms_client.session import Session
from connector.seal.kms_client.transport import Address, HttpTransport
from connector.seal.kms_client.verbs import Verbs
from connector.seal.kmswire.jose import key_of
from connector.seal.kmswire.static import Anchor, fingerprint
from connector.store.memory import MemoryStore
from tests.fakes.cipher import FakeCipher
from tests.lab.test_kms_node import JS, modules
from tests.unit.seal.kms_client.house import DAY
from tests.unit.seal.kmswire.site import HOST, rsa_private

__all__ = ["modules"]
pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

CONNECTOR = Enrolled(identity_from(b"n" * 32, "cal-01.example.com"), lambda: datetime.now(UTC))
MAILBOX = "mb-1"


@contextmanager
def service(modules: Path, place: Path, **more: object) -> Iterator[Path]:
    """The process; its socket."""
    private: Any = key_of(rsa_private()).as_dict(private=True)
    settings = {"socket": str(place / "s"), "host": HOST, "static": private, "signature": "PS256", **more}
    (place / "settings.json").write_text(json.dumps(settings))
    command = ["node", str(JS / "node_jose_server.js"), str(place / "settings.json")]
    with subprocess.Popen(
        command, env={**os.environ, "NODE_PATH": str(modules)}, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
            yield place / "s"
        finally:
            process.terminate()


@contextmanager
def client(socket: Path, trusted: rsa.RSAPublicKey | None = None) -> Iterator[Verbs]:
    """Our client, anchored to the service's static key."""
    transport = HttpTransport(Address(f"http://{HOST}{carriage.DIRECT}", socket=socket))
    pins = frozenset({fingerprint(trusted or rsa_private().public_key())})
    session = Session(transport, Anchor(HOST, pins=pins), CONNECTOR, "c", lambda: datetime.now(UTC))
    try:
        yield Verbs(Convoy(session.ask).ask, HOST)
    finally:
        transport.close()


@pytest.mark.parametrize("signature", ["PS256", "RS256"])
def test_a_mailboxs_keys_come_from_it(modules: Path, tmp_path: Path, signature: str) -> None:
    """Handshake, keys, a resource with its readers, a newcomer and one who leaves; a second process is given the same key."""
    readers = {MAILBOX: frozenset({"owner@example.com", "old@example.com"})}
    store = MemoryStore(FakeCipher())
    with service(modules, tmp_path, signature=signature) as socket:
        found = []
        for now in (readers[MAILBOX], frozenset({"owner@example.com", "new@example.com"})):
            readers[MAILBOX] = now
            with client(socket) as verbs:
                keys = KmsKeyService(
                    verbs,
                    store,
                    Readers(verbs, readers.__getitem__, lambda: "connector"),
                    Terms(30 * DAY),
                    lambda: datetime.now(UTC),
                )
                found.append(keys.sealing_key(MAILBOX))
                resource = verbs.retrieve_key(found[-1].uri).resource_uri
                assert {one.auth_id for one in verbs.authorizations(resource)} == {"connector", *now}
        assert found[0].secret == found[1].secret


def test_what_it_does_not_know_is_withheld(modules: Path, tmp_path: Path) -> None:
    """Its 404 is a verdict of ours, and it is asked on."""
    with service(modules, tmp_path) as socket, client(socket) as verbs:
        with pytest.raises(KeyWithheld, match="key-unknown"):
            verbs.retrieve_key(f"kms://{HOST}/keys/none")
        verbs.ping()


def deflated(socket: Path) -> None:
    """Its answers are zipped, as node-jose does when it is told to."""
    with client(socket) as verbs:
        verbs.ping()


def distrusted(socket: Path) -> None:
    """Its static key is not the one that is pinned."""
    with client(socket, rsa_private(5).public_key()) as verbs:
        verbs.ping()


@pytest.mark.parametrize(
    ("asked", "more", "code"),
    [(deflated, {"zip": True}, "key-service-away"), (distrusted, {}, "key-service-untrusted")],
)
def test_it_is_not_believed_whatever_it_does(
    modules: Path, tmp_path: Path, asked: Callable[[Path], None], more: dict[str, object], code: str
) -> None:
    """No zip, and no key but the one that the connector's own configuration names."""
    with service(modules, tmp_path, **more) as socket, pytest.raises(Transient, match=code):
        asked(socket)
