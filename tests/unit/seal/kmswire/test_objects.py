"""Keys, resources and authorizations of answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from connector.errors import Refused
from connector.seal.kmswire import objects
from connector.seal.kmswire.objects import AuthorizationObject, KeyObject, ResourceObject
from connector.seal.kmswire.plain import dump, load
from tests.unit.seal.kmswire.site import HOST, NOW

KEY = KeyObject(
    f"kms://{HOST}/keys/1",
    bytes(32),
    "u",
    "c",
    NOW,
    NOW + timedelta(days=1),
    f"kms://{HOST}/resources/1",
    NOW,
)


def test_objects_go_there_and_back() -> None:
    """Every attribute of the draft."""
    resource = ResourceObject("/resources/1", ("/keys/1",), ("/authorizations/1",), NOW)
    authorization = AuthorizationObject("/authorizations/1", "u", "/resources/1", NOW)
    anonymous = AuthorizationObject("/authorizations/2", "", "/resources/1", NOW, bearer="B")
    assert objects.read_key(load(dump(objects.write_key(KEY)))) == KEY
    assert objects.read_resource(load(dump(objects.write_resource(resource)))) == resource
    for one in (authorization, anonymous):
        assert objects.read_authorization(load(dump(objects.write_authorization(one)))) == one
    assert str(KEY.secret) not in repr(KEY)


def test_whole_objects_stand_for_their_uris() -> None:
    """A key service may answer either."""
    read = objects.read_resource({"uri": "/resources/1", "keys": [{"uri": "/keys/1"}]})
    assert read.key_uris == ("/keys/1",)


def test_both_names_of_the_users_are_taken() -> None:
    """AuthIds of the draft, userIds of the SDK; each user once."""
    assert objects.read_ids({"userIds": ["a", "b"], "authIds": ["b", "c"]}) == ("b", "c", "a")
    assert objects.read_ids({}) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"jwk": None},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"jwk": {"kty": "RSA", "k": "A" * 43}},
        {"jwk": {"kty": "oct", "k": 1}},
        {"uri": ""},
        {"createDate": "yesterday"},
        {"createDate": "2026-11-21T09:00:00"},
        {"createDate": "0001-01-01T00:00:00+23:59"},
    ],
)
def test_what_is_no_key_is_refused(change: dict[str, Any]) -> None:
    """A key has 256 bits, a URI and times with a zone."""
    with pytest.raises(Refused):
        objects.read_key({**objects.write_key(KEY), **change})
