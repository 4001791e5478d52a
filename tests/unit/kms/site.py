"""A key server with a clock of its own, an issuer, connectors, and clients that speak nothing but the wire's own functions."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

from connector.kms import audit
from connector.kms.desk import Desk
from connector.kms.house import House, desk_of, open_house
from connector.kms.keks.base import KekProvider
from connector.kms.keks.master import MasterKeks
from connector.kms.settings import ConnectorSettings, IssuerSettings, Settings, StaticKeySettings
from connector.seal.kmswire import handshake, sealed, signed
from connector.seal.kmswire.handshake import Binding, Credentials
from connector.seal.kmswire.identity import Identity
from connector.seal.kmswire.messages import Answer, Credential, Method, Request
from connector.seal.kmswire.objects import KeyObject, read_key
from connector.seal.kmswire.sealed import EphemeralKey
from tests.fakes.clock import ManualClock
from tests.unit.seal.kmswire.site import HOST, NOW, certificate, rsa_private

ISSUER = "https://idp.example.com"
CLUSTER = f"kms://{HOST}"
CONNECTOR = "cal-01"


@cache
def issuer_key() -> rsa.RSAPrivateKey:
    """The issuer's."""
    return rsa.generate_private_key(65537, 2048)


@cache
def connector_key() -> ec.EllipticCurvePrivateKey:
    """The enrolled connector's."""
    return ec.generate_private_key(ec.SECP256R1())


def identity(chain: tuple[x509.Certificate, ...] = ()) -> Identity:
    """The enrolled connector."""
    return Identity(connector_key(), chain)


def jwks() -> bytes:
    """What the issuer publishes."""
    key = RSAKey(issuer_key().public_key(), issuer_key().public_key())
    return json.dumps({"keys": [{**key.as_dict(), "kid": "one", "use": "sig"}]}).encode()


def token(clock: ManualClock, user: str = "ann@example.com", *, alg: str = "PS256", **claims: object) -> str:
    """An access token for the key server."""
    now = int(clock().timestamp())
    said = {"iss": ISSUER, "sub": user, "aud": CLUSTER, "iat": now, "exp": now + 3600, **claims}
    key: RSAKey | OctKey = RSAKey(issuer_key(), issuer_key())
    if alg.startswith("HS"):
        key = OctKey.import_key(jwks())
    header = {"alg": alg, "kid": "one", "typ": "at+jwt"}
    registry = jws.JWSRegistry(algorithms=[alg], strict_check_header=False)
    return jws.serialize_compact(header, json.dumps(said).encode(), key, registry=registry)


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Unencrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def settings_at(place: Path) -> Settings:
    """A trial's settings, with every file in place."""
    (place / "static.pem").write_bytes(private_pem(rsa_private()))
    (place / "static.pem").chmod(0o400)
    chain = certificate(rsa_private().public_key()).public_bytes(serialization.Encoding.PEM)
    (place / "chain.pem").write_bytes(chain)
    (place / "jwks.json").write_bytes(jwks())
    return Settings(
        host=HOST,
        mode="trial",
        database=place / "kms.db",
        socket=place / "kms.sock",
        admins=("officer@example.com",),
        static_key=StaticKeySettings(key=place / "static.pem", chain=place / "chain.pem"),
        issuers={"corp": IssuerSettings(issuer=ISSUER, jwks=str(place / "jwks.json"))},
        connectors={CONNECTOR: ConnectorSettings(fingerprint=identity().fingerprint)},
    )


@dataclass
class Site:
    """A key server that can be stopped and opened again."""

    settings: Settings
    clock: ManualClock
    provider: KekProvider
    house: House = field(init=False)
    desk: Desk = field(init=False)

    def __post_init__(self) -> None:
        self.open()

    def open(self) -> None:
        """Begin, or begin anew."""
        self.house = open_house(self.settings, self.provider, self.clock)
        self.desk = desk_of(self.house)

    def close(self) -> None:
        """Stop."""
        self.house.database.close()

    def audit(self) -> list[tuple[str, int]]:
        """Operation and status of every row."""
        return [(row.entry.operation, row.entry.status) for row in self.rows()]

    def rows(self) -> list[Any]:
        """Every row of the trail."""
        with self.house.database.reading() as connection:
            return list(audit.every(connection))

    def client(self, user: str = "ann@example.com", client_id: str = "") -> Client:
        """A user's client, hands shaken."""
        return self.by(lambda _: Credential(bearer=token(self.clock, user)), client_id or f"client of {user}")

    def connector(self) -> Client:
        """The connector's client, hands shaken."""
        return self.by(lambda binding: identity().credential(binding, self.clock()), "connector")

    def by(self, credentials: Credentials, client_id: str) -> Client:
        """A client by any credential, hands shaken."""
        client = Client(self, credentials, client_id)
        client.agree()
        return client


@dataclass
class Client:
    """One client; ``key`` is its ephemeral key."""

    site: Site
    credentials: Credentials
    client_id: str
    key: EphemeralKey = field(init=False)

    def offer(self, request_id: str = "") -> Answer:
        """Shake hands, and give the signed answer back."""
        static = self.site.desk.static.public
        pending = handshake.make_offer(static, self.client_id, self.credentials, request_id or fresh())
        answer = signed.open_signed(self.site.desk.answer(pending.token, "test"), static)
        if answer.good:
            self.key = handshake.agree(pending, answer, static)
        return answer

    def agree(self) -> None:
        """Shake hands."""
        answer = self.offer()
        assert answer.status == 201, answer

    def request(self, method: str, uri: str, request_id: str = "", **members: object) -> Request:
        """A request, not sent yet."""
        binding = Binding(CLUSTER, "", "")
        credential = replace(self.credentials(binding), proof="")
        return Request(Method(method), uri, request_id or fresh(), self.client_id, credential, members)

    def send(self, request: Request) -> Answer:
        """Send it; the answer, opened."""
        token = self.site.desk.answer(sealed.seal_request(request, self.key), "test")
        if sealed.is_signed(token):
            return signed.open_signed(token, self.site.desk.static.public)
        return sealed.open_answer(token, self.key)

    def ask(self, method: str, uri: str, **members: object) -> Answer:
        """Send a new request."""
        return self.send(self.request(method, uri, fresh(), **members))

    def new_key(self) -> KeyObject:
        """An unbound key."""
        answer = self.ask("create", "/keys", count=1)
        assert answer.status == 201, answer
        return read_key(answer.members["keys"][0])

    def bound_key(self, *readers: str) -> KeyObject:
        """A key bound to a new resource that ``readers`` may use."""
        key = self.new_key()
        answer = self.ask("create", "/resources", authIds=list(readers), keyUris=[key.uri])
        assert answer.status == 201, answer
        return read_key(self.ask("retrieve", key.uri).members["key"])


def fresh() -> str:
    """A requestId."""
    return str(uuid.uuid4())


def site_at(place: Path, change: Callable[[Settings], Settings] = lambda one: one) -> Site:
    """A key server in a folder, under a master secret of its own."""
    clock = ManualClock(NOW + timedelta(minutes=1))
    return Site(change(settings_at(place)), clock, MasterKeks(bytes(range(32)), "file"))
