"""Keys, resources and authorizations as they stand in answers. Pure.

The draft lets a key service answer URIs instead of objects (``keyUris`` for ``keys``), and two names of one list are in use:
``authIds``, and ``userIds`` of before April 2015, which Cisco's SDK still sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.seal.kmswire import jose
from connector.seal.kmswire.plain import (
    LINE,
    TOKEN,
    URI,
    a_list,
    a_text,
    a_time,
    an_object,
    malformed,
    write_time,
)

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyObject:
    """A content key. ``expires`` is the last moment to bind it, or once bound to encrypt with it; None where the service sets no end."""

    uri: str
    secret: bytes = field(repr=False)
    user_id: str = ""
    client_id: str = ""
    created: datetime | None = None
    expires: datetime | None = None
    resource_uri: str = ""
    bound: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResourceObject:
    """What keys are bound to and users are authorized on."""

    uri: str
    key_uris: tuple[str, ...] = ()
    authorization_uris: tuple[str, ...] = ()
    expires: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuthorizationObject:
    """``auth_id`` may retrieve the resource's keys and authorize others; ``bearer`` is the token of an anonymous one."""

    uri: str
    auth_id: str
    resource_uri: str
    created: datetime | None = None
    bearer: str = field(default="", repr=False)


def write_key(key: KeyObject) -> dict[str, Any]:
    """The ``key`` member."""
    jwk = {"kid": key.uri, "kty": "oct", "k": jose.encode(key.secret)}
    return {
        "uri": key.uri,
        "jwk": jwk,
        "userId": key.user_id,
        "clientId": key.client_id,
        **_times(createDate=key.created, expirationDate=key.expires, bindDate=key.bound),
        **({"resourceUri": key.resource_uri} if key.resource_uri else {}),
    }


def read_key(value: Any) -> KeyObject:
    """The inverse. Raises Refused."""
    members = an_object(value, "key")
    jwk = an_object(members.get("jwk"), "key.jwk")
    k = jwk.get("k")
    if jwk.get("kty") != "oct" or not isinstance(k, str):
        raise malformed("a content key is of kty oct")
    secret = jose.decode(k, "k", KEY_BYTES)
    if len(secret) != KEY_BYTES:
        raise malformed("a content key has 256 bits")
    return KeyObject(
        uri=a_text(members.get("uri"), "key.uri", URI),
        secret=secret,
        user_id=_optional(members, "userId"),
        client_id=_optional(members, "clientId"),
        created=_time(members, "createDate"),
        expires=_time(members, "expirationDate"),
        resource_uri=_optional(members, "resourceUri"),
        bound=_time(members, "bindDate"),
    )


def write_resource(resource: ResourceObject) -> dict[str, Any]:
    """The ``resource`` member."""
    return {
        "uri": resource.uri,
        "keyUris": list(resource.key_uris),
        "authorizationUris": list(resource.authorization_uris),
        **_times(expirationDate=resource.expires),
    }


def read_resource(value: Any) -> ResourceObject:
    """The inverse, whole objects in place of URIs included. Raises Refused."""
    members = an_object(value, "resource")
    return ResourceObject(
        uri=a_text(members.get("uri"), "resource.uri", URI),
        key_uris=_uris(members, "keyUris", "keys"),
        authorization_uris=_uris(members, "authorizationUris", "authorizations"),
        expires=_time(members, "expirationDate"),
    )


def write_authorization(authorization: AuthorizationObject) -> dict[str, Any]:
    """The ``authorization`` member."""
    who = {"bearer": authorization.bearer} if authorization.bearer else {"authId": authorization.auth_id}
    return {
        "uri": authorization.uri,
        **who,
        "resourceUri": authorization.resource_uri,
        **_times(createDate=authorization.created),
    }


def read_authorization(value: Any) -> AuthorizationObject:
    """The inverse. Raises Refused."""
    members = an_object(value, "authorization")
    bearer = members.get("bearer")
    return AuthorizationObject(
        uri=a_text(members.get("uri"), "authorization.uri", URI),
        auth_id=_optional(members, "authId"),
        resource_uri=a_text(members.get("resourceUri"), "resourceUri", URI),
        created=_time(members, "createDate"),
        bearer=a_text(bearer, "bearer", TOKEN) if bearer else "",
    )


def read_ids(members: Mapping[str, Any]) -> tuple[str, ...]:
    """The users of a request: ``authIds`` or ``userIds``, each once, in their order. Raises Refused."""
    listed = [one for name in ("authIds", "userIds") for one in a_list(members.get(name, []), name)]
    return tuple(dict.fromkeys(a_text(one, "authIds", LINE) for one in listed))


def _uris(members: Mapping[str, Any], name: str, objects: str) -> tuple[str, ...]:
    if name in members:
        return tuple(a_text(one, name, URI) for one in a_list(members[name], name))
    whole = a_list(members.get(objects, []), objects)
    return tuple(a_text(an_object(one, objects).get("uri"), objects, URI) for one in whole)


def _optional(members: Mapping[str, Any], name: str) -> str:
    return a_text(members[name], name, LINE) if members.get(name) else ""


def _time(members: Mapping[str, Any], name: str) -> datetime | None:
    return a_time(members[name], name) if members.get(name) else None


def _times(**moments: datetime | None) -> dict[str, str]:
    return {name: write_time(moment) for name, moment in moments.items() if moment}
