"""The key service, from the configuration."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from connector.app.ground import Ground
from connector.app.relay import far_end_of, proxy_of
from connector.config import Config
from connector.config.keys import Keys
from connector.errors import ConfigError, Problem
from connector.keystore import Keystore
from connector.relay import carriage
from connector.relay.far_end import Proxy
from connector.seal.base import KeyService
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.enrolled import Enrolled, identity_from
from connector.seal.kms_client.lookout import Lookout
from connector.seal.kms_client.readers import Readers, ReadersOf
from connector.seal.kms_client.service import KmsKeyService, Terms
from connector.seal.kms_client.session import Session
from connector.seal.kms_client.transport import Address, HttpTransport, Transport
from connector.seal.kms_client.verbs import Verbs
from connector.seal.kmswire.identity import Identity
from connector.seal.kmswire.static import Anchor
from connector.seal.local import LocalKeyService
from connector.seal.switch import SwitchedKeyService
from connector.store.base import Store
from connector.tls import trusting

IDENTITY = "kms-identity"
"""The local key of the keystore that our key at the key server is made from."""


@dataclass(frozen=True, slots=True)
class KeyParts:
    """The key service in force; ``close`` gives its connections up. With a key server there is one who looks out for it."""

    service: KeyService
    close: Callable[[], None] = lambda: None
    lookout: Lookout | None = None


def build_keys(
    ground: Ground,
    lost: Callable[[str], None] = lambda _mailbox_id: None,
    returned: Callable[[], None] = lambda: None,
) -> KeyParts:
    """The key service as configured, with the one that was before where its keys may still be needed.

    ``lost`` is told a mailbox whose key the server withholds, ``returned`` that it answers again. Raises ConfigError for
    certificate files that can't be used.
    """
    keys, local = ground.loaded.config.keys, local_keys(ground)
    if keys.server is None:
        return KeyParts(local)
    address = address_of(ground, keys.server)
    transport = HttpTransport(address)
    session = _session(ground, keys.server, transport)
    verbs = Verbs(Convoy(session.ask).ask, keys.server)
    lookout = Lookout(HttpTransport(address.patient()), verbs.ping, session.hurry)

    def back() -> None:
        lookout.back()
        returned()

    session.left, session.returned = lookout.away, back
    remote = _key_server(ground, session, verbs, lost)
    order = (local, remote) if keys.service == "local" else (remote, local)
    return KeyParts(SwitchedKeyService(*order), transport.close, lookout)


def local_keys(ground: Ground) -> LocalKeyService:
    """The key service on this machine: content keys in the store, under a KEK of the keystore."""
    config, keystore = ground.loaded.config, ground.keystore
    return LocalKeyService(
        ground.store,
        lambda: dict([keystore.local_key("kek")]),
        config.instance,
        config.keys.rotate,
        ground.clock,
    )


def _session(ground: Ground, host: str, transport: Transport) -> Session:
    """The channel to a key server."""
    config, clock = ground.loaded.config, ground.clock
    identity = identity_of(config, ground.keystore)
    return Session(transport, anchor_of(config.keys, host), Enrolled(identity, clock), config.instance, clock)


def _key_server(ground: Ground, session: Session, verbs: Verbs, lost: Callable[[str], None]) -> KmsKeyService:
    """The client of a key server."""
    keys = ground.loaded.config.keys
    readers = Readers(verbs, readers_of(ground.store, keys.readers), lambda: session.user_id)
    service = KmsKeyService(verbs, ground.store, readers, Terms(keys.rotate), ground.clock, lost)
    session.forgotten = service.forget_unbound
    return service


def identity_of(config: Config, keystore: Keystore) -> Identity:
    """Our own key towards the key server; its fingerprint is what is enrolled there."""
    _, secret = keystore.local_key(IDENTITY)
    return identity_from(secret, config.instance)


def anchor_of(keys: Keys, host: str) -> Anchor:
    """What the key server is recognised by. Raises ConfigError for a file that holds no certificate."""
    roots: tuple[x509.Certificate, ...] = ()
    if keys.ca is not None:
        try:
            roots = tuple(x509.load_pem_x509_certificates(keys.ca.read_bytes()))
        except (OSError, ValueError) as error:
            raise ConfigError((Problem(f"{keys.ca} of keys.ca can't be used: {error}"),)) from error
    return Anchor(host, roots, frozenset(keys.pins))


def address_of(ground: Ground, host: str) -> Address:
    """The way to the key server: a socket of this machine, its own address, or the hub."""
    config, keystore = ground.loaded.config, ground.keystore
    via = config.keys.via
    if via.startswith("unix:"):
        return Address(f"http://{host}{carriage.DIRECT}", socket=Path(via.removeprefix("unix:")))
    if via != "hub":
        proxy = proxy_of(config, keystore, config.keys.proxy)
        return Address(via + carriage.DIRECT, tls=_tls(config.keys), proxy=lambda: _url(proxy()))
    far_end = far_end_of(config, keystore, ground.clock)
    return Address(
        far_end.at(carriage.through_hub(host)),
        tls=far_end.tls,
        headers=lambda: far_end.headers(""),
        proxy=lambda: _url(far_end.proxy()),
    )


def readers_of(store: Store, by_policy: Mapping[str, tuple[str, ...]]) -> ReadersOf:
    """The owner, by primary address, and those whom the configuration lets read mailboxes of the policy."""

    def readers(mailbox_id: str) -> frozenset[str]:
        mailbox = store.mailbox(mailbox_id)
        if mailbox is None:
            return frozenset()
        return frozenset({mailbox.address, *by_policy.get(mailbox.policy, ())})

    return readers


def _tls(keys: Keys) -> ssl.SSLContext:
    """TLS is the envelope's envelope here: the system's authorities and those of the static key are both good for it."""
    context = trusting(None, setting="keys.ca")
    if keys.ca is not None:
        context.load_verify_locations(keys.ca)
    return context


def _url(proxy: Proxy | None) -> str | None:
    return proxy.with_credentials() if proxy else None
