"""What keys cost: sealing beside other JOSE libraries, and a key server with its client, from handshakes to a start of ten thousand."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from joserfc import jwe as joserfc
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey
from jwcrypto import jwe as jwcrypto
from jwcrypto import jwk

from connector.kms.doors.counter import Counter
from connector.kms.doors.listening import UnixDoor
from connector.kms.settings import ConnectorSettings, Limits
from connector.kms.upkeep import rewrap
from connector.model import Attendee, ContentKey, Meeting, Policy
from connector.relay import carriage
from connector.seal import jwe
from connector.seal.base import KeyService
from connector.seal.digest import Digester
from connector.seal.envelope import seal_meeting
from connector.seal.kms_client.session import Ask
from connector.seal.kms_client.transport import Address, HttpTransport
from connector.seal.kmswire.messages import Method
from connector.seal.local import LocalKeyService
from scripts.benchmarks.rows import Row, cpu_seconds, row, side_by_side
from tests.unit.kms.site import Site, site_at
from tests.unit.seal.kms_client.house import ENROLLED, House, session_of
from tests.unit.seal.kmswire.site import HOST

BENCH = "keys"
FIELDS = 2000
BODY = b"x" * 2048
SECRET = os.urandom(32)
HEADER = {"alg": "dir", "enc": "A256GCM", "kid": f"kms://{HOST}/keys/1", "ctx": "m/i/f/1"}
ALGORITHMS = joserfc.JWERegistry(algorithms=["dir", "A256GCM"], strict_check_header=False)
PEOPLE = 30
THREADS = 16
NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def run(*, full: bool) -> list[Row]:
    """With ``full`` 10,000 mailboxes at a start and 80,000 keys to rewrap, else a tenth of either."""
    share = 1 if full else 10
    return [*_fields(), _meeting(), *_server(10_000 // share, 80_000 // share)]


# --- sealing -----------------------------------------------------------------------------------


def _fields() -> Iterator[Row]:
    """Fields of 2 kB, sealed and opened, beside two libraries and the bare cipher."""
    token = jwe.encrypt(BODY, SECRET, HEADER)
    key, other = OctKey.import_key(SECRET), jwk.JWK(kty="oct", k=_b64(SECRET))
    cipher, iv, head = AESGCM(SECRET), os.urandom(12), token.partition(".")[0].encode()
    bare = cipher.encrypt(iv, BODY, head)
    seals: dict[str, Callable[[], object]] = {
        "joserfc": lambda: joserfc.encrypt_compact(HEADER, BODY, key, registry=ALGORITHMS),
        "jwcrypto": lambda: _jwcrypto_seals(other),
        "AES-GCM alone": lambda: cipher.encrypt(os.urandom(12), BODY, head),
    }
    opens: dict[str, Callable[[], object]] = {
        "joserfc": lambda: joserfc.decrypt_compact(token, key, registry=ALGORITHMS),
        "jwcrypto": lambda: _jwcrypto_opens(token, other),
        "AES-GCM alone": lambda: cipher.decrypt(iv, bare, head),
    }
    for name, theirs in seals.items():
        yield _rates("seals of 2 kB", lambda: jwe.encrypt(BODY, SECRET, HEADER), name, theirs)
    for name, theirs in opens.items():
        yield _rates("opens of 2 kB", lambda: jwe.decrypt(token, SECRET), name, theirs)


def _rates(metric: str, ours: Callable[[], object], name: str, theirs: Callable[[], object]) -> Row:
    mine, beside = side_by_side(lambda: _many(ours), lambda: _many(theirs), rounds=5)
    return row(BENCH, metric, FIELDS / mine.median, "1/s", name, FIELDS / beside.median)


def _many(work: Callable[[], object]) -> None:
    for _ in range(FIELDS):
        work()


def _jwcrypto_seals(key: jwk.JWK) -> str:
    made = jwcrypto.JWE(BODY, json.dumps({**HEADER, "ctx": "m/i/f/1"}))
    made.add_recipient(key)
    return str(made.serialize(compact=True))


def _jwcrypto_opens(token: str, key: jwk.JWK) -> object:
    opened = jwcrypto.JWE()
    opened.deserialize(token, key=key)
    return opened.payload


def _meeting() -> Row:
    """A meeting with 30 invitees, as the connector seals it, beside joserfc over the same number of fields."""
    people = tuple(Attendee(f"person{n}@example.com", f"Person {n}") for n in range(PEOPLE))
    meeting = Meeting(
        "uid",
        NOW,
        "item",
        "item",
        "1",
        NOW,
        NOW + timedelta(hours=1),
        subject="Review",
        body="x" * 2048,
        organizer=people[0],
        attendees=people,
    )
    sends = frozenset({"subject", "location", "notes", "organizer", "attendees", "link"})
    policy, digests = Policy("all", send=sends, private="full"), Digester(b"t" * 32, b"d" * 32, 1)
    key = ContentKey(str(HEADER["kid"]), "m", SECRET, NOW)
    fields, oct_key = 2 * PEOPLE + 6, OctKey.import_key(SECRET)

    def ours() -> None:
        for revision in range(50):
            seal_meeting(meeting, key, "m", "i" * 43, revision, policy, digests)

    def theirs() -> None:
        for _ in range(50 * fields):
            joserfc.encrypt_compact(HEADER, b"x" * 64, oct_key, registry=ALGORITHMS)

    mine, beside = side_by_side(ours, theirs, rounds=5)
    return row(
        BENCH, f"meeting with {PEOPLE} invitees, {fields} fields", mine * 20, "ms", "joserfc", beside * 20
    )


# --- a key server and its client ---------------------------------------------------------------


def _server(mailboxes: int, keys: int) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as place, _opened(Path(place)) as (site, house, path):
        yield _handshakes(site, house, path)
        yield from _retrieves(house, path)
        yield from _start(house, path, mailboxes)
        yield _rewraps(site, keys)


def _handshakes(site: Site, house: House, path: Path) -> Row:
    """Both sides, over the socket; beside the server's two RSA operations alone."""
    transport = HttpTransport(_address(path))
    count = 100

    def shaken() -> None:
        for _ in range(count):
            session_of(transport, house.clock).ask([Ask(Method.UPDATE, "/ping")])

    static, sealed = site.desk.static, b"x" * 64
    key = RSAKey(static.key, static.key)
    offer = joserfc.encrypt_compact(
        {"alg": "RSA-OAEP", "enc": "A256GCM"}, sealed, key, ["RSA-OAEP", "A256GCM"]
    )

    def rsa_alone() -> None:
        for _ in range(count):
            joserfc.decrypt_compact(offer, key, ["RSA-OAEP", "A256GCM"])
            jws.serialize_compact({"alg": "PS256"}, sealed, key, ["PS256"])

    mine, beside = side_by_side(shaken, rsa_alone, rounds=3)
    transport.close()
    return row(
        BENCH,
        "handshakes with a ping, CPU of both sides",
        count / mine.median,
        "1/s",
        "its RSA alone",
        count / beside.median,
    )


