"""What can be set, and what it is when nobody sets it."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from connector.errors import ConfigError, Problem
from connector.relay import wire

DEFAULT_PATH = Path("/etc/calendar-connector-hub/hub.toml")
DEFAULT_DATABASE = Path("/var/lib/calendar-connector-hub/hub.db")


@dataclass(frozen=True, slots=True)
class Times:
    """Spans of docs/relay.md sections 6.8, 7 and 10."""

    silent_after: timedelta = timedelta(minutes=15)
    """A connector that said nothing for so long has stale lists."""
    hold: timedelta = timedelta(seconds=25)
    """So long an empty answer is held back, at most."""
    ping: timedelta = timedelta(seconds=20)
    remember_events: timedelta = timedelta(days=7)
    keep_ended: timedelta = timedelta(days=8)
    keep_outcomes: timedelta = timedelta(days=7)
    keep_commands: timedelta = timedelta(hours=24)
    keep_tombstones: timedelta = timedelta(days=40)
    keep_silent: timedelta = timedelta(days=40)
    purge_every: timedelta = timedelta(minutes=5)
    acknowledge: timedelta = timedelta(minutes=2)
    """A web socket whose message is not acknowledged for so long is closed."""
    read_body: timedelta = timedelta(seconds=30)
    """A request whose body takes longer is given up."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most of everything that others can make us hold or do."""

    batch: int = wire.DEFAULT_BATCH
    bytes: int = wire.DEFAULT_BYTES
    meetings: int = 20_000
    """Of one mailbox."""
    waiting_commands: int = 100
    """Of one mailbox, not yet acknowledged by the connector."""
    waits: int = 20
    """Held answers of one token at a time."""
    bodies: int = 16
    """Request bodies that are read at a time."""
    connections: int = 10_000
    connector_rate: int = 100
    """Requests a second of one connector's token, ten seconds' worth at once."""
    user_rate: int = 50
    """The same of a user's."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The whole of it. ``listen`` is host:port; port 0 lets the system choose."""

    database: Path = DEFAULT_DATABASE
    listen: str = "127.0.0.1:8443"
    certificate: Path | None = None
    key: Path | None = None
    times: Times = field(default_factory=Times)
    limits: Limits = field(default_factory=Limits)


def load(path: Path | None) -> Settings:
    """Settings of a TOML file; without a path, of the usual one if it is there. Raises ConfigError."""
    if path is None and not DEFAULT_PATH.exists():
        return Settings()
    chosen = path or DEFAULT_PATH
    try:
        return read(tomllib.loads(chosen.read_text(encoding="utf-8")), str(chosen))
    except (OSError, UnicodeDecodeError) as error:
        raise _problem(f"can't be read: {error}", str(chosen)) from error
    except tomllib.TOMLDecodeError as error:
        raise _problem(f"is no TOML: {error}", str(chosen)) from error


def read(table: Mapping[str, Any], file: str = "") -> Settings:
    """Settings of a parsed TOML document. Raises ConfigError for what is unknown or of the wrong kind."""
    settings: Settings = _filled(Settings(), table, file, "")
    if (settings.certificate is None) != (settings.key is None):
        raise _problem("certificate and key belong together; give both", file)
    return settings


def _filled(base: Any, table: Mapping[str, Any], file: str, where: str) -> Any:
    known = {one.name: getattr(base, one.name) for one in fields(base)}
    unknown = [name for name in table if name not in known]
    if unknown:
        raise _problem(f"{where}{unknown[0]} is not known; there are {', '.join(known)}", file)
    read = {name: _value(known[name], value, file, f"{where}{name}") for name, value in table.items()}
    return replace(base, **read)


def _value(present: Any, value: Any, file: str, name: str) -> Any:
    """``value`` read as what stands there now."""
    if isinstance(present, Times | Limits):
        if not isinstance(value, Mapping):
            raise _problem(f"{name} is a table: write [{name}]", file)
        return _filled(present, value, file, f"{name}.")
    if isinstance(present, timedelta):
        return _span(value, file, name)
    if isinstance(present, int):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise _problem(f"{name} is a whole number, 1 or more", file)
        return value
    if not isinstance(value, str) or not value:
        raise _problem(f'{name} is a text: write {name} = "..."', file)
    return value if isinstance(present, str) else Path(value)


_SPAN = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def _span(value: Any, file: str, name: str) -> timedelta:
    match = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _problem(f'{name} is a duration with a unit: write "15m", "20s" or "40d"', file)
    return timedelta(seconds=float(match[1]) * _UNITS[match[2]])


def _problem(sentence: str, file: str) -> ConfigError:
    return ConfigError((Problem(sentence, file),))
