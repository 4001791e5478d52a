"""URIs of this key server's objects."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from connector.kms.refusal import Refusal
from connector.seal.kmswire import uris
from connector.seal.kmswire.plain import URI, a_text


@dataclass(frozen=True, slots=True)
class Names:
    """The URIs of one key server."""

    host: str

    @property
    def cluster(self) -> str:
        """The URI of the server itself, which is also the audience that tokens must be for."""
        return f"kms://{self.host}"

    def uri(self, collection: str, identity: str) -> str:
        """The absolute URI of an object."""
        return uris.write(self.host, uris.Target(collection, identity))

    def key(self, identity: str) -> str:
        """The URI of a key."""
        return self.uri("keys", identity)

    def resource(self, identity: str) -> str:
        """The URI of a resource."""
        return self.uri("resources", identity)

    def id_of(self, uri: object, collection: str) -> str:
        """The id in an object's URI.

        Raises Refusal 400 when it is none of that collection, Refused ``kms-elsewhere`` for another host's.
        """
        target = uris.read_target(a_text(uri, "the URI", URI), self.host)
        if target.collection != collection or not target.id or target.part or target.query:
            raise Refusal(400, f"This is no URI of one of /{collection}.")
        return target.id


def form(target: uris.Target) -> str:
    """The shape of a URI, as the table of operations writes it: /resources/{id}/keys."""
    return "/".join(["", target.collection, *["{id}"] * bool(target.id), *[target.part] * bool(target.part)])


def fresh() -> str:
    """A new random id."""
    return str(uuid.uuid4())
