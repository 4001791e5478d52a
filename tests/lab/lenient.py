"""Answers that PyPI's webex-message-handler believes, made of a real key server's; as a program, whether it does.

    python -m tests.lab.lenient MODULES      prints {FORGERY: believed} as JSON

``MODULES`` is a folder with that library; everything else is this tree's own.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import tempfile
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from connector.seal.kmswire import sealed, signed
from connector.seal.kmswire.handshake import write_point
from connector.seal.kmswire.messages import Answer
from connector.seal.kmswire.objects import KeyObject
from connector.seal.kmswire.static import write_static
from tests.unit.kms.site import CLUSTER, Client, Site, site_at, token
from tests.unit.seal.kmswire.site import other_service

USER = "ann@example.com"


def _changed(**members: object) -> Callable[[str], str]:
    """Other members in the header, under the signature of before."""

    def forge(answer: str) -> str:
        header, rest = answer.split(".", 1)
        said = {**json.loads(_decode(header)), **members}
        return f"{_encode({name: value for name, value in said.items() if value is not None})}.{rest}"

    return forge


def _with_key_of_the_hub(answer: str) -> str:
    """The hub's own public key in the answer: it could read everything from then on."""
    header, body, signature = answer.split(".")
    said = json.loads(_decode(body))
    said["key"]["jwk"] = write_point(ec.generate_private_key(ec.SECP256R1()).public_key())
    return f"{header}.{_encode(said)}.{signature}"


def _of_another_server(answer: str) -> str:
    """All of it, signed anew by a key that nobody vouches for."""
    said = json.loads(_decode(answer.split(".")[1]))
    members = {name: value for name, value in said.items() if name not in ("status", "requestId")}
    return signed.sign(Answer(said["status"], said["requestId"], members=members), other_service())


HANDSHAKES: dict[str, Callable[[str], str]] = {
    "a wrong signature": lambda answer: answer.rpartition(".")[0] + "." + "A" * 342,
    "no signature": lambda answer: answer.rpartition(".")[0] + ".",
    "algorithm none": _changed(alg="none"),
    "another kid": _changed(kid="kms://elsewhere.example.com"),
    "no kid": _changed(kid=None),
    "a key of the hub's own": _with_key_of_the_hub,
    "another server's signature": _of_another_server,
}
"""Forgeries of the answer to a handshake."""

SWAPPED = "the answer to another request"


@dataclass
class Hub:
    """Between a client and a key server, forging what comes back: the ``Transport`` of ours, and the library's cloud."""

    site: Site
    forge: Callable[[str], str] = lambda answer: answer
    swapped: list[str] = field(default_factory=list)

    def static(self) -> bytes:
        """As it is."""
        return json.dumps(write_static(self.site.desk.static.public)).encode()

    def carry(self, tokens: Sequence[str]) -> tuple[str, ...]:
        """Signed answers forged; sealed ones swapped for the one of before, if ``swapped`` holds one."""
        answers = (self.site.desk.answer(one, "test") for one in tokens)
        return tuple(self._meddled(one) for one in answers)

    def close(self) -> None:
        """Nothing to close."""

    def _meddled(self, answer: str) -> str:
        if sealed.is_signed(answer):
            return self.forge(answer)
        self.swapped.append(answer)
        return self.swapped[0]


def key_for(client: Client) -> KeyObject:
    """A key that the user may fetch."""
    return client.bound_key()


class Library:
    """One client of the library, with the hub as its cloud."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        module: Any = importlib.import_module("webex_message_handler.kms_client")
        module.validate_webex_url = lambda *_: None  # it would speak to Webex alone
        self.client: Any = module.KmsClient(
            token=token(hub.site.clock, USER),
            device_url="https://devices.example.com/1",
            user_id=USER,
            encryption_service_url="https://cloud.example.com",
            http_do=self._asked,
        )

    async def _asked(self, request: Any) -> Any:
        if request.method == "GET":
            return _Reply({"kmsCluster": CLUSTER, "rsaPublicKey": self._hub.static().decode()})
        answers = list(self._hub.carry(json.loads(request.body)["kmsMessages"]))
        asyncio.get_running_loop().call_soon(self.client.handle_kms_message, {"kmsMessages": answers})
        return _Reply({})


@dataclass
class _Reply:
    """An answer as the library wants it."""

    body: dict[str, Any]
    status: int = 200
    ok: bool = True

    async def json(self) -> dict[str, Any]:
        return self.body

    async def text(self) -> str:
        return json.dumps(self.body)


async def believed(site: Site, forge: Callable[[str], str]) -> bool:
    """Whether the library takes a forged handshake for a good one."""
    library = Library(Hub(site, forge))
    await asyncio.wait_for(library.client.initialize(), 20)
    return library.client._ephemeral_key is not None


async def confused(site: Site) -> bool:
    """Whether the library takes the answer to another request: it asks for two keys and is given one twice."""
    client = site.client(USER, "https://devices.example.com/1")
    first, second = key_for(client), key_for(client)
    library = Library(Hub(site))
    await library.client.initialize()
    one = await asyncio.wait_for(library.client.get_key(first.uri), 20)
    other = await asyncio.wait_for(library.client.get_key(second.uri), 20)
    return bool(one.export() == other.export())


def main(modules: str) -> None:
    """Print what the library believes."""
    sys.path.append(modules)
    with tempfile.TemporaryDirectory() as place:
        site = site_at(Path(place))
        site.clock.forward(datetime.now(UTC) - site.clock())
        found = {name: asyncio.run(believed(site, forge)) for name, forge in HANDSHAKES.items()}
        found[SWAPPED] = asyncio.run(confused(site))
        site.close()
    print(json.dumps(found))


def _encode(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _decode(part: str) -> bytes:
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


if __name__ == "__main__":
    main(sys.argv[1])
