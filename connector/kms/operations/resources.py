"""Resources: what keys are bound to and users are authorized on."""

from __future__ import annotations

from datetime import timedelta

from connector.errors import Refused
from connector.kms import names, times
from connector.kms.operations import authorizations, keys
from connector.kms.operations.work import Done, Work
from connector.kms.refusal import Refusal
from connector.seal.kmswire.objects import ResourceObject, read_ids, write_resource
from connector.seal.kmswire.plain import a_list, a_number


def create(work: Work) -> Done:
    """``create /resources``: with the caller, the named users and the named keys, or not at all."""
    identity = names.fresh()
    work.connection.execute(
        "INSERT INTO resources VALUES (?, ?, ?, ?)", (identity, work.caller.user, work.at, _expiry(work))
    )
    authorizations.allow(work, identity, work.caller.user)
    for user in read_ids(work.members):
        authorizations.allow(work, identity, user)
    tokens = authorizations.allow_anonymous(work, identity, work.members.get("anonymous", 0))
    for uri in a_list(work.members.get("keyUris", []), "keyUris"):
        keys.bind_row(work, keys.by_id(work, work.names.id_of(uri, "keys")), identity)
    extra = {"authorizations": tokens} if tokens else {}
    shown = _shown(work, identity)
    members = {"resource": {**write_resource(shown), **extra}}
    return Done(201, members, (shown.uri, *shown.key_uris, *shown.authorization_uris))


def retrieve(work: Work) -> Done:
    """``retrieve /resources/{id}``."""
    work.resource(work.target.id)
    shown = _shown(work, work.target.id)
    return Done(200, {"resource": write_resource(shown)}, (shown.uri,))


def _shown(work: Work, identity: str) -> ResourceObject:
    row = work.resource(identity)
    most = work.terms.limits.listed
    bound = work.connection.execute(
        "SELECT id FROM keys WHERE resource = ? ORDER BY bound_at DESC, id LIMIT ?", (identity, most)
    )
    key_uris = tuple(work.names.key(one["id"]) for one in bound)
    allowed = work.connection.execute(
        "SELECT id FROM authorizations WHERE resource = ? ORDER BY created_at, id LIMIT ?", (identity, most)
    )
    return ResourceObject(
        uri=work.names.resource(identity),
        key_uris=key_uris,
        authorization_uris=tuple(work.names.uri("authorizations", one["id"]) for one in allowed),
        expires=times.moment(row["expires_at"]) if row["expires_at"] is not None else None,
    )


def _expiry(work: Work) -> int | None:
    """The end that ``ttl`` (seconds, 0 is never) sets."""
    most = work.terms.limits.ttl
    try:
        ttl = a_number(work.members.get("ttl", 0), "ttl", 0, most)
    except Refused as error:
        raise Refusal(400, f"ttl is 0 (never) or a whole number of seconds up to {most}.") from error
    return times.micros(work.now + timedelta(seconds=ttl)) if ttl else None
