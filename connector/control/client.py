"""The commands' side of the control socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from connector.control import wire
from connector.control.login import own_entry
from connector.errors import UserError


class DaemonNotRunning(UserError):
    """Nobody listens at the socket."""


class NotPermitted(UserError):
    """The person may not connect, or may not call this verb."""


class VerbUnknown(UserError):
    """The daemon is of another version than the command."""


class Refusal(UserError):
    """The daemon's own sentence, with its exit code."""

    def __init__(self, sentence: str, exit_code: int) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code


def call(runtime: Path, verb: str, /, *, timeout: float = 60.0, **arguments: Any) -> Any:
    """Call a verb of the daemon whose runtime directory this is, and give back its result.

    ``timeout`` is in seconds, for each answer. Raises DaemonNotRunning, NotPermitted, VerbUnknown or Refusal.
    """
    with closing(_answers(runtime, verb, arguments, timeout)) as answers:
        for answer in answers:
            if "result" in answer:
                return answer["result"]
    raise UserError(_CUT_OFF)


def follow(runtime: Path, verb: str, /, *, timeout: float = 60.0, **arguments: Any) -> Iterator[Any]:
    """Call a verb that answers bit by bit. Raises as ``call`` does."""
    with closing(_answers(runtime, verb, arguments, timeout)) as answers:
        for answer in answers:
            if "end" in answer:
                return
            yield answer.get("item")
    raise UserError(_CUT_OFF)


_CUT_OFF = "The daemon ended before it had answered; see: systemctl status calendar-connector"


def _answers(
    runtime: Path, verb: str, arguments: Mapping[str, Any], timeout: float
) -> Generator[Mapping[str, Any]]:
    request = wire.encode({"verb": verb, "arguments": arguments})
    if len(request) > wire.REQUEST_LIMIT:
        raise UserError(f"What {verb} was given is longer than 1 MB.")
    with _connected(runtime / wire.SOCKET, timeout) as connection:
        try:
            with suppress(BrokenPipeError):  # a daemon that does not listen may have answered why
                _send(connection, request)
            for line in wire.lines(connection, wire.ANSWER_LIMIT):
                yield _accepted(verb, line)
        except TimeoutError:
            raise UserError(
                f"The daemon has not answered within {timeout:g} s; it is busy or stuck."
            ) from None
        except OSError:
            raise UserError(_CUT_OFF) from None
        except wire.LineTooLong:
            raise UserError("The daemon's answer is too long and was not read.") from None


def _send(connection: socket.socket, request: bytes) -> None:
    """With our entry of /proc, which proves who logged in."""
    entry = own_entry()
    if entry is None:
        connection.sendall(request)
        return
    try:
        sent = socket.send_fds(connection, [request], [entry])
    finally:
        os.close(entry)
    connection.sendall(request[sent:])


def _connected(path: Path, timeout: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    connection.settimeout(timeout)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        raise DaemonNotRunning(
            f"The daemon is not running (nobody listens at {path}); start it: systemctl start calendar-connector"
        ) from None
    except PermissionError:
        connection.close()
        raise NotPermitted(
            "You may not talk to the daemon; run this with sudo, or become a member of calendar-connector-admin or"
            " calendar-connector-view."
        ) from None
    except OSError as error:
        connection.close()
        raise UserError(f"{path} can't be reached: {error.strerror or error}.") from None
    return connection


def _accepted(verb: str, line: bytes) -> Mapping[str, Any]:
    try:
        answer = wire.decode(line)
    except ValueError:
        raise UserError(_CUT_OFF) from None
    if "error" not in answer:
        return answer
    found = answer["error"]
    if found["kind"] == wire.UNKNOWN_VERB:
        raise VerbUnknown(
            f"The running daemon does not know {verb}; it is of another version: systemctl restart calendar-connector"
        )
    if found["kind"] == wire.NOT_PERMITTED:
        raise NotPermitted(f"You may not call {verb}; that takes sudo or the group calendar-connector-admin.")
    raise Refusal(str(found["sentence"]), int(found["exit_code"]))
