"""What never reaches a log: values of secrets, meeting data, and by policy mail addresses.

This is the last net, not a licence: code does not log such things in the first place.
"""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import quote

from structlog.typing import EventDict, WrappedLogger

from connector.errors import UserError

HIDDEN = "[hidden]"

_SECRET_FIELD = re.compile(
    r"(.*[_-])?(pass(word|wd|phrase)?|secret|token|credentials?|(proxy[_-])?authori[sz]ation|(set[_-])?cookie"
    r"|(api|private|client|content|master|session)[_-]?key)",
    re.IGNORECASE,
)
_MEETING_FIELD = frozenset({"subject", "body", "notes", "attendees", "organizer", "headers"})
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+")

_SHORTEST = 6
"""A shorter secret is not looked for in text: it would black out half of every line."""
_VALUES_LIMIT = 1000
_TEXT_LIMIT = 8000
_ITEMS_LIMIT = 100
_DEPTH_LIMIT = 4


class Hidden:
    """Values known to be secret, in the spellings in which they might turn up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spellings: dict[str, None] = {}
        self._pattern: re.Pattern[str] | None = None

    def add(self, value: str | bytes) -> None:
        """Black this value out from now on, in plain, base64 and percent spelling."""
        raw = value.encode() if isinstance(value, str) else value
        text = raw.decode(errors="replace")
        encoded = base64.b64encode(raw).decode().rstrip("=")
        with self._lock:
            for spelling in (text, quote(text, safe=""), encoded):
                if len(spelling) >= _SHORTEST and spelling not in self._spellings:
                    self._spellings[spelling] = None
                    self._pattern = None
            while len(self._spellings) > _VALUES_LIMIT:
                del self._spellings[next(iter(self._spellings))]

    def out_of(self, text: str) -> str:
        """The text without them."""
        if not self._spellings:
            return text
        return (self._pattern or self._compiled()).sub(HIDDEN, text)

    def _compiled(self) -> re.Pattern[str]:
        with self._lock:
            longest_first = sorted(self._spellings, key=len, reverse=True)
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))
            return self._pattern


_hidden = Hidden()


def hide(value: str | bytes) -> None:
    """Never let this value into a log; to be called with every secret that is taken from the keystore.

    Only the last 300 or so are remembered, and none that is shorter than 6 characters.
    """
    _hidden.add(value)


class Masking:
    """The processor that every entry passes last, before it is written out."""

    def __init__(self, pseudonym: Callable[[str], str] | None = None, hidden: Hidden = _hidden) -> None:
        self._pseudonym = pseudonym
        self._hidden = hidden

    def __call__(self, _logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
        """Give back the entry as nothing but plain, bounded, clean values."""
        return {name: self._field(name, value) for name, value in entry.items()}

    def _field(self, name: str, value: Any, depth: int = 0) -> Any:
        if value is not None and (_SECRET_FIELD.fullmatch(name) or name.lower() in _MEETING_FIELD):
            return HIDDEN
        return self._clean(value, depth)

    def _clean(self, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool | int | float):
            return value
        if isinstance(value, datetime | date):
            return value.isoformat()
        if isinstance(value, bytes | bytearray | memoryview):
            return f"[{len(value)} bytes]"
        if isinstance(value, Mapping | list | tuple | set | frozenset) and depth < _DEPTH_LIMIT:
            return self._gathered(value, depth + 1)
        return self._text(_words(value))

    def _gathered(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            pairs = list(value.items())[:_ITEMS_LIMIT]
            return {self._text(str(name)): self._field(str(name), inner, depth) for name, inner in pairs}
        return [self._clean(inner, depth) for inner in list(value)[:_ITEMS_LIMIT]]

    def _text(self, text: str) -> str:
        clean = self._hidden.out_of(text)
        if len(clean) > _TEXT_LIMIT:
            clean = f"{clean[:_TEXT_LIMIT]}… [{len(clean)} characters]"
        pseudonym = self._pseudonym
        if pseudonym is None:
            return clean
        return _ADDRESS.sub(lambda found: pseudonym(found[0].lower()), clean)


def _words(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, BaseException) and not isinstance(value, UserError):
        return f"{type(value).__name__}: {value}"
    return str(value)
