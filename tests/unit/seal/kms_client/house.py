"""A client and a key service in memory, put together as the composition root does it."""

from __future__ import annotations

from datetime import timedelta

from connector.model import Clock
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.enrolled import Enrolled, identity_from
from connector.seal.kms_client.readers import Readers
from connector.seal.kms_client.service import KmsKeyService, Terms
from connector.seal.kms_client.session import Session
from connector.seal.kms_client.transport import Transport
from connector.seal.kms_client.verbs import Verbs
from connector.seal.kmswire.static import Anchor
from connector.store.memory import MemoryStore
from tests.fakes.cipher import FakeCipher
from tests.fakes.clock import ManualClock
from tests.fakes.kms import FakeKms
from tests.unit.seal.kmswire.site import HOST, NOW, authority, service_key

DAY = timedelta(days=1)
ENROLLED = identity_from(b"i" * 32, "cal-01.example.com")
ANCHOR = Anchor(HOST, roots=(authority(),))


def session_of(transport: Transport, clock: Clock, anchor: Anchor = ANCHOR) -> Session:
    """A session of the enrolled client."""
    return Session(transport, anchor, Enrolled(ENROLLED, clock), "client-1", clock)


class House:
    """One store, one clock, one key service; clients made from them like processes started one after the other."""

    def __init__(self) -> None:
        self.store = MemoryStore(FakeCipher())
        self.clock = ManualClock()
        self.clock.forward(NOW - self.clock())
        self.kms = FakeKms(service_key(), self.clock, {ENROLLED.fingerprint})
        self.readers: dict[str, frozenset[str]] = {}
        self.lost: list[str] = []

    def service(self, transport: Transport | None = None, **terms: timedelta | int) -> KmsKeyService:
        """A new process."""
        session = session_of(transport or self.kms, self.clock)
        verbs = Verbs(Convoy(session.ask).ask, HOST)
        readers = Readers(verbs, self.readers_of, lambda: session.user_id)
        made = Terms(**{"rotate": 30 * DAY, **terms})  # type: ignore[arg-type]
        service = KmsKeyService(verbs, self.store, readers, made, self.clock, self.lost.append)
        session.forgotten = service.forget_unbound
        return service

    def readers_of(self, mailbox_id: str) -> frozenset[str]:
        """Its owner, unless said otherwise."""
        return self.readers.get(mailbox_id, frozenset({f"{mailbox_id}@example.com"}))
