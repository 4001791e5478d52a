"""Every parser of the key service's wire, fed by atheris: a verdict, or a message, and nothing else.

``python -m tests.fuzz.kmswire -max_total_time=20 DIRECTORY``; exits 0 when nothing was found. The directory is filled with seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["connector.seal.kmswire", "connector.relay.carriage"]):
    from connector.relay import carriage
    from connector.seal.kmswire import handshake, identity, objects, sealed, signed, static, uris
    from connector.seal.kmswire.messages import Credential, read_answer, read_request
    from connector.seal.kmswire.plain import dump, load

from connector.errors import Refused, Transient
from tests.unit.seal.kmswire.site import NOW, agreed, authority, request, service_key

KEY, _ = agreed()
STATIC = service_key()
PUBLIC = STATIC.public
ANCHOR = static.Anchor("kms.example.com", roots=(authority(),))
BINDING = handshake.Binding("kms://kms.example.com", "t", "r")
TOKEN = sealed.seal_request(request(count=1), KEY)
FRESH = handshake.make_offer(PUBLIC, "c", lambda _: Credential(bearer="T"), "r")


def _proof(text: str) -> object:
    return identity.check_proof(
        Credential(jwk=handshake.write_point(FRESH.private.public_key()), proof=text), BINDING, NOW
    )


def _spliced(text: str) -> object:
    """A true token with one part replaced: further in than noise gets."""
    parts = TOKEN.split(".")
    place, _, part = text.partition(" ")
    parts[len(place) % 5] = part
    return sealed.open_request(".".join(parts), KEY)


TEXTS: tuple[Callable[[str], object], ...] = (
    lambda text: sealed.open_request(text, KEY),
    lambda text: sealed.open_answer(text, KEY),
    sealed.kid_of,
    lambda text: signed.open_signed(text, PUBLIC),
    lambda text: handshake.open_offer(text, STATIC),
    lambda text: uris.read_target(text, "kms.example.com"),
    _proof,
    _spliced,
)

OBJECTS: tuple[Callable[[bytes], object], ...] = (
    read_request,
    read_answer,
    static.read_static,
    lambda raw: static.trusted(static.read_static(raw), ANCHOR, NOW),
    lambda raw: handshake.agree(FRESH, read_answer(raw), PUBLIC),
    lambda raw: handshake.read_point(load(raw)),
    lambda raw: identity.read_public(load(raw)),
    lambda raw: objects.read_key(load(raw)),
    lambda raw: objects.read_resource(load(raw)),
    lambda raw: objects.read_authorization(load(raw)),
    lambda raw: objects.read_ids(load(raw)),
    carriage.read_messages,
    carriage.read_service,
    carriage.read_requests,
)


def one(data: bytes) -> None:
    """One input for one parser; the first byte chooses which."""
    chosen = data[0] % (len(TEXTS) + len(OBJECTS)) if data else 0
    try:
        if chosen < len(TEXTS):
            TEXTS[chosen](data[1:].decode("utf-8", "replace"))
        else:
            OBJECTS[chosen - len(TEXTS)](data[1:])
    except (Refused, Transient):
        return


def seeds() -> list[bytes]:
    """Something of every form, so that mutation begins inside."""
    texts = (TOKEN, FRESH.token, signed.sign_reset("r", "r", STATIC), "kms://kms.example.com/keys/1?a=b")
    bodies = (
        dump(static.write_static(PUBLIC)),
        dump({"status": 201, "requestId": "r", "key": handshake.write_point(FRESH.private.public_key())}),
        dump(objects.write_key(objects.KeyObject("/keys/1", bytes(32), "u", "c", NOW, NOW, "/r", NOW))),
        b'{"client":{"clientId":"c","credential":{"bearer":"T"}},"method":"create","uri":"/keys","requestId":"r"}',
        b'{"kmsMessages":["aa..bb.cc.dd"]}',
        b'{"static":{},"answers":[{"id":"1","kmsMessages":["aa.bb.cc"]}],"wait":1}',
    )
    begun = [bytes([n]) + text.encode() for n in range(len(TEXTS)) for text in texts]
    return begun + [bytes([len(TEXTS) + n]) + body for n in range(len(OBJECTS)) for body in bodies]


def main() -> None:
    """Seeds first, then what atheris makes of them."""
    corpus = Path(sys.argv[-1])
    for number, seed in enumerate(seeds()):
        one(seed)
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
