"""One JSON object a line, in both directions.

Request: ``{"verb": name, "arguments": {…}}``. Answer: ``{"result": value}``, or for a verb that follows
``{"item": value}`` any number of times and ``{"end": true}``, or ``{"error": {"kind", "sentence", "exit_code"}}``.
With the request's first byte comes a descriptor of the caller's /proc/self (SCM_RIGHTS, unix(7)), which names the login.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

SOCKET = "control.sock"
"""Name of the socket in the runtime directory."""

REQUEST_LIMIT = 1024 * 1024
ANSWER_LIMIT = 64 * 1024 * 1024
CHUNK = 65536

# What an error's ``kind`` may be, beside "refused" for every sentence of a verb.
REFUSED = "refused"
NOT_PERMITTED = "not-permitted"
UNKNOWN_VERB = "unknown-verb"
BUSY = "busy"
BAD_REQUEST = "bad-request"
FAULT = "fault"


class LineTooLong(Exception):
    """The other side sends more than it may."""


def lines(connection: socket.socket, limit: int, begun: bytes = b"") -> Iterator[bytes]:
    """Whole lines as they come, until the other side ends; ``begun`` was received before.

    Raises LineTooLong, and OSError of the socket.
    """
    buffer, searched = bytearray(begun), 0
    while True:
        while (end := buffer.find(b"\n", searched)) >= 0:
            yield bytes(buffer[:end])
            del buffer[: end + 1]
            searched = 0
        if len(buffer) > limit:
            raise LineTooLong
        searched = len(buffer)
        chunk = connection.recv(CHUNK)
        if not chunk:
            return
        buffer += chunk


def encode(message: Mapping[str, Any]) -> bytes:
    """One line. Raises TypeError for what can't be said in JSON."""
    return json.dumps(message, ensure_ascii=False, default=_plain).encode("utf-8", "replace") + b"\n"


def decode(line: bytes) -> Mapping[str, Any]:
    """The object of a line. Raises ValueError when there is none."""
    try:
        message = json.loads(line)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(message, dict):
        raise ValueError("no object")  # noqa: TRY004 - the same fault of the peer as text that is no JSON
    return message


def error(kind: str, sentence: str, exit_code: int = 1) -> dict[str, Any]:
    """An answer that ends the exchange with one sentence."""
    return {"error": {"kind": kind, "sentence": sentence, "exit_code": exit_code}}


_SPELLINGS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((datetime, date), lambda value: value.isoformat()),
    (timedelta, lambda value: value.total_seconds()),
    (Enum, lambda value: value.value),
    ((set, frozenset), sorted),
    (PurePath, str),
    (Mapping, dict),
)


def _plain(value: Any) -> Any:
    """Say in JSON what a verb may return: times, durations (seconds), paths, sets, enumerations, dataclasses."""
    for kind, spell in _SPELLINGS:
        if isinstance(value, kind):
            return spell(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    raise TypeError(f"{type(value).__name__} can't be said in JSON")
