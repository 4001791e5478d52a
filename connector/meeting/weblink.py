"""A web address taken apart, strictly: whoever recognises a host must have parsed it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

LONGEST = 16 * 1024
"""Characters of an address that is still looked at, wrappers included."""

_FORM = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,15})://(?P<authority>[^/?#\\\s@]{1,260})"
    r"(?P<path>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?",
    re.DOTALL,
)
_HOST = re.compile(r"[\w-]+(?:\.[\w-]+){0,20}")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MOST_PARAMETERS = 100


@dataclass(frozen=True, slots=True)
class WebLink:
    """The parts of ``text``, an absolute address without a user name; scheme and host in lower case."""

    text: str
    scheme: str
    host: str
    port: str
    path: str
    query: str
    fragment: str

    def parameters(self) -> dict[str, str]:
        """Query parameters, the first of each name (in lower case), percent-decoded; at most a hundred are read."""
        found: dict[str, str] = {}
        for pair in self.query.split("&", _MOST_PARAMETERS)[:_MOST_PARAMETERS]:
            name, _, value = pair.partition("=")
            found.setdefault(unquote(name).lower(), unquote(value))
        return found

    def raw(self, name: str) -> str | None:
        """The first query parameter of that name, as it stands there."""
        for pair in self.query.split("&", _MOST_PARAMETERS)[:_MOST_PARAMETERS]:
            key, _, value = pair.partition("=")
            if key.lower() == name:
                return value
        return None


def parse(text: str) -> WebLink | None:
    """The parts of an address, or None when it is none, names a user, or is longer than ``LONGEST``."""
    found = _FORM.fullmatch(text) if len(text) <= LONGEST else None
    if found is None or _CONTROL.search(text):
        return None
    host, _, port = found["authority"].partition(":")
    host = host.rstrip(".").lower()
    if not _HOST.fullmatch(host) or (port and not port.isdigit()):
        return None
    return WebLink(
        text,
        found["scheme"].lower(),
        host,
        port,
        found["path"],
        found["query"] or "",
        found["fragment"] or "",
    )


def percent_decoded(value: str) -> str | None:
    """The value decoded once, or None where an escape is broken or the bytes are no UTF-8."""
    if _BAD_ESCAPE.search(value):
        return None
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        return None


def suffixes(host: str) -> list[str]:
    """The host and the domains it lies in, longest first: ``a.b.c``, ``b.c``, ``c``."""
    labels = host.split(".")
    return [".".join(labels[index:]) for index in range(len(labels))]
