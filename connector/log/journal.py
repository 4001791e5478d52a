"""Entries as the journal's own fields (systemd.journal-fields(7))."""

from __future__ import annotations

import importlib
import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from structlog.typing import EventDict, WrappedLogger

IDENTIFIER = "calendar-connector"
PRIORITIES = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}

Send = Callable[..., object]
"""``systemd.journal.send``: the message first, fields by keyword."""

_NO_FIELD = re.compile(r"[^A-Z0-9_]")
_ASIDE = frozenset({"event", "level", "timestamp", "logger", "exception", "message_id"})


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether the stream is the one that $JOURNAL_STREAM names as connected to the journal (systemd.exec(5))."""
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environment.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def sender() -> Send | None:
    """systemd-python's way into the journal; None where it is not installed."""
    try:
        module = importlib.import_module("systemd.journal")
    except ImportError:
        return None
    send: Send = module.send
    return send


def to_fields(_logger: WrappedLogger, _method: str, entry: EventDict) -> dict[str, Any]:
    """Turn an entry into journal fields: ours upper-case behind CC_, the known ones under their own names."""
    fields: dict[str, Any] = {
        "MESSAGE": readable(entry),
        "PRIORITY": PRIORITIES.get(str(entry.get("level")), 6),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
    }
    if "message_id" in entry:
        fields["MESSAGE_ID"] = entry["message_id"]
    for name, value in entry.items():
        if name not in {"event", "level", "timestamp", "message_id"} and value is not None:
            fields[f"CC_{_NO_FIELD.sub('_', name.upper())}"[:64]] = _spelt(value)
    return fields


def readable(entry: EventDict) -> str:
    """The entry as a person reads it: the sentence, the facts behind it, a traceback below."""
    facts = " ".join(
        f"{name}={_spelt(value)}"
        for name, value in entry.items()
        if name not in _ASIDE and value not in (None, "")
    )
    message = f"{entry.get('event', '')} [{facts}]" if facts else str(entry.get("event", ""))
    return f"{message}\n{entry['exception']}" if "exception" in entry else message


def _spelt(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


class Journal:
    """A structlog logger that hands its fields to the journal."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def msg(self, **fields: Any) -> None:
        """Send one entry; MESSAGE is among the fields."""
        self._send(fields.pop("MESSAGE"), **fields)

    debug = info = warning = error = critical = msg
