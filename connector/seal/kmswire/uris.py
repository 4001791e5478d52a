"""``kms://host/collection/id``: absolute as Cisco writes them, relative as the draft does; both are taken. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote

from connector.errors import Refused
from connector.seal.kmswire.plain import malformed

_ABSOLUTE = re.compile(r"kms://([A-Za-z0-9._-]{1,253}(?::[0-9]{1,5})?)((?:/[^\s]*)?)")
_PATH = re.compile(
    r"/([A-Za-z]{1,32})(?:/([A-Za-z0-9._~-]{1,128}))?(?:/([A-Za-z]{1,32}))?(?:\?([\x21-\x7e]{1,400}))?"
)


@dataclass(frozen=True, slots=True)
class Target:
    """What a URI names: ``/keys``, ``/keys/ID`` or ``/resources/ID/keys?NAME=VALUE``; "" for what is absent."""

    collection: str
    id: str = ""
    part: str = ""
    query: Mapping[str, str] = field(default_factory=dict)


def host_of(uri: str) -> str:
    """Host (and port) of an absolute URI, in lower case. Raises Refused ``kms-malformed``."""
    found = _ABSOLUTE.fullmatch(uri)
    if not found:
        raise malformed("not a kms: URI")
    return found[1].lower()


def read_target(uri: str, host: str) -> Target:
    """What ``uri`` names at the key service ``host``. Raises Refused ``kms-elsewhere`` for another host, ``kms-malformed`` for what is no URI."""
    path = uri
    if not uri.startswith("/"):
        if host_of(uri) != host.lower():
            raise Refused("kms-elsewhere", "an object of another key service")
        path = uri.split("/", 3)[3] if uri.count("/") > 2 else ""
        path = f"/{path}"
    found = _PATH.fullmatch(path)
    if not found:
        raise malformed("uri names nothing")
    return Target(found[1], found[2] or "", found[3] or "", _query(found[4] or ""))


def _query(text: str) -> dict[str, str]:
    try:
        return dict(parse_qsl(text, strict_parsing=True, max_num_fields=8)) if text else {}
    except ValueError as error:
        raise malformed("uri has no usable query") from error


def absolute(uri: str, host: str) -> str:
    """The same object, absolutely; URIs are compared in this form. Raises Refused."""
    return write(host, read_target(uri, host))


def write(host: str, target: Target) -> str:
    """The absolute URI."""
    path = "/".join(one for one in (target.collection, target.id, target.part) if one)
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in target.query.items())
    return f"kms://{host.lower()}/{path}" + (f"?{asked}" if asked else "")
