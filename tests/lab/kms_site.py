"""A site whose keys come from a key server of its own, through the hub, and users who fetch theirs there with tokens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from connector.model import ContentKey
from connector.relay import carriage
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.session import Session
from connector.seal.kms_client.transport import Address, HttpTransport
from connector.seal.kms_client.verbs import Verbs
from connector.seal.kmswire.handshake import Binding
from connector.seal.kmswire.messages import Credential
from connector.seal.kmswire.static import Anchor
from connector.seal.opening import open_meeting
from tests.fakes.clock import ManualClock
from tests.lab.kms_server import HOST, KmsServer
from tests.lab.site import Site
from tests.unit.kms.site import ISSUER, jwks, token

CONNECTOR = "lab"


class UserKeys(dict[str, ContentKey]):
    """A user's own client of the key server: a key that is not there yet is fetched when it is asked for."""

    def __init__(self, server: KmsServer, address: str, mailbox_id: str, pin: str = "") -> None:
        super().__init__()
        self._mailbox_id = mailbox_id
        self._address = address
        transport = HttpTransport(Address(f"http://{HOST}{carriage.DIRECT}", socket=server.socket))
        anchor = Anchor(HOST, pins=frozenset({pin or server.pin}))
        session = Session(transport, anchor, self, f"https://devices.example.com/{address}", _now)
        self._transport = transport
        self.verbs = Verbs(Convoy(session.ask).ask, HOST)

    def handshake(self, _binding: Binding) -> Credential:
        """``connector.seal.kms_client.session.Credentials``: a fresh token of the lab's issuer."""
        return self.request()

    def request(self) -> Credential:
        """The same."""
        return Credential(bearer=token(ManualClock(_now()), self._address))

    def __missing__(self, uri: str) -> ContentKey:
        found = self.verbs.retrieve_key(uri)
        self[uri] = ContentKey(uri, self._mailbox_id, found.secret, found.created or _now())
        return self[uri]

    def close(self) -> None:
        """Give the connection up."""
        self._transport.close()


class KmsSite(Site):
    """``Site`` with the key server as one more process; ``kms`` starts and stops it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.kms = KmsServer(self.folder / "kms")
        self.users: list[UserKeys] = []
        self._ids: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Everything but the connector runs; the connector is enrolled at the key server."""
        super().__enter__()
        try:
            self.write_config(self.configuration() + self.keys_section())
            self.kms.write_settings(self.enrolment())
            self.kms.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        for user in self.users:
            user.close()
        if self.kms.pid:
            self.kms.stop()
        super().__exit__(kind, error, trace)

    def keys_section(self) -> str:
        """What connector.yaml says of the key server."""
        return f'keys: {{service: "kms://{HOST}", via: hub, pins: ["{self.kms.pin}"]}}\n'

    def enrolment(self) -> str:
        """What kms.toml says of the connector, the users' issuer and the hub."""
        folder = self.kms.folder
        (folder / "jwks.json").write_bytes(jwks())
        hub_token = folder / "hub.token"
        hub_token.unlink(missing_ok=True)
        hub_token.write_text(self.hub.connector_token(HOST))
        hub_token.chmod(0o400)
        shown = self.cli("secret", "fingerprint").strip()
        return (
            f'[connectors.{CONNECTOR}]\nfingerprint = "{shown}"\n'
            f'[issuers.lab]\nissuer = "{ISSUER}"\njwks = "{folder}/jwks.json"\n'
            f'[hub]\nurl = "{self.hub.url}"\nca = "{self.hub.ca}"\ntoken = "{hub_token}"\n'
        )

    def keys(self, address: str) -> dict[str, ContentKey]:
        """The owner's own client, which asks the key server."""
        return self.user(self.kms, address)

    def user(self, server: KmsServer, address: str) -> UserKeys:
        """A user's client of a key server; the mailbox id is what the hub calls the list."""
        made = UserKeys(server, address, self.id_of(address))
        self.users.append(made)
        return made

    def opened(self, address: str, keys: Mapping[str, ContentKey]) -> list[dict[str, Any]]:
        """The hub's list of a mailbox, opened with what the user fetches on the way."""
        mailbox_id = self.id_of(address)
        return [open_meeting(sealed, keys.__getitem__) for sealed in self.hub.meetings(mailbox_id).values()]

    def id_of(self, address: str) -> str:
        """The mailbox's id, asked once; it never changes."""
        if address not in self._ids:
            self._ids[address] = self.mailbox(address)["id"]
        return self._ids[address]


def _now() -> datetime:
    return datetime.now(UTC)
