"""How messages of the key service protocol travel: opaque strings over HTTP, the same bodies on every way. Pure.

A client asks at a base address, which is the key service's own (HTTPS, or HTTP on a Unix socket: ``DIRECT``) or the hub's
(``through_hub(host)``), and can't tell them apart by anything that it believes::

    GET  {base}/static     -> 200, the static key as JWK (public, and trusted by nobody for coming from here)
    POST {base}/messages   {"kmsMessages": [token...]}  ->  200 {"kmsMessages": [token...]}

Answers are paired with requests by what is sealed in them, never by position; a message may stay without one. At the hub the
key service is the client of one more address, with a credential whose name is its host::

    POST {through_hub(host)}/serve
         {"static": jwk, "answers": [{"id": ..., "kmsMessages": [...]}], "wait": seconds}
    ->   200 {"requests": [{"id": ..., "kmsMessages": [...]}]}

which is held back until there is something to do. Several may be open at once. The hub keeps nothing of it beyond the hold:
a request that nobody answers in time is 503, and so is, at once, one to a key service that has no line open. A client that
has nothing better to do asks for ``/static`` with ``Prefer: wait=N`` (RFC 7240 section 4.3), which the hub then holds back for N
seconds at most, until the key service is here; its own doors answer at once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.relay import strict

DIRECT = "/kms/v1"
STATIC = "/static"
MESSAGES = "/messages"
SERVE = "/serve"

MOST_MESSAGES = 50
"""Of one request."""

MOST_ROUNDS = 50
"""Requests handed to a key service at once, and answers taken from it."""

HOLD_SECONDS = 25
"""So long an answer is held back at most."""

TOKEN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){2,4}")
"""A compact JWS or JWE (RFC 7515 and 7516 section 3.1)."""

MOST_TOKEN = 4 * 1024 * 1024
PREFER = "Prefer"
_PATIENCE = re.compile(r"\s*wait\s*=\s*([0-9]{1,4})\s*")
HOST = re.compile(r"[a-z0-9.-]{1,253}(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Round:
    """Messages that went up together, or their answers, under an id of the hub's."""

    id: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """What a key service says to the hub."""

    static: Mapping[str, Any]
    answers: tuple[Round, ...] = ()
    wait: int = HOLD_SECONDS


def through_hub(host: str) -> str:
    """The base address of a key service at the hub."""
    return f"/relay/v1/kms/{host.lower()}"


def write_patience(seconds: int) -> dict[str, str]:
    """The header of a client that would rather wait than be refused."""
    return {PREFER: f"wait={seconds}"}


def read_patience(preference: str) -> int:
    """Seconds, HOLD_SECONDS at most; 0 for a preference that says nothing of it, which is to be ignored (RFC 7240 section 2)."""
    found = _PATIENCE.fullmatch(preference)
    return min(int(found[1]), HOLD_SECONDS) if found else 0


def write_messages(messages: Sequence[str]) -> dict[str, Any]:
    """The body of either direction."""
    return {"kmsMessages": list(messages)}


def read_messages(raw: bytes) -> tuple[str, ...]:
    """The other end's reading of it. Raises Transient ``bad-answer``."""
    return _messages(strict.an_object(strict.load(raw), "the body"))


def write_service(service: Service) -> dict[str, Any]:
    """The body of ``serve``."""
    answers = [_write_round(one) for one in service.answers]
    return {"static": dict(service.static), "answers": answers, "wait": service.wait}


def read_service(raw: bytes) -> Service:
    """The hub's reading of it. Raises Transient ``bad-answer``."""
    members = strict.an_object(strict.load(raw), "the body")
    static = strict.an_object(members.get("static"), "static")
    wait = strict.a_number(members.get("wait", HOLD_SECONDS), "wait", 0, HOLD_SECONDS)
    return Service(static, _rounds(members.get("answers", []), "answers"), wait)


def write_requests(rounds: Sequence[Round]) -> dict[str, Any]:
    """The hub's answer to ``serve``."""
    return {"requests": [_write_round(one) for one in rounds]}


def read_requests(raw: bytes) -> tuple[Round, ...]:
    """The key service's reading of it. Raises Transient ``bad-answer``."""
    members = strict.an_object(strict.load(raw), "the body")
    return _rounds(members.get("requests"), "requests")


def _rounds(value: Any, what: str) -> tuple[Round, ...]:
    return tuple(_read_round(one) for one in strict.a_list(value, what, MOST_ROUNDS))


def _write_round(one: Round) -> dict[str, Any]:
    return {"id": one.id, **write_messages(one.messages)}


def _read_round(value: Any) -> Round:
    members = strict.an_object(value, "a round")
    return Round(strict.a_text(members.get("id"), strict.ID, "id"), _messages(members))


def _messages(members: Mapping[str, Any]) -> tuple[str, ...]:
    listed = strict.a_list(members.get("kmsMessages"), "kmsMessages", MOST_MESSAGES)
    return tuple(_token(one) for one in listed)


def _token(value: Any) -> str:
    if isinstance(value, str) and len(value) > MOST_TOKEN:
        raise strict.bad("a message is too long")
    return strict.a_text(value, TOKEN, "a message")
