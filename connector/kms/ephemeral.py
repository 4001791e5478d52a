"""Ephemeral keys and the requests made under them. In memory only: a restart resets every client, which then shakes hands anew."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock

from connector.kms.caller import Caller
from connector.kms.refusal import Refusal
from connector.kms.settings import Limits
from connector.seal.kmswire.messages import Answer, Request, write_request
from connector.seal.kmswire.sealed import EphemeralKey


@dataclass(frozen=True, slots=True)
class _Seen:
    digest: bytes
    answer: Answer | None


@dataclass(slots=True)
class Line:
    """One ephemeral key, who agreed on it, and which requests came under it, which one transaction at a time asks and tells."""

    key: EphemeralKey
    caller: Caller
    _seen: dict[str, _Seen] = field(default_factory=dict)

    def repeated(self, request: Request, most: int) -> Answer | None:
        """The answer that was given to the same request before, None for a new one or one that only reads.

        Raises Refusal 409 for another request under a requestId that was used, 429 when too many came.
        """
        seen = self._seen.get(request.request_id)
        if seen is None:
            if len(self._seen) >= most:
                raise Refusal(429, "Too many requests under one ephemeral key; make a new handshake.")
            return None
        if seen.digest != _digest(request):
            raise Refusal(409, "The requestId was used for another request.")
        return seen.answer

    def note(self, request: Request, answer: Answer | None) -> None:
        """Remember a request, with the answer if doing it twice would not be the same as doing it once."""
        self._seen[request.request_id] = _Seen(_digest(request), answer)

    def forget(self, request: Request) -> None:
        """What ``note`` remembered of it came to nothing."""
        self._seen.pop(request.request_id, None)


def _digest(request: Request) -> bytes:
    return hashlib.sha256(write_request(request)).digest()


class Lines:
    """All of them, bounded in number; the oldest of a user's makes room for a new one. Safe to call from several threads."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = Lock()
        self._lines: OrderedDict[str, Line] = OrderedDict()

    def heed(self, limits: Limits) -> None:
        """Other limits from now on; what is in force stays."""
        with self._lock:
            self._limits = limits

    def add(self, line: Line, now: datetime) -> None:
        """Raises Refusal 503 when there are too many of all users."""
        with self._lock:
            self._drop_expired(now)
            user = line.caller.user
            own = [uri for uri, one in self._lines.items() if one.caller.user == user]
            if len(own) >= self._limits.ephemeral_per_user:
                del self._lines[own[0]]
            if len(self._lines) >= self._limits.ephemeral:
                raise Refusal(503, "Too many handshakes; try again later.")
            self._lines[line.key.uri] = line

    def find(self, uri: str, now: datetime) -> Line | None:
        """The one that is in force; None when it has expired, was deleted or never was."""
        with self._lock:
            line = self._lines.get(uri)
            return line if line and now < line.key.expires else None

    def remove(self, uri: str) -> None:
        """Nothing sealed with it is taken any more."""
        with self._lock:
            self._lines.pop(uri, None)

    def put_back(self, line: Line) -> None:
        """Its removal came to nothing."""
        with self._lock:
            self._lines[line.key.uri] = line
            self._lines.move_to_end(line.key.uri, last=False)

    def __len__(self) -> int:
        with self._lock:
            return len(self._lines)

    def _drop_expired(self, now: datetime) -> None:
        """They all live equally long, so those that have expired stand at the front."""
        while self._lines:
            oldest = next(iter(self._lines.values()))
            if now < oldest.key.expires:
                return
            self._lines.popitem(last=False)
