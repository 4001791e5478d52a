"""The client of a key server against the key server of this product: the contract, readers, revocation, restarts, the hub between."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from connector.errors import KeyWithheld, Transient
from connector.kms.doors.counter import Counter
from connector.kms.doors.listening import UnixDoor
from connector.kms.keks.master import MasterKeks
from connector.kms.settings import ConnectorSettings
from connector.relay import carriage
from connector.seal.base import KeyService
from connector.seal.kms_client.note import Note
from connector.seal.kms_client.service import CHECKED, KmsKeyService
from connector.seal.kms_client.session import AWAY_PAUSE, RESET_PAUSE
from connector.seal.kms_client.transport import Address, HttpTransport, Transport
from connector.seal.kmswire.plain import dump
from connector.seal.kmswire.static import write_static
from tests.contract.key_service import KeyServiceContract
from tests.unit.kms.site import Site, settings_at
from tests.unit.seal.kms_client.house import DAY, ENROLLED, House
from tests.unit.seal.kmswire.site import HOST


class Beside:
    """A transport to a key server in the same process."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.away = False

    def static(self) -> bytes:
        self._answer()
        return dump(write_static(self.site.desk.static.public))

    def carry(self, tokens: Sequence[str]) -> tuple[str, ...]:
        self._answer()
        return tuple(self.site.desk.answer(token, "test") for token in tokens)

    def close(self) -> None:
        self.away = True

    def _answer(self) -> None:
        if self.away:
            raise Transient("key-service-away")


class Town:
    """A key server and the house of a connector that is enrolled at it."""

    def __init__(self, place: Path) -> None:
        self.house = House()
        settings = replace(
            settings_at(place), connectors={"cal-01": ConnectorSettings(fingerprint=ENROLLED.fingerprint)}
        )
        self.site = Site(settings, self.house.clock, MasterKeks(b"m" * 32, "file"))
        self.way = Beside(self.site)

    def service(self, transport: Transport | None = None) -> KmsKeyService:
        return self.house.service(transport or self.way)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.site.close()


class TestAgainstTheServer(KeyServiceContract):
    @pytest.fixture(autouse=True)
    def _town(self, town: Town) -> None:
        self.town = town

    def make(self) -> KeyService:
        return self.town.service()


def test_the_owner_gets_the_key_and_a_stranger_does_not(town: Town) -> None:
    """By an access token of the site's issuer; after a rename the new name does and the old one does not."""
    town.house.readers["mb-1"] = frozenset({"ann@example.com"})
    service = town.service()
    key = service.sealing_key("mb-1")
    assert town.site.client("ann@example.com").ask("retrieve", key.uri).status == 200
    assert town.site.client("eve@example.com").ask("retrieve", key.uri).status == 403
    town.house.readers["mb-1"] = frozenset({"ann.new@example.com"})
    service.sealing_key("mb-1")
    assert town.site.client("ann@example.com").ask("retrieve", key.uri).status == 403
    assert town.site.client("ann.new@example.com").ask("retrieve", key.uri).status == 200


def test_keys_are_rotated_on_one_resource(town: Town) -> None:
    """And all of them open on."""
    service = town.service()
    keys = []
    for _ in range(3):
        keys.append(service.sealing_key("mb-1"))
        town.house.clock.forward(30 * DAY)
    assert {service.opening_key(key.uri, "mb-1").secret for key in keys} == {key.secret for key in keys}
    assert len({Note.read(row.wrapped).resource for row in town.house.store.wrapped_keys()}) == 1


def test_a_restarted_server_is_greeted_anew(town: Town) -> None:
    """Its ephemeral keys are gone; its content keys are not."""
    service = town.service()
    key = service.sealing_key("mb-1")
    town.site.close()
    town.site.open()
    town.house.clock.forward(CHECKED)
    assert service.sealing_key("mb-1") == key


def test_a_server_that_is_away_loses_nothing(town: Town) -> None:
    """The mailbox waits in a named state and goes on under the same key."""
    service = town.service()
    key = service.sealing_key("mb-1")
    town.way.away = True
    town.house.clock.forward(CHECKED)
    with pytest.raises(Transient) as verdict:
        service.sealing_key("mb-1")
    assert verdict.value.code == "key-service-away"
    town.way.away = False
    town.house.clock.forward(AWAY_PAUSE)
    assert service.sealing_key("mb-1") == key


def set_state(town: Town, uri: str, state: str) -> None:
    with town.site.house.database.writing() as connection:
        connection.execute(
            "UPDATE keys SET state = ?, wrapped = CASE WHEN ? THEN x'' ELSE wrapped END WHERE id = ?",
            (state, state == "destroyed", uri.rpartition("/")[2]),
        )


@pytest.mark.parametrize("state", ["disabled", "destroyed"])
def test_a_revoked_key_is_replaced_and_its_meetings_told(town: Town, state: str) -> None:
    """Within the time of one check."""
    service = town.service()
    old = service.sealing_key("mb-1")
    set_state(town, old.uri, state)
    town.house.clock.forward(CHECKED)
    assert service.sealing_key("mb-1").uri != old.uri
    assert town.house.lost == ["mb-1"]
    with pytest.raises(KeyWithheld):
        service.opening_key(old.uri, "mb-1")


def test_a_connector_that_is_not_enrolled_gets_nothing(tmp_path: Path) -> None:
    """Its own state, and one refused handshake on the server's trail."""
    town = Town(tmp_path)
    town.site.close()
    town.site.settings = replace(town.site.settings, connectors={})
    town.site.open()
    with pytest.raises(Transient) as verdict:
        town.service().sealing_key("mb-1")
    assert verdict.value.code == "key-service-refuses"
    town.site.close()


def test_ephemeral_keys_are_renewed_over_days(town: Town) -> None:
    """One handshake an hour, no reset."""
    service = town.service()
    for _ in range(48):
        service.sealing_key("mb-1")
        town.house.clock.forward(timedelta(minutes=31))
    assert all(status < 300 for _, status in town.site.audit())


@contextmanager
def door(town: Town) -> Iterator[Path]:
    """The server's Unix socket, open."""
    path = town.site.settings.socket
    opened = UnixDoor(path, "", Counter(town.site.desk), 8)
    thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield path
    finally:
        opened.shutdown()
        thread.join()
        opened.server_close()


def test_over_the_unix_socket(town: Town) -> None:
    """The same bytes as through the hub; a socket that is gone is a server that is away."""
    with door(town) as path:
        transport = HttpTransport(Address(f"http://{HOST}{carriage.DIRECT}", socket=path))
        service = town.service(transport)
        key = service.sealing_key("mb-1")
        assert service.opening_key(key.uri, "mb-1") == key
    transport.close()
    town.house.clock.forward(CHECKED + RESET_PAUSE)
    with pytest.raises(Transient) as verdict:
        service.sealing_key("mb-1")
    assert verdict.value.code == "key-service-away"
