"""The receiver of our own: whom it believes, and what it does with what comes."""

from __future__ import annotations

import hashlib
import http.client
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Event, Thread

import pytest

from connector.errors import Transient
from connector.model import Nudge
from connector.source.google.push import Channels, HubReceiver, Route
from connector.source.google.receiver import OwnReceiver
from connector.source.google.watcher import PushWatcher
from connector.store.memory import MemoryStore
from tests.unit.source.google.twin import NOW, Time, Twin

CHANNEL, TOKEN = "c" * 32, "t" * 43
ENDS = NOW + timedelta(days=7)


def digest(token: str) -> str:
    """As the receiver keeps it."""
    return hashlib.sha256(token.encode()).hexdigest()


class Door:
    """A receiver that listens on a Unix socket."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "notify.sock"
        self.clock = Time()
        self.nudges: list[Nudge] = []
        self.receiver = OwnReceiver(f"unix:{self.path}", "https://notify.example.com/google", self.clock)
        self.stop = Event()
        self.thread = Thread(target=self.receiver.run, args=(self.stop, self.nudges.append))

    def open(self) -> None:
        """Wait until it listens."""
        self.thread.start()
        assert self.receiver._serving.wait(10)

    def post(self, method: str = "POST", **headers: str) -> int:
        """The answer to a message."""
        line = http.client.HTTPConnection("localhost")
        line.sock = socket.socket(socket.AF_UNIX)
        line.sock.connect(str(self.path))
        known = {"id": CHANNEL, "token": TOKEN, "number": "7", "state": "exists", **headers}
        names = {"id": "Channel-ID", "token": "Channel-Token", "number": "Message-Number"}
        names |= {"state": "Resource-State"}
        sent = {f"X-Goog-{names[name]}": value for name, value in known.items() if value}
        line.request(method, "/any", b"", sent)
        with line.getresponse() as answer:
            status = answer.status
        line.close()
        return status


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    """Open, with one channel."""
    made = Door(tmp_path)
    made.open()
    made.receiver.register(CHANNEL, "m1", digest(TOKEN), ENDS)
    yield made
    made.stop.set()
    made.thread.join(10)


def test_a_message_with_its_token_is_a_nudge(door: Door) -> None:
    """204, and the mailbox is looked at; the first message of a channel only says that it works."""
    assert door.post(state="sync", number="1") == 204
    assert door.nudges == []
    assert door.post() == 204
    assert [one.mailbox_id for one in door.nudges] == ["m1"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"token": "wrong"}, 404),
        ({"token": ""}, 404),
        ({"token": "t" * 300}, 404),
        ({"id": "d" * 32}, 404),
        ({"id": "short"}, 404),
        ({"id": ""}, 404),
        ({"number": "many"}, 400),
        ({"number": ""}, 400),
        ({"method": "GET"}, 501),
    ],
)
def test_whatever_else_comes_is_nothing(door: Door, headers: dict[str, str], status: int) -> None:
    """Unknown channels and wrong tokens are answered alike."""
    assert door.post(**headers) == status
    assert door.nudges == []


def test_a_channel_that_has_ended_or_was_forgotten_is_unknown(door: Door) -> None:
    """Messages go on for a while after a stop; they are 404, on which Google gives up."""
    door.receiver.forget(CHANNEL)
    assert door.post() == 404
    door.receiver.register(CHANNEL, "m1", digest(TOKEN), ENDS)
    door.clock.advance(timedelta(days=8))
    assert door.post() == 404


def test_rubbish_does_not_end_it(door: Door) -> None:
    """A connection without a request, and one with half of one, cost that connection alone."""
    for rubbish in (b"", b"POST", b"\x16\x03\x01\x02" * 100, b"POST / HTTP/1.0\r\n" + b"A: b\r\n" * 500):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(door.path))
            line.sendall(rubbish)
    assert door.post() == 204


def test_channels_wait_for_the_receiver(tmp_path: Path) -> None:
    """While it does not listen none is made, so that everybody is polled; what was made before is believed again."""
    door = Door(tmp_path)
    with pytest.raises(Transient, match="google-receiver-closed"):
        door.receiver.register(CHANNEL, "m1", digest(TOKEN), ENDS)
    door.receiver.resume(CHANNEL, "m1", digest(TOKEN), ENDS)
    door.open()
    assert door.post() == 204
    door.stop.set()
    door.thread.join(10)
    assert not door.receiver.ready


def test_an_address_that_is_taken_is_tried_again(tmp_path: Path) -> None:
    """Nothing ends; stop is heard at once."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        receiver = OwnReceiver(f"127.0.0.1:{port}", "https://notify.example.com", Time())
        stop = Event()
        thread = Thread(target=receiver.run, args=(stop, lambda _nudge: None))
        thread.start()
        assert not receiver.ready
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


def test_channels_survive_a_restart_and_not_a_change_of_receiver(tmp_path: Path) -> None:
    """The token's digest is kept with the channel; one that leads elsewhere is made anew, and its calendar polled till then."""
    twin, store, door = Twin(users=1), MemoryStore(), Door(tmp_path)
    door.open()
    channels = Channels("brand", twin.source.services, door.receiver, twin.clock)
    watcher = PushWatcher("brand", channels, store, twin.clock)
    watcher.watch([twin.mailbox()])
    watcher._subscribe(twin.mailbox(), door.nudges.append)
    assert watcher.coverage().streamed == {"m1"}
    (kept,) = store.subscriptions("brand")
    fresh = OwnReceiver("127.0.0.1:1", door.receiver.address, twin.clock)
    again = PushWatcher(
        "brand", Channels("brand", twin.source.services, fresh, twin.clock), store, twin.clock
    )
    assert fresh.judge(kept.id, twin.lab.push.channels[kept.id].token, "2")[1] == "m1"
    assert again._due() == []
    hub = HubReceiver("https://hub.example.net", lambda _path, _members: None)
    moved = PushWatcher("brand", Channels("brand", twin.source.services, hub, twin.clock), store, twin.clock)
    moved.watch([twin.mailbox()])
    assert moved.coverage().polled == {"m1"}
    assert [one.id for one in moved._due()] == ["m1"]
    assert Route.of(kept).digest
    door.stop.set()
    door.thread.join(10)
