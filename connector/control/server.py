"""The serving side of the control socket."""

from __future__ import annotations

import contextlib
import errno
import inspect
import os
import socket
import threading
import uuid
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from connector.control import wire
from connector.control.peer import (
    Access,
    Caller,
    GroupId,
    Peer,
    access_of,
    admit_groups,
    caller_of,
    group_id,
    peer_of,
)
from connector.errors import UserError

CONNECTIONS = 16
"""So many callers are served at a time, and no more than half of them viewers."""

_REQUEST_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_CLOSE_SECONDS = 5.0
_PAUSE_SECONDS = 1.0
_DRAINS = 64


@dataclass(frozen=True, slots=True)
class Verb:
    """What can be called. ``function`` gets the Caller and the arguments by name.

    It returns what JSON can say (times, paths and dataclasses too), with ``follow`` an iterable of such; a UserError
    is answered with its sentence and exit code. ``read_only`` verbs are open to the help desk. A follower should give
    something every few seconds: whether the caller is still there shows only then.
    """

    function: Callable[..., Any]
    read_only: bool = False
    follow: bool = False


class ControlServer:
    """Answers at ``path``: ``open``, then ``serve`` in a thread of the daemon's, then ``close`` from another."""

    def __init__(self, path: Path, verbs: Mapping[str, Verb], *, lookup: GroupId = group_id) -> None:
        self._path = path
        self._verbs = verbs
        self._lookup = lookup
        self._service_uid = os.geteuid()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._inode = 0
        self._seats = _Seats()
        self._closing = threading.Event()
        self._log = structlog.get_logger(__name__)

    def open(self) -> None:
        """Make the socket. Raises UserError when another daemon listens there, or it can't be made.

        It gets its place in the directory only when its permissions are set, so that nobody slips in before.
        """
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(mode=0o755, exist_ok=True)
            self._refuse_if_served()
            fresh.unlink(missing_ok=True)
            self._listener.bind(str(fresh))
            fresh.chmod(0o660)
            if not admit_groups(fresh, self._lookup):
                self._log.warning("only root can use the control socket here", path=str(self._path))
            self._listener.listen(CONNECTIONS)
            self._inode = fresh.stat().st_ino
            fresh.replace(self._path)
        except OSError as error:
            self._listener.close()
            words = error.strerror or str(error)
            raise UserError(f"The control socket {self._path} can't be made: {words}.") from None

    def serve(self) -> None:
        """Answer callers until ``close``."""
        while not self._closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError as error:
                self._bear(error)
                continue
            self._receive(connection)

    def _bear(self, error: OSError) -> None:
        """Closing ends the wait for callers with an error; running out of descriptors is a reason to pause."""
        if self._closing.is_set():
            return
        if error.errno not in {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}:
            raise error
        self._log.error("no caller can be received", error=error.strerror)
        self._closing.wait(_PAUSE_SECONDS)

    def close(self) -> None:
        """Hang up on everybody, wait a little for verbs that are at work, and remove the socket."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._seats.clear()
        with contextlib.suppress(OSError):
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()

    def _refuse_if_served(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(_ANSWER_SECONDS)
            try:
                probe.connect(str(self._path))
            except (FileNotFoundError, ConnectionRefusedError):
                return
        self._listener.close()
        raise UserError(f"Another calendar-connector is running already and listens at {self._path}.")

    def _receive(self, connection: socket.socket) -> None:
        try:
            peer = peer_of(connection)
        except OSError as error:
            self._log.warning("a caller's identity can't be told", error=str(error))
            connection.close()
            return
        access = access_of(peer, self._service_uid, self._lookup)
        connection.settimeout(_REQUEST_SECONDS)
        if not self._seats.take(connection, access, lambda: self._attend(connection, peer, access)):
            busy = wire.error(
                wire.BUSY, "The daemon is answering many others just now; try again in a moment."
            )
            _turn_away(connection, busy)
            connection.close()

    def _attend(self, connection: socket.socket, peer: Peer, access: Access) -> None:
        try:
            begun, caller = _greeted(connection, peer)
            request = next(wire.lines(connection, wire.REQUEST_LIMIT, begun), None)
            if request is None:
                return
            connection.settimeout(_ANSWER_SECONDS)
            answers = self._answers(request, caller, access)
            with contextlib.closing(answers):
                for answer in answers:
                    connection.sendall(answer)
        except wire.LineTooLong:
            _turn_away(connection, wire.error(wire.BAD_REQUEST, "The request is longer than 1 MB."))
        except OSError as error:
            self._log.debug("a caller went away", error=str(error))

    def _answers(self, request: bytes, caller: Caller, access: Access) -> Generator[bytes]:
        name = "?"
        try:
            name, arguments = _read(request)
            verb = self._admitted(name, access)
            if not verb.read_only:
                self._log.info(
                    "called over the control socket", verb=name, caller=caller.name, pid=caller.pid
                )
            yield from _run(verb, caller, arguments)
        except _Refusal as refusal:
            yield wire.encode(refusal.answer)
        except UserError as error:
            yield wire.encode(wire.error(wire.REFUSED, str(error), error.exit_code))
        except Exception:  # noqa: BLE001 - the last line of defence: the caller gets a number, the log the traceback
            incident = uuid.uuid4().hex[:8]
            self._log.exception("a verb failed unexpectedly", verb=name, incident=incident)
            yield wire.encode(wire.error(wire.FAULT, _fault(incident)))

    def _admitted(self, name: str, access: Access) -> Verb:
        verb = self._verbs.get(name)
        if access is Access.NONE or (access is Access.VIEW and not (verb and verb.read_only)):
            raise _Refusal(wire.NOT_PERMITTED, f"You may not call {name[:80]}.")
        if verb is None:
            raise _Refusal(wire.UNKNOWN_VERB, f"The daemon does not know {name[:80]}.")
        return verb


def _greeted(connection: socket.socket, peer: Peer) -> tuple[bytes, Caller]:
    """The request's beginning, and who calls by the descriptor that came with it."""
    begun, entries, _, _ = socket.recv_fds(connection, wire.CHUNK, 1, socket.MSG_CMSG_CLOEXEC)
    try:
        return begun, caller_of(peer, entries[0] if entries else None)
    finally:
        for entry in entries:
            os.close(entry)


