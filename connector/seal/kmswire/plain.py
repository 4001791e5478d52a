"""JSON from a peer: bounded, typed, no member twice."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from connector.errors import Refused

MAX_MESSAGE = 4 * 1024 * 1024
"""Bytes of the longest message that is looked at."""

MAX_LIST = 10_000
"""Entries of the longest array."""

LINE = re.compile(r"[\x20-\x7e]{1,512}")
"""Ids that a peer chose: opaque, printable ASCII."""

TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
"""Bearer tokens and signatures."""

URI = re.compile(r"[\x21-\x7e]{1,512}")


def broken(detail: str) -> Refused:
    """The verdict for a message that can't be opened or is not authentic."""
    return Refused("kms-broken", detail[:300])


def malformed(detail: str) -> Refused:
    """The verdict for an authentic message that is none of the protocol."""
    return Refused("kms-malformed", detail[:300])


def load(raw: bytes) -> Mapping[str, Any]:
    """The JSON object in ``raw`` (UTF-8, RFC 8259). Two members of one name could be read as one by us and as the other by a peer."""
    if len(raw) > MAX_MESSAGE:
        raise malformed(f"{len(raw)} bytes are more than {MAX_MESSAGE}")
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_no_constant, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise malformed("not JSON") from error
    return an_object(value, "the message")


def dump(value: Mapping[str, Any]) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def an_object(value: Any, what: str) -> Mapping[str, Any]:
    """``value`` if it is a JSON object."""
    if not isinstance(value, dict):
        raise malformed(f"{what} is no object")
    return value


def a_list(value: Any, what: str) -> list[Any]:
    """``value`` if it is an array of at most MAX_LIST entries."""
    if not isinstance(value, list) or len(value) > MAX_LIST:
        raise malformed(f"{what} is no array of at most {MAX_LIST}")
    return value


def a_text(value: Any, what: str, form: re.Pattern[str] = LINE) -> str:
    """``value`` if it is a string that matches ``form`` as a whole."""
    if not isinstance(value, str) or not form.fullmatch(value):
        raise malformed(f"{what} is not of the form it must have")
    return value


def a_number(value: Any, what: str, least: int, most: int) -> int:
    """``value`` if it is a whole number from ``least`` to ``most``; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise malformed(f"{what} is no whole number from {least} to {most}")
    return value


def a_time(value: Any, what: str) -> datetime:
    """``value``, an RFC 3339 time with a zone, in UTC."""
    try:
        moment = datetime.fromisoformat(a_text(value, what))
        return moment.astimezone(UTC) if moment.tzinfo else _no_zone(what)
    except (ValueError, OverflowError) as error:
        raise malformed(f"{what} is no time") from error


def write_time(moment: datetime) -> str:
    """RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _no_zone(what: str) -> NoReturn:
    raise malformed(f"{what} has no time zone")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands twice")
    return members
