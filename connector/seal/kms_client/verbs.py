"""The operations of the protocol as a connector uses them, typed; statuses become verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, TypeVar

from connector.errors import KeyWithheld, Refused
from connector.seal.kms_client.session import Ask
from connector.seal.kms_client.transport import away
from connector.seal.kmswire import objects, uris
from connector.seal.kmswire.messages import Answer, Method
from connector.seal.kmswire.objects import AuthorizationObject, KeyObject, ResourceObject
from connector.seal.kmswire.plain import URI, a_list, a_text
from connector.seal.kmswire.uris import Target

MIGRATED = 301002
"""Cisco's errorCode of a key that lives under another URI now."""

_T = TypeVar("_T")
_UNKNOWN = frozenset({404, 410})
_WITHHELD = frozenset({403, 405})


class Verbs:
    """Raises KeyWithheld (``key-unknown``, ``key-revoked``) where the service refuses, Transient for everything that may pass."""

    def __init__(self, ask: Callable[[Ask], Answer], host: str) -> None:
        self._ask = ask
        self._host = host

    def owns(self, uri: str) -> bool:
        """Whether the URI is one of this service's keys, by its form."""
        try:
            target = uris.read_target(uri, self._host)
        except Refused:
            return False
        return target.collection == "keys" and bool(target.id) and uri.startswith("kms://")

    def ping(self) -> None:
        """Whether the service answers."""
        self._done(Method.UPDATE, "/ping")

    def create_keys(self, count: int) -> tuple[KeyObject, ...]:
        """New unbound keys, as many as the service likes to give."""
        answer = self._done(Method.CREATE, "/keys", count=count)
        if "keys" in answer.members:
            return _read(lambda: tuple(self._key(one) for one in a_list(answer.members["keys"], "keys")))
        named = _read(lambda: [a_text(one, "keyUris", URI) for one in _list(answer, "keyUris")])
        return tuple(self.retrieve_key(one) for one in named)

    def retrieve_key(self, uri: str) -> KeyObject:
        """A key by its URI; one that moved within the service is fetched at its new place."""
        answer = self._ask(Ask(Method.RETRIEVE, uri))
        wanted = uri
        if answer.error_code == MIGRATED:
            wanted = self._own(str(answer.members.get("redirectUri")))
            answer = self._ask(Ask(Method.RETRIEVE, wanted))
        key = self._key_of(_good(answer, uri))
        if key.uri != wanted:
            raise away("another key than the one that was asked for")
        return replace(key, uri=uri)

    def bind(self, uri: str, resource_uri: str) -> KeyObject:
        """Bind an unbound key to a resource."""
        return self._key_of(self._done(Method.UPDATE, uri, resourceUri=resource_uri))

    def create_resource(self, readers: Iterable[str], key_uris: Iterable[str]) -> ResourceObject:
        """A resource with keys bound to it that ``readers`` may fetch; we are always among them."""
        answer = self._done(Method.CREATE, "/resources", authIds=sorted(readers), keyUris=list(key_uris))
        resource = _read(lambda: objects.read_resource(answer.members.get("resource")))
        return replace(resource, uri=self._own(resource.uri))

    def authorizations(self, resource_uri: str) -> tuple[AuthorizationObject, ...]:
        """Who may fetch the keys of a resource."""
        answer = self._done(Method.RETRIEVE, f"{resource_uri}/authorizations")
        listed = _read(lambda: _list(answer, "authorizations"))
        return _read(lambda: tuple(objects.read_authorization(one) for one in listed))

    def authorize(self, resource_uri: str, readers: Iterable[str]) -> None:
        """Let them fetch the keys of a resource."""
        self._done(Method.CREATE, "/authorizations", resourceUri=resource_uri, authIds=sorted(readers))

    def withdraw(self, resource_uri: str, reader: str) -> None:
        """No longer; also when there is no such authorization any more."""
        resource = uris.read_target(resource_uri, self._host)
        target = Target(resource.collection, resource.id, "authorizations", {"authId": reader})
        answer = self._ask(Ask(Method.DELETE, uris.write(self._host, target)))
        if answer.status not in _UNKNOWN:
            _good(answer, resource_uri)

    def _done(self, method: Method, uri: str, **members: Any) -> Answer:
        return _good(self._ask(Ask(method, uri, members)), uri)

    def _key_of(self, answer: Answer) -> KeyObject:
        return _read(lambda: self._key(answer.members.get("key")))

    def _key(self, value: Any) -> KeyObject:
        key = objects.read_key(value)
        return replace(key, uri=self._own(key.uri))

    def _own(self, uri: str) -> str:
        """The absolute URI, if it is of this service: another one's keys are nothing that we may be sent to."""
        return _read(lambda: uris.absolute(uri, self._host))


def _list(answer: Answer, name: str) -> list[Any]:
    return a_list(answer.members.get(name), name)


def _good(answer: Answer, uri: str) -> Answer:
    if answer.good:
        return answer
    if answer.status in _UNKNOWN:
        raise KeyWithheld("key-unknown", f"{uri}: {answer.status} {answer.reason}")
    if answer.status in _WITHHELD:
        raise KeyWithheld("key-revoked", f"{uri}: {answer.status}/{answer.error_code} {answer.reason}")
    raise away(f"status {answer.status}: {answer.reason}")


def _read(read: Callable[[], _T]) -> _T:
    """What stands in an authentic answer; one that makes no sense is a service in trouble."""
    try:
        return read()
    except Refused as error:
        raise away(error.detail) from error
