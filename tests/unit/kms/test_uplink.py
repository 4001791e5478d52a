"""Outbound through a hub: requests come down, answers go up, and nothing of the hub's is believed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connector.errors import ConfigError, Transient
from connector.kms.doors.counter import Counter
from connector.kms.doors.uplink import Uplink
from connector.kms.settings import HubSettings
from connector.relay.carriage import Round
from connector.seal.kmswire import handshake, signed
from connector.seal.kmswire.messages import Credential
from tests.unit.kms.site import Site, token


def offer(site: Site) -> handshake.Pending:
    """A handshake's first message."""
    bearer = token(site.clock)
    return handshake.make_offer(site.desk.static.public, "c", lambda _: Credential(bearer=bearer), "r")


@dataclass
class Hub:
    """Hands one delivery out and keeps what comes back; wrong answers on request."""

    tokens: list[str]
    status: int = 200
    body: bytes | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    done: threading.Event = field(default_factory=threading.Event)
    refill: Callable[[], list[str]] = list

    def answer(self, body: dict[str, Any]) -> bytes:
        self.seen.append(body)
        if body["answers"]:
            self.done.set()
            return b'{"requests": []}'
        if self.body is not None:
            return self.body
        handed, self.tokens = self.tokens, self.refill()
        rounds = [{"id": "one", "kmsMessages": handed}] if handed else []
        return json.dumps({"requests": rounds}).encode()


@pytest.fixture
def hub(site: Site) -> Iterator[tuple[Hub, str]]:
    """On loopback, without TLS."""
    played = Hub([offer(site).token])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            played.headers.append({**dict(self.headers), "path": self.path})
            answer = played.answer(json.loads(raw))
            self.send_response(played.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield played, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def linked(site: Site, url: str, tmp_path: Path) -> Uplink:
    """An uplink with its token."""
    (tmp_path / "token").write_text("cch_x\n")
    (tmp_path / "token").chmod(0o400)
    return Uplink(HubSettings(url=url, token=tmp_path / "token"), site.settings.host, Counter(site.desk))


def test_requests_come_down_and_answers_go_up(site: Site, hub: tuple[Hub, str], tmp_path: Path) -> None:
    """With its own token, under its own name; the trail says that the hub carried it."""
    played, url = hub
    uplink = linked(site, url, tmp_path)
    stop = threading.Event()
    thread = threading.Thread(target=uplink.serve, args=(stop,))
    thread.start()
    assert played.done.wait(10)
    stop.set()
    thread.join(10)
    uplink.close()
    answers = next(one["answers"] for one in played.seen if one["answers"])
    assert answers[0]["id"] == "one"
    answer = signed.open_signed(answers[0]["kmsMessages"][0], site.desk.static.public)
    assert answer.status == 201
    assert played.headers[0]["Authorization"] == "Bearer cch_x"
    assert played.headers[0]["path"] == f"/relay/v1/kms/{site.settings.host}/serve"
    assert site.rows()[0].entry.via == "hub"


class Stumbling(Counter):
    """Fails at the first requests, as a fault of ours would make it."""

    stumbled = False

    def rounds(self, rounds: Sequence[Round], via: str) -> list[Round]:
        """From the second time on as ever."""
        if not self.stumbled:
            self.stumbled = True
            raise ZeroDivisionError
        return super().rounds(rounds, via)


def test_a_fault_of_ours_does_not_end_the_line(site: Site, hub: tuple[Hub, str], tmp_path: Path) -> None:
    """The requests that met it stay without an answer; the next ones get theirs on the same line."""
    played, url = hub
    uplink = linked(site, url, tmp_path)
    uplink._counter = Stumbling(site.desk)
    stop = threading.Event()
    again = [played.tokens[:]]
    played.refill = lambda: again.pop() if again else []
    thread = threading.Thread(target=uplink.serve, args=(stop,))
    thread.start()
    assert played.done.wait(10)
    stop.set()
    thread.join(10)
    uplink.close()
    assert site.audit() == [("create /ecdhe", 201)]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, b""),
        (302, b""),
        (503, b""),
        (200, b"nonsense"),
        (200, b"{}"),
        (200, b'{"requests": [{"id": "/"}]}'),
    ],
)
def test_a_hub_that_answers_wrongly_is_away(
    site: Site, hub: tuple[Hub, str], tmp_path: Path, status: int, body: bytes
) -> None:
    """A verdict, and nothing of it is believed."""
    played, url = hub
    played.status, played.body = status, body
    uplink = linked(site, url, tmp_path)
    with pytest.raises(Transient):
        uplink.exchange(())
    uplink.close()


def test_without_its_token_it_does_not_ask(site: Site, tmp_path: Path) -> None:
    """The file is read at each request, so that a new token counts at once; a missing or open one is said."""
    uplink = linked(site, "http://127.0.0.1:1", tmp_path)
    (tmp_path / "token").chmod(0o644)
    with pytest.raises(Transient, match="chmod"):
        uplink.exchange(())
    (tmp_path / "token").unlink()
    with pytest.raises(Transient, match="no"):
        uplink.exchange(())
    uplink.close()
    with pytest.raises(ConfigError):
        Uplink(
            HubSettings(url="https://x", token=tmp_path / "t", ca=tmp_path / "none"), "h", Counter(site.desk)
        )
