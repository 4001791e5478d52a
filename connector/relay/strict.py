"""Reading a peer's JSON without trusting it: bounded, typed, and never anything but a verdict when it is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NoReturn

from connector.errors import Transient

MAX_BODY = 8 * 1024 * 1024
"""Bytes of the longest JSON document that is looked at."""

ID = re.compile(r"[A-Za-z0-9._:~@+-]{1,128}")
"""Ids of events, runs, mailboxes, meetings and commands: opaque, ASCII, no blanks, no slash."""

CURSOR = re.compile(r"[\x21-\x7e]{0,256}")
"""A bookmark of the downlink; opaque to the connector, "" is the beginning."""

SLUG = re.compile(r"[a-z][a-z0-9-]{0,63}")
"""Codes."""

COMPACT_JWE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")
"""The form of RFC 7516 section 3.1; what stands in it is for those who hold the key."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON (RFC 8259)")


def load(raw: bytes) -> Any:
    """The JSON value in ``raw`` (UTF-8). Raises Transient ``bad-answer`` for everything that is none."""
    if len(raw) > MAX_BODY:
        raise bad(f"{len(raw)} bytes are more than {MAX_BODY}")
    try:
        return json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise bad(f"not JSON: {error}") from error


def dump(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode("utf-8")


def bad(detail: str) -> Transient:
    """The verdict for an answer that is not what was asked for."""
    return Transient("bad-answer", detail[:300])


def an_object(value: Any, what: str) -> Mapping[str, Any]:
    """``value`` if it is a JSON object."""
    if not isinstance(value, dict):
        raise bad(f"{what} is no object")
    return value


def a_list(value: Any, what: str, most: int) -> list[Any]:
    """``value`` if it is an array of at most ``most`` entries."""
    if not isinstance(value, list) or len(value) > most:
        raise bad(f"{what} is no array of at most {most}")
    return value


def a_text(value: Any, pattern: re.Pattern[str], what: str) -> str:
    """``value`` if it is a string that matches ``pattern`` as a whole."""
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise bad(f"{what} is not of the form it must have")
    return value


def a_number(value: Any, what: str, least: int, most: int) -> int:
    """``value`` if it is a whole number from ``least`` to ``most``; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise bad(f"{what} is no whole number from {least} to {most}")
    return value


def a_time(value: Any, what: str) -> datetime:
    """``value`` if it is an RFC 3339 time with a zone."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise bad(f"{what} is no time") from error
    if moment.tzinfo is None:
        raise bad(f"{what} has no time zone")
    return moment
