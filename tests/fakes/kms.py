"""A key service in memory, made of the wire's functions alone: just enough of the protocol for its client's tests."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from connector.errors import Refused, Transient
from connector.model import Clock
from connector.seal.kmswire import handshake, objects, sealed, signed, uris
from connector.seal.kmswire.identity import check_proof
from connector.seal.kmswire.messages import Answer, Method, Request
from connector.seal.kmswire.objects import AuthorizationObject, KeyObject, ResourceObject
from connector.seal.kmswire.plain import dump
from connector.seal.kmswire.sealed import EphemeralKey
from connector.seal.kmswire.static import StaticKey, write_static

HOUR = timedelta(hours=1)
USER = "connector-1"


@dataclass
class FakeKms:
    """``connector.seal.kms_client.transport.Transport`` and the service behind it.

    ``away`` makes it unreachable, ``refused`` holds keys that it withholds with 405, ``tamper`` changes what it sends.
    """

    static_key: StaticKey
    clock: Clock
    enrolled: set[str]
    away: bool = False
    life: timedelta = HOUR
    most_keys: int = 100
    unknown_users: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    tamper: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda tokens: tokens
    log: list[str] = field(default_factory=list)
    rides: list[int] = field(default_factory=list)
    sessions: dict[str, EphemeralKey] = field(default_factory=dict)
    keys: dict[str, KeyObject] = field(default_factory=dict)
    resources: dict[str, dict[str, str]] = field(default_factory=dict)

    # --- the transport

    def static(self) -> bytes:
        self._answer()
        return dump(write_static(self.static_key.public))

    def carry(self, tokens: Sequence[str]) -> tuple[str, ...]:
        self._answer()
        self.rides.append(len(tokens))
        return self.tamper(tuple(self._one(token) for token in tokens))

    def close(self) -> None:
        self.away = True

    def _answer(self) -> None:
        if self.away:
            raise Transient("key-service-away", "fake")

    # --- the service

    @property
    def host(self) -> str:
        return uris.host_of(self.static_key.kid)

    def uri(self, collection: str, identity: str = "") -> str:
        return uris.write(self.host, uris.Target(collection, identity or secrets.token_hex(8)))

    def handshakes(self) -> int:
        return self.log.count("handshake")

    def forget_sessions(self) -> None:
        self.sessions.clear()

    def _one(self, token: str) -> str:
        kid = sealed.kid_of(token)
        if kid == self.static_key.kid:
            return self._shake(token)
        key = self.sessions.get(kid)
        if key is None or key.expires <= self.clock():
            self.log.append("reset")
            return signed.sign_reset("unknown key", secrets.token_hex(8), self.static_key)
        request = sealed.open_request(token, key)
        self.log.append(f"{request.method.value} {uris.read_target(request.uri, self.host).collection}")
        answer = self._do(request)
        return sealed.seal_answer(replace(answer, request_id=request.request_id), key)

    def _shake(self, token: str) -> str:
        try:
            offer = handshake.open_offer(token, self.static_key)
        except Refused:
            self.log.append("reset")
            return signed.sign_reset("can't be opened", secrets.token_hex(8), self.static_key)
        self.log.append("handshake")
        try:
            known = check_proof(offer.request.credential, offer.binding, self.clock()) in self.enrolled
        except Refused:
            known = False
        if not known:
            return signed.sign(Answer(403, offer.request.request_id, "not enrolled"), self.static_key)
        answer, key = handshake.answer_offer(
            offer,
            self.static_key,
            uri=self.uri("ecdhe"),
            user_id=USER,
            created=self.clock(),
            expires=self.clock() + self.life,
        )
        self.sessions[key.uri] = key
        return answer

    def _do(self, request: Request) -> Answer:
        target = uris.read_target(request.uri, self.host)
        does: dict[tuple[Method, str, str], Callable[[], Answer]] = {
            (Method.UPDATE, "ping", ""): _good,
            (Method.CREATE, "keys", ""): lambda: self._create_keys(request.members),
            (Method.RETRIEVE, "keys", ""): lambda: self._retrieve(target.id),
            (Method.UPDATE, "keys", ""): lambda: self._bind(target.id, request.members),
            (Method.CREATE, "resources", ""): lambda: self._create_resource(request.members),
            (Method.CREATE, "authorizations", ""): lambda: self._authorize(request.members),
            (Method.RETRIEVE, "resources", "authorizations"): lambda: self._authorizations(target.id),
            (Method.DELETE, "resources", "authorizations"): lambda: self._withdraw(
                target.id, target.query["authId"]
            ),
        }
        return does[request.method, target.collection, target.part]()

    def _create_keys(self, members: Any) -> Answer:
        made = [self._new() for _ in range(min(int(members["count"]), self.most_keys))]
        return _good(201, keys=[objects.write_key(one) for one in made])

    def _new(self) -> KeyObject:
        now = self.clock()
        key = KeyObject(self.uri("keys"), secrets.token_bytes(32), USER, "", now, now + HOUR / 6)
        self.keys[key.uri] = key
        return key

    def _retrieve(self, identity: str) -> Answer:
        key = self.keys.get(self.uri("keys", identity))
        if key is None:
            return _bad(404)
        if key.uri in self.refused:
            return Answer(405, "", "revoked", {"errorCode": 405005})
        if key.resource_uri and USER not in self.resources.get(key.resource_uri, {}):
            return _bad(403)
        return _good(key=objects.write_key(key))

    def _bind(self, identity: str, members: Any) -> Answer:
        key, resource = self.keys[self.uri("keys", identity)], str(members["resourceUri"])
        if resource not in self.resources:
            return _bad(404)
        if USER not in self.resources[resource]:
            return _bad(403)
        if key.resource_uri:
            return _bad(409)
        return _good(key=objects.write_key(self._bound(key, resource)))

    def _bound(self, key: KeyObject, resource: str) -> KeyObject:
        now = self.clock()
        self.keys[key.uri] = replace(key, resource_uri=resource, bound=now, expires=now + timedelta(days=31))
        return self.keys[key.uri]

    def _create_resource(self, members: Any) -> Answer:
        ids = objects.read_ids(members)
        if set(ids) & self.unknown_users:
            return _bad(403)
        resource = self.uri("resources")
        self.resources[resource] = {one: self.uri("authorizations") for one in (USER, *ids)}
        for uri in members["keyUris"]:
            self._bound(self.keys[uri], resource)
        return _good(201, resource=objects.write_resource(ResourceObject(resource)))

    def _authorize(self, members: Any) -> Answer:
        ids = objects.read_ids(members)
        if set(ids) & self.unknown_users:
            return _bad(403)
        self.resources[members["resourceUri"]].update({one: self.uri("authorizations") for one in ids})
        return _good(201, authorizations=[])

    def _authorizations(self, identity: str) -> Answer:
        resource = self.uri("resources", identity)
        if resource not in self.resources:
            return _bad(404)
        listed = [AuthorizationObject(uri, who, resource) for who, uri in self.resources[resource].items()]
        return _good(authorizations=[objects.write_authorization(one) for one in listed])

    def _withdraw(self, identity: str, who: str) -> Answer:
        return _good() if self.resources[self.uri("resources", identity)].pop(who, None) else _bad(404)


def _good(status: int = 200, **members: Any) -> Answer:
    return Answer(status, "", members=members)


def _bad(status: int) -> Answer:
    return Answer(status, "", "no")
