"""The running key server: one process, its doors, its upkeep."""

from __future__ import annotations

import json
import queue
import signal
import socketserver
import threading
from collections.abc import Callable
from contextlib import ExitStack

import structlog

from connector.kms import logs, production, upkeep
from connector.kms.doors.counter import Counter
from connector.kms.doors.listening import TlsDoor, UnixDoor, tls_context
from connector.kms.doors.uplink import Uplink
from connector.kms.house import House, desk_of
from connector.kms.reloading import Running
from connector.kms.settings import Settings
from connector.server.alone import only_one

_log = structlog.get_logger(__name__)


def run(house: House, read: Callable[[], Settings]) -> None:
    """Serve until SIGTERM or SIGINT; SIGHUP puts in force what ``read`` gives. Raises UserError for whatever keeps it from starting."""
    production.demand(house)
    desk = desk_of(house)
    stop = threading.Event()
    with only_one(house.settings.database, "key server"), ExitStack() as stack:
        logs.begin()
        counter = Counter(desk)
        running = Running(house, counter, read)
        doors = _doors(house.settings, counter)
        for door in doors:
            stack.callback(door.server_close)
            stack.callback(door.shutdown)
            threading.Thread(target=door.serve_forever, name=type(door).__name__, daemon=True).start()
        if house.settings.hub.url:
            uplink = Uplink(house.settings.hub, house.settings.host, counter)
            stack.callback(uplink.close)
            uplink.start(stop)
        keeper = (lambda: running.house, stop)
        threading.Thread(target=upkeep.forever, args=keeper, name="upkeep", daemon=True).start()
        _until_told(running, _ready(house.settings, doors))
        stop.set()


def _doors(settings: Settings, counter: Counter) -> list[socketserver.BaseServer]:
    most = settings.limits.connections
    doors: list[socketserver.BaseServer] = [UnixDoor(settings.socket, settings.socket_group, counter, most)]
    if settings.listen:
        doors.append(TlsDoor(settings.listen, tls_context(settings), counter, most))
    return doors


def _ready(settings: Settings, doors: list[socketserver.BaseServer]) -> dict[str, object]:
    ports = [door.server_address[1] for door in doors if isinstance(door, TlsDoor)]
    return {"ready": True, "socket": str(settings.socket), "port": ports[0] if ports else None}


def _until_told(running: Running, ready: dict[str, object]) -> None:
    told: queue.SimpleQueue[int] = queue.SimpleQueue()
    for one in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(one, lambda number, _frame: told.put(number))
    print(json.dumps(ready), flush=True)  # noqa: T201 - the ready line, for whoever started us
    while told.get() == signal.SIGHUP:
        running.reload()
