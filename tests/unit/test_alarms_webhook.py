"""Alarms posted to another system: in order, tried again, given up in the end, and nobody named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connector.alarms import Alarms, kinds
from connector.alarms.webhook import Receiver, Webhook
from tests.fakes.clock import ManualClock
from tests.unit.log_bench import heard

PATIENCE = 20.0


class Desk:
    """A system that takes alarms; the first few it may refuse."""

    def __init__(self, refuse: int = 0) -> None:
        self.taken: list[dict[str, Any]] = []
        self.refuse = refuse
        self.told = threading.Condition()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with desk.told:
                    refused = desk.refuse > 0
                    desk.refuse -= refused
                    if not refused:
                        desk.taken.append(body)
                    desk.told.notify_all()
                self.send_response(503 if refused else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing to say."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def wait(self, count: int) -> list[dict[str, Any]]:
        with self.told:
            assert self.told.wait_for(lambda: len(self.taken) >= count, PATIENCE)
        return self.taken


@contextmanager
def running(desk: Desk, pauses: tuple[float, ...] = (0.0, 0.0)) -> Iterator[Alarms]:
    webhook, stop = Webhook(Receiver(desk.url, "cal-01.example.com"), pauses), threading.Event()
    threads = [
        threading.Thread(target=desk.server.serve_forever),
        threading.Thread(target=webhook.run, args=(stop,)),
    ]
    for thread in threads:
        thread.start()
    alarms = Alarms(ManualClock())
    alarms.listen(webhook)
    try:
        yield alarms
    finally:
        stop.set()
        desk.server.shutdown()
        desk.server.server_close()
        for thread in threads:
            thread.join(PATIENCE)


def test_raised_and_cleared_under_one_id() -> None:
    """Both are posted, in order, with sentence and remedy, and without the addresses it is about."""
    desk = Desk()
    with running(desk) as alarms:
        alarms.raise_(
            kinds.MAILBOXES_BLOCKED, "denied", "ada@example.com", reason="No access.", remedy="Grant it."
        )
        alarms.clear(kinds.MAILBOXES_BLOCKED)
        raised, cleared = desk.wait(2)
    assert (raised["state"], cleared["state"], raised["id"]) == ("raised", "cleared", cleared["id"])
    assert (raised["number"], raised["severity"], raised["count"]) == (203, "error", 1)
    assert raised["sentence"].endswith("No access.")
    assert "ada@" not in json.dumps(desk.taken)


def test_a_refusal_is_tried_again() -> None:
    """Until it is taken."""
    desk = Desk(refuse=2)
    with running(desk) as alarms:
        alarms.raise_(kinds.RELOAD_REFUSED)
        assert desk.wait(1)[0]["number"] == 504


def test_what_stands_is_told_to_a_new_listener() -> None:
    """After a reload the other system hears again of what is still wrong."""
    desk = Desk()
    with running(desk) as alarms:
        alarms.raise_(kinds.RELOAD_REFUSED)
        desk.wait(1)
        alarms.listen(Webhook(Receiver("http://127.0.0.1:1/", "x")))
        alarms.clear(kinds.RELOAD_REFUSED)
    assert [one["state"] for one in desk.taken] == ["raised"]


def test_given_up_in_the_end() -> None:
    """It is logged by its number, without the address of the webhook, which may hold a secret."""
    desk = Desk(refuse=3)
    with heard() as log, running(desk) as alarms:
        alarms.raise_(kinds.RELOAD_REFUSED)
        alarms.raise_(kinds.DEAD_LETTERS, dead=1)
        assert desk.wait(1)[0]["number"] == 305
    (given_up,) = [row for row in log if "not posted" in row["event"]]
    assert (given_up["alarm"], given_up["why"]) == (504, "HTTP 503")
    assert desk.url not in str(log)


@pytest.mark.parametrize("many", [1005])
def test_too_many_wait(many: int) -> None:
    """The oldest are given up; nobody who raises an alarm ever waits."""
    webhook = Webhook(Receiver("http://127.0.0.1:1/", "x"))
    alarms = Alarms(ManualClock(), (webhook,))
    for number in range(many // 2 + 1):
        alarms.raise_(kinds.CERTIFICATE_EXPIRES, str(number))
        alarms.clear(kinds.CERTIFICATE_EXPIRES, str(number))
    assert webhook._waiting.full()
