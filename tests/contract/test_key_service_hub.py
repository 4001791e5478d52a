"""The whole way: connector, a real hub between, a key server that connects out to it. The hub sees strings, and can only withhold them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn

from connector.errors import Transient
from connector.hub import tokens
from connector.hub.app import HubApplication
from connector.hub.database import Database
from connector.hub.settings import Settings, Times
from connector.kms.doors.counter import Counter
from connector.kms.doors.uplink import Uplink
from connector.kms.settings import HubSettings
from connector.relay import carriage
from connector.seal.kms_client.service import CHECKED
from connector.seal.kms_client.session import AWAY_PAUSE
from connector.seal.kms_client.transport import Address, HttpTransport
from tests.contract.test_key_service_server import Town
from tests.fakes.clock import ManualClock
from tests.unit.seal.kmswire.site import HOST


@dataclass
class Hub:
    """A hub on loopback, and tokens for it."""

    url: str
    database: Database
    clock: ManualClock

    def token(self, name: str) -> str:
        return tokens.for_connector(self.database, name, self.clock())


@contextmanager
def running_hub(place: Path) -> Iterator[Hub]:
    clock = ManualClock()
    database = Database(place / "hub.db")
    settings = Settings(database=database.path, times=Times(hold=timedelta(seconds=1)))
    application = HubApplication(settings, database, clock)
    server = uvicorn.Server(uvicorn.Config(application, port=0, log_config=None, ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Hub(f"http://127.0.0.1:{port}", database, clock)
    finally:
        application.stop_waiting()
        server.should_exit = True
        thread.join()
        database.close()


def wait_for(condition: Callable[[], bool]) -> None:
    """Within ten seconds."""
    for _ in range(1000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("waited in vain")


@contextmanager
def connected(town: Town, hub: Hub, place: Path) -> Iterator[None]:
    """The key server's lines to the hub."""
    file = place / "hub.token"
    if not file.exists():
        file.write_text(hub.token(HOST))
        file.chmod(0o400)
    uplink = Uplink(HubSettings(url=hub.url, token=file), HOST, Counter(town.site.desk))
    stop = threading.Event()
    lines = [threading.Thread(target=uplink.serve, args=(stop,)) for _ in range(2)]
    for line in lines:
        line.start()
    try:
        wait_for(lambda: uplink._health.up is True)
        yield
    finally:
        stop.set()
        for line in lines:
            line.join()
        uplink.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path)
    yield made
    made.site.close()


def test_keys_travel_through_the_hub_and_the_hub_keeps_nothing(town: Town, tmp_path: Path) -> None:
    """Handshake, new keys, readers; then the key server stops and comes back, and nothing is lost."""
    with running_hub(tmp_path) as hub:
        credential = hub.token("cal-01.example.com")
        transport = HttpTransport(
            Address(
                hub.url + carriage.through_hub(HOST),
                headers=lambda: {"Authorization": f"Bearer {credential}"},
            )
        )
        service = town.service(transport)
        with pytest.raises(Transient) as verdict:
            service.sealing_key("mb-1")
        assert verdict.value.code == "key-service-away"
        with connected(town, hub, tmp_path):
            town.house.clock.forward(AWAY_PAUSE)
            key = service.sealing_key("mb-1")
            assert service.keys("mb-1") == (key,)
        town.house.clock.forward(CHECKED)
        with pytest.raises(Transient):
            service.sealing_key("mb-1")
        with connected(town, hub, tmp_path):
            town.house.clock.forward(AWAY_PAUSE)
            assert service.sealing_key("mb-1") == key
        transport.close()
        for file in tmp_path.glob("hub.db*"):
            held = file.read_bytes()
            assert key.uri.encode() not in held
            assert b"kmsMessages" not in held