class _Refusal(Exception):
    """The exchange ends before a verb is called."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.answer = wire.error(kind, sentence)


def _read(request: bytes) -> tuple[str, Mapping[str, Any]]:
    try:
        message = wire.decode(request)
    except ValueError:
        raise _Refusal(wire.BAD_REQUEST, "The request is no JSON object.") from None
    name, arguments = message.get("verb"), message.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise _Refusal(wire.BAD_REQUEST, "The request names no verb.")
    return name, arguments


def _run(verb: Verb, caller: Caller, arguments: Mapping[str, Any]) -> Iterator[bytes]:
    try:
        bound = inspect.signature(verb.function).bind(caller, **arguments)
    except TypeError:
        sentence = "The daemon does not take these arguments; command and daemon are of different versions."
        raise _Refusal(wire.BAD_REQUEST, sentence) from None
    result = verb.function(*bound.args, **bound.kwargs)
    if not verb.follow:
        yield wire.encode({"result": result})
        return
    items: Iterable[Any] = result
    for item in items:
        yield wire.encode({"item": item})
    yield wire.encode({"end": True})


def _fault(incident: str) -> str:
    return (
        f"This is a fault of the daemon, incident {incident};"
        f" see: journalctl -u calendar-connector CC_INCIDENT={incident}"
    )


def _turn_away(connection: socket.socket, answer: Mapping[str, Any]) -> None:
    """Answer somebody who is not listened to. What was sent already is taken in, or closing would destroy the answer."""
    with contextlib.suppress(OSError):
        connection.sendall(wire.encode(answer))
        connection.shutdown(socket.SHUT_RDWR)
        connection.setblocking(False)
        for _ in range(_DRAINS):
            if not connection.recv(wire.REQUEST_LIMIT):
                return


class _Seats:
    """The threads that attend to callers, so many at most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[socket.socket, tuple[threading.Thread, Access]] = {}

    def take(self, connection: socket.socket, access: Access, attend: Callable[[], None]) -> bool:
        """Start attending to a caller; False when there is no seat left."""

        def sit() -> None:
            try:
                attend()
            finally:
                self._leave(connection)

        thread = threading.Thread(target=sit, name="control-caller", daemon=True)
        with self._lock:
            lookers = sum(access is not Access.FULL for _, access in self._taken.values())
            if len(self._taken) >= CONNECTIONS or (access is not Access.FULL and lookers >= CONNECTIONS // 2):
                return False
            self._taken[connection] = (thread, access)
        thread.start()
        return True

    def clear(self) -> None:
        """Hang up on everybody and wait until they have left, a few seconds at most."""
        with self._lock:
            taken = dict(self._taken)
        for connection in taken:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread, _ in taken.values():
            thread.join(_CLOSE_SECONDS)

    def _leave(self, connection: socket.socket) -> None:
        with self._lock:
            self._taken.pop(connection, None)
        connection.close()
