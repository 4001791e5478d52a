"""The least that bringing a change to the hub can cost: the same requests by http.client, a commit, and the same post."""

from __future__ import annotations

import base64
import gzip
import json
import os
import queue
import sqlite3
import threading
import time
import uuid
from http.client import HTTPSConnection
from types import TracebackType
from typing import Self

from connector.source.exchange import payloads
from connector.source.exchange.transport import Call
from scripts.benchmarks.stage import answers, people
from scripts.benchmarks.stage.house import House

WORKERS = 8
SEALED = 5_000
"""Bytes of a sealed meeting with four invitees, roughly."""


class Line:
    """One connection to a stand-in."""

    def __init__(self, house: House, port: int) -> None:
        self._connection = HTTPSConnection("localhost", port, context=house.tls, timeout=30)
        self._authorization = {"Authorization": "Basic YmVuY2g6YmVuY2g="}

    def ask(self, call: Call) -> None:
        """One operation; the answer is read and dropped."""
        letter = call.letter()
        self.post("/EWS/Exchange.asmx", letter.body, dict(letter.headers))

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        """One request; the answer is read and dropped."""
        self._connection.request("POST", path, body, headers | self._authorization)
        self._connection.getresponse().read()

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


class Errands:
    """A handful of threads, each with its connections; use as a context manager."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._due: queue.SimpleQueue[tuple[str, int, float] | None] = queue.SimpleQueue()
        self._taken: list[float] = []
        self._lock = threading.Lock()
        self._store = sqlite3.connect(
            house.folder / "errands.db", isolation_level=None, check_same_thread=False
        )
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE sent (body BLOB)",
        ):
            self._store.execute(statement)
        self._threads = [threading.Thread(target=self._work) for _ in range(WORKERS)]

    def __enter__(self) -> Self:
        """Start the threads."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them."""
        self._end()
        self._store.close()

    def send(self, address: str, number: int) -> None:
        """Something changed in this mailbox now."""
        self._due.put((address, number, time.monotonic()))

    def taken(self) -> list[float]:
        """Seconds for each of them, once all are done."""
        self._end()
        return self._taken

    def _end(self) -> None:
        for _ in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        exchange, hub = Line(self._house, self._house.exchange.port), Line(self._house, self._house.hub.port)
        while (one := self._due.get()) is not None:
            address, number, since = one
            exchange.ask(Call(people.ENDPOINT, payloads.sync_folder_items("H4sIAAA.0"), address))
            wanted = payloads.item(answers.item_id(number, number % answers.SINGLES).decode())
            exchange.ask(Call(people.ENDPOINT, payloads.get_content([wanted]), address))
            body = _event(number)
            with self._lock:
                self._store.execute("INSERT INTO sent VALUES (?)", (body,))
            hub.post("/relay/v1/events", gzip.compress(body), {"Content-Encoding": "gzip"})
            self._taken.append(time.monotonic() - since)
        exchange.close()
        hub.close()


def _event(number: int) -> bytes:
    """A batch of one event of the usual size."""
    filling = base64.b64encode(os.urandom(SEALED * 3 // 4)).decode()
    event = {"id": uuid.uuid4().hex, "type": "calendar.meeting.put", "partitionkey": f"{number:032x}"}
    return json.dumps([{**event, "epoch": 1, "sequence": "1", "data": {"sealed": filling}}]).encode()
