"""Which request leads where."""

from __future__ import annotations

from collections.abc import Mapping

from connector.kms import names
from connector.kms.operations import authorizations, keks, keys, resources
from connector.kms.operations.work import Done, Operation, Work
from connector.kms.refusal import Refusal, not_allowed, not_found
from connector.seal.kmswire.messages import Method
from connector.seal.kmswire.uris import Target


def ping(_work: Work) -> Done:
    """``update /ping``: nothing happens."""
    return Done(200)


_KEKS: Mapping[tuple[Method, str], Operation] = {
    (method, f"/{collection}{tail}"): operation
    for collection in ("cmk", "kek")
    for method, tail, operation in (
        (Method.CREATE, "", keks.create),
        (Method.RETRIEVE, "", keks.retrieve),
        (Method.UPDATE, "/{id}", keks.update),
    )
}

OPERATIONS: Mapping[tuple[Method, str], Operation] = {
    (Method.UPDATE, "/ping"): ping,
    (Method.CREATE, "/keys"): keys.create,
    (Method.RETRIEVE, "/keys/{id}"): keys.retrieve,
    (Method.UPDATE, "/keys/{id}"): keys.bind,
    (Method.CREATE, "/resources"): resources.create,
    (Method.RETRIEVE, "/resources/{id}"): resources.retrieve,
    (Method.RETRIEVE, "/resources/{id}/keys"): keys.of_resource,
    (Method.CREATE, "/authorizations"): authorizations.create,
    (Method.RETRIEVE, "/resources/{id}/authorizations"): authorizations.of_resource,
    (Method.DELETE, "/resources/{id}/authorizations"): authorizations.delete_of_user,
    (Method.DELETE, "/authorizations/{id}"): authorizations.delete,
    (Method.DELETE, "/authorizations"): authorizations.delete_many,
    **_KEKS,
}
"""Every operation but those on ephemeral keys, which are no rows of the database (``connector.kms.desk``)."""


def find(method: Method, target: Target) -> Operation:
    """Raises Refusal 404 for a place there is not, 400 for a method that it does not know."""
    shape = names.form(target)
    operation = OPERATIONS.get((method, shape))
    if operation is None:
        if any(known == shape for _, known in OPERATIONS):
            raise Refusal(400, f"{method.value} can't be done with {shape}.")
        raise not_found()
    return operation


def carry_out(method: Method, work: Work) -> Done:
    """Do what was asked. Raises Refusal, Refused and KekMissing, and then nothing of it was done for good."""
    operation = find(method, work.target)
    if work.caller.anonymous and method is not Method.RETRIEVE and operation is not ping:
        raise not_allowed()
    return operation(work)
