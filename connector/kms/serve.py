"""The running key server: one process, its doors, its upkeep."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import structlog

from connector.errors import ConfigError, Problem, UserError
from connector.kms import logs, production, upkeep
from connector.kms.doors.counter import Counter
from connector.kms.doors.listening import TlsDoor, UnixDoor, tls_context
from connector.kms.doors.uplink import Uplink
from connector.kms.house import House, desk_of
from connector.kms.settings import Settings

_log = structlog.get_logger(__name__)


def run(house: House) -> None:
    """Serve until SIGTERM or SIGINT. Raises UserError for whatever keeps it from starting."""
    production.demand(house)
    desk = desk_of(house)
    stop = threading.Event()
    with only_one(house.settings.database), ExitStack() as stack:
        logs.begin()
        counter = Counter(desk)
        doors = _doors(house.settings, counter)
        for door in doors:
            stack.callback(door.server_close)
            stack.callback(door.shutdown)
            threading.Thread(target=door.serve_forever, name=type(door).__name__, daemon=True).start()
        if house.settings.hub.url:
            uplink = Uplink(house.settings.hub, house.settings.host, counter)
            stack.callback(uplink.close)
            uplink.start(stop)
        threading.Thread(target=upkeep.forever, args=(house, stop), name="upkeep", daemon=True).start()
        _until_told(stop, _ready(house.settings, doors))


def _doors(settings: Settings, counter: Counter) -> list[socketserver.BaseServer]:
    most = settings.limits.connections
    doors: list[socketserver.BaseServer] = [UnixDoor(settings.socket, settings.socket_group, counter, most)]
    if settings.listen:
        doors.append(TlsDoor(settings.listen, tls_context(settings), counter, most))
    return doors


def _ready(settings: Settings, doors: list[socketserver.BaseServer]) -> dict[str, object]:
    ports = [door.server_address[1] for door in doors if isinstance(door, TlsDoor)]
    return {"ready": True, "socket": str(settings.socket), "port": ports[0] if ports else None}


def _until_told(stop: threading.Event, ready: dict[str, object]) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, lambda *_: stop.set())
    print(json.dumps(ready), flush=True)  # noqa: T201 - the ready line, for whoever started us
    stop.wait()


@contextmanager
def only_one(database: Path) -> Iterator[None]:
    """Hold the database's lock file. Raises UserError while another server does."""
    try:
        held = os.open(lock_path(database), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(
            (Problem(f"The key server's lock beside {database} can't be made: {error}"),)
        ) from error
    try:
        try:
            fcntl.lockf(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"Another key server is running on {database}.") from error
        yield
    finally:
        os.close(held)


def lock_path(database: Path) -> Path:
    """The file that a running key server holds locked."""
    return database.with_name(database.name + ".lock")


def is_running(database: Path) -> bool:
    """Whether a key server holds the lock of that database. Asks without taking it, which could keep one from starting."""
    try:
        asked = os.open(lock_path(database), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        question = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        answer: int = struct.unpack(_FLOCK, fcntl.fcntl(asked, fcntl.F_GETLK, question))[0]
    finally:
        os.close(asked)
    return answer != fcntl.F_UNLCK


_FLOCK = "hhqqi"
"""struct flock of fcntl(2) on 64-bit Linux: type, whence, start, length, process."""