def _retrieves(house: House, path: Path) -> Iterator[Row]:
    """One key at a time, and fifty in one ride."""
    transport = HttpTransport(_address(path))
    service = house.service(transport)
    uri = service.sealing_key("mb-retrieved").uri
    session = session_of(transport, house.clock)
    for many in (1, 50):
        asks = [Ask(Method.RETRIEVE, uri)] * many
        taken = cpu_seconds(lambda asks=asks: [session.ask(asks) for _ in range(200 // len(asks))], rounds=3)  # type: ignore[misc]
        yield row(BENCH, f"retrieves, {many} a ride, CPU of both sides", 200 / taken.median, "1/s")
    transport.close()


def _start(house: House, path: Path, mailboxes: int) -> Iterator[Row]:
    """Everybody asks at once: first for new keys, then, after a restart, for those there are. Elapsed time."""
    local = LocalKeyService(house.store, lambda: {1: SECRET}, "bench", timedelta(days=30), house.clock)
    beside = _all_ask(local, [f"local-{n}" for n in range(mailboxes)])
    ids = [f"mb-{n}" for n in range(mailboxes)]
    for what in ("for the first time", "again after a restart"):
        transport = HttpTransport(_address(path))
        taken = _all_ask(house.service(transport), ids)
        transport.close()
        yield row(
            BENCH, f"{mailboxes:,} mailboxes ask for keys {what}", taken, "s", "local, first time", beside
        )


def _all_ask(service: KeyService, ids: list[str]) -> float:
    begun = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(service.sealing_key, ids))
    assert len({key.uri for key in found}) == len(ids)  # noqa: S101 - a figure of failures would be none
    return time.perf_counter() - begun


def _rewraps(site: Site, keys: int) -> Row:
    """A new KEK for so many keys, beside unwrapping and wrapping alone."""
    with site.house.database.writing() as connection:
        there = connection.execute("SELECT count(*) FROM keys").fetchone()[0]
        for number in range(max(0, keys - there)):
            uri = site.house.names.key(f"bench-{number}")
            wrapped = site.house.hierarchy.wrap(connection, uri, "bench", SECRET)
            connection.execute(
                "INSERT INTO keys (id, owner, client, created_at, expires_at, state, kek_version, wrapped)"
                " VALUES (?, 'bench', 'b', 0, 4102444800000000, 'active', ?, ?)",
                (f"bench-{number}", wrapped.kek_version, wrapped.value),
            )
        site.house.hierarchy.add_version(connection, site.clock())
    begun = time.perf_counter()
    done = rewrap(site.house, threading.Event())
    taken = time.perf_counter() - begun
    cipher, iv = AESGCM(SECRET), os.urandom(12)
    bare = cpu_seconds(
        lambda: [cipher.decrypt(iv, cipher.encrypt(iv, SECRET, b""), b"") for _ in range(done)], rounds=3
    )
    return row(BENCH, f"rewraps of {done:,} keys", done / taken, "1/s", "AES-GCM alone", done / bare.median)


@contextmanager
def _opened(place: Path) -> Iterator[tuple[Site, House, Path]]:
    """A key server at its socket, with a connector enrolled."""
    house = House()
    enrolled = {"bench": ConnectorSettings(fingerprint=ENROLLED.fingerprint)}
    many = Limits(ephemeral_per_user=20_000, remembered=10_000_000)
    site = site_at(place, lambda one: replace(one, connectors=enrolled, limits=many))
    house.clock.forward(site.clock() - house.clock())
    door = UnixDoor(site.settings.socket, "", Counter(site.desk), 32)
    thread = threading.Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site, house, site.settings.socket
    finally:
        door.shutdown()
        thread.join()
        door.server_close()
        site.close()


def _address(path: Path) -> Address:
    return Address(f"http://{HOST}{carriage.DIRECT}", socket=path)


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
