"""The secure channel: handshake with a trusted static key, renewal ahead of its end, resets, and pairing of answers."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from connector.errors import Refused, Transient
from connector.model import Clock
from connector.seal.kms_client.transport import Transport, away
from connector.seal.kmswire import handshake, sealed, signed
from connector.seal.kmswire.handshake import Binding
from connector.seal.kmswire.messages import RESET, Answer, Credential, Method, Request, answers
from connector.seal.kmswire.sealed import EphemeralKey
from connector.seal.kmswire.static import Anchor, StaticPublic, read_static, trusted

AHEAD = timedelta(minutes=2)
"""An ephemeral key is renewed so long before its end, or with a tenth of its life left if that is less."""

RESET_PAUSE = timedelta(seconds=10)
"""A recorded reset verifies for ever: after one was obeyed, the next is not for so long."""

AWAY_PAUSE = timedelta(seconds=3)
"""After a failure nobody else waits for the same time-out."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request without its envelope."""

    method: Method
    uri: str
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Credentials(Protocol):
    """Who we are, for the key service."""

    def handshake(self, binding: Binding) -> Credential:
        """For a handshake, bound to it."""

    def request(self) -> Credential:
        """For requests under the ephemeral key."""


class Session:
    """One client's channel to one key service; used by one thread at a time (``convoy``).

    Every method raises Transient: ``key-service-away``, ``key-service-untrusted`` when the static key does not lead to the
    anchor, ``key-service-refuses`` when this client is not enrolled. ``forgotten`` is called when the service has lost its
    memory of unbound keys, ``left`` when it does not answer, ``returned`` when it answers again after that.
    """

    def __init__(
        self,
        transport: Transport,
        anchor: Anchor,
        credentials: Credentials,
        client_id: str,
        clock: Clock,
    ) -> None:
        self.forgotten: Callable[[], None] = lambda: None
        self.left: Callable[[], None] = lambda: None
        self.returned: Callable[[], None] = lambda: None
        self._transport = transport
        self._anchor = anchor
        self._credentials = credentials
        self._client_id = client_id
        self._clock = clock
        self._static: StaticPublic | None = None
        self._key: EphemeralKey | None = None
        self._renew_at: datetime | None = None
        self._obeyed: datetime | None = None
        self._rest_until: datetime | None = None

    @property
    def host(self) -> str:
        """The key service's name."""
        return self._anchor.host

    @property
    def user_id(self) -> str:
        """Whom the service takes us for; "" before the first handshake."""
        return self._key.user_id if self._key else ""

    def ask(self, asks: Sequence[Ask]) -> list[Answer | None]:
        """The answers in the order of the requests; None for one that stayed without."""
        now = self._clock()
        if self._rest_until is not None and now < self._rest_until:
            raise away("it did not answer just now")
        try:
            found = self._asked(asks)
        except Transient:
            self._rest_until = self._clock() + AWAY_PAUSE
            self.left()
            raise
        if self._rest_until is not None:
            self._rest_until = None
            self.returned()
        return found

    def hurry(self) -> None:
        """Something speaks for the service's return: the rest after a failure is over. From any thread."""
        if self._rest_until is not None:
            self._rest_until = self._clock()

    def _asked(self, asks: Sequence[Ask]) -> list[Answer | None]:
        """Once more under a new key after a reset, and no more than once."""
        found, reset = self._exchange(asks)
        if not reset:
            return found
        self._obey()
        found, reset = self._exchange(asks)
        if reset:
            raise away("it resets again and again")
        return found

    def _exchange(self, asks: Sequence[Ask]) -> tuple[list[Answer | None], bool]:
        """Answers, and whether the service can't read what is under our key."""
        key = self._current()
        requests = [self._request(ask) for ask in asks]
        tokens = self._transport.carry([sealed.seal_request(one, key) for one in requests])
        pending = {one.request_id for one in requests}
        came: dict[str, Answer] = {}
        reset = False
        for token in tokens:
            answer = self._opened(token, key)
            if answer is None:
                continue
            if answer.status == RESET:
                reset = True
            elif answer.request_id in pending:
                came.setdefault(answer.request_id, answer)
        return [came.get(one.request_id) for one in requests], reset and len(came) < len(requests)

    def _opened(self, token: str, key: EphemeralKey) -> Answer | None:
        """An authentic answer or reset; whatever else the transport brings is as if it had not come."""
        try:
            if not sealed.is_signed(token):
                return sealed.open_answer(token, key)
            answer = signed.open_signed(token, self._trusted())
        except Refused:
            return None
        return answer if answer.status == RESET else None

    def _request(self, ask: Ask) -> Request:
        credential = self._credentials.request()
        return Request(ask.method, ask.uri, str(uuid.uuid4()), self._client_id, credential, ask.members)

    # --- the ephemeral key

    def _current(self) -> EphemeralKey:
        now = self._clock()
        if self._key is None or self._renew_at is None or now >= self._key.expires:
            return self._agree()
        if now < self._renew_at:
            return self._key
        try:
            return self._agree()
        except Transient:
            self._renew_at = min(now + AWAY_PAUSE, self._key.expires)
            return self._key

    def _agree(self) -> EphemeralKey:
        """A handshake; with the static key asked for anew when the one we know is no longer the service's."""
        key = self._handshake() or self._afresh()
        now = self._clock()
        if key.expires <= now:
            raise away("its key had expired when it came; compare the clocks")
        self._key, self._renew_at = key, key.expires - min(AHEAD, (key.expires - now) / 10)
        return key

    def _afresh(self) -> EphemeralKey:
        self._static = None
        key = self._handshake()
        if key is None:
            raise away("no answer to the handshake that can be believed")
        return key

    def _handshake(self) -> EphemeralKey | None:
        """The key agreed on; None when nothing came that the static key vouches for."""
        static = self._trusted()
        pending = handshake.make_offer(
            static, self._client_id, self._credentials.handshake, str(uuid.uuid4())
        )
        for token in self._transport.carry([pending.token]):
            with suppress(Refused):
                answer = answers(signed.open_signed(token, static), pending.request_id)
                if answer.status in {401, 403}:
                    raise Transient("key-service-refuses", answer.reason)
                return handshake.agree(pending, answer, static)
        return None

    def _trusted(self) -> StaticPublic:
        if self._static is None:
            try:
                self._static = trusted(read_static(self._transport.static()), self._anchor, self._clock())
            except Refused as error:
                raise Transient("key-service-untrusted", error.detail) from error
        return self._static

    def _obey(self) -> None:
        """Forget what a reset says is lost."""
        now = self._clock()
        if self._obeyed is not None and now < self._obeyed + RESET_PAUSE:
            raise away("it was reset just now")
        self._obeyed = now
        self._key = None
        self.forgotten()
