"""Proofpoint URL Defense, versions 1 to 3."""

from __future__ import annotations

import base64
import binascii
import re
import string

from connector.meeting.weblink import WebLink, percent_decoded

_RUN_LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
_RUNS = {letter: index + 2 for index, letter in enumerate(_RUN_LETTERS)}
_TOKEN = re.compile(r"\*(?:\*([A-Za-z0-9_-]))?")
_ONE_SLASH = re.compile(r"(https?):/(?=[^/])", re.IGNORECASE)


def target(link: WebLink) -> str | None:
    """Where a link of any version leads; None when it is none of theirs or is damaged."""
    if link.path.startswith("/v3/__"):
        return _version_3(link.text.partition("/v3/__")[2])
    if link.path.rstrip("/") == "/v2/url":
        value = link.raw("u")
        return percent_decoded(value.replace("-", "%").replace("_", "/")) if value else None
    if link.path.rstrip("/") == "/v1/url":
        value = link.raw("u")
        return percent_decoded(value) if value else None
    return None


def _version_3(rest: str) -> str | None:
    """``<address>__;<bytes>!<token>``: each ``*`` of the address stands for one of the bytes (base64url).

    ``**X`` stands for a run, whose length in bytes of UTF-8 X tells: A is 2, B is 3, up to _ for 65. Once the bytes
    are used up an asterisk is an asterisk. Gateways in between may have made one slash of the two after the scheme.
    """
    written, found, tail = rest.partition("__;")
    encoded, ended, _ = tail.partition("!")
    if not found or not ended:
        return None
    try:
        replaced = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        target = _filled(written, replaced).decode()
    except (binascii.Error, ValueError):
        return None
    return _ONE_SLASH.sub(r"\1://", target, count=1) if _ONE_SLASH.match(target) else target


def _filled(written: str, replaced: bytes) -> bytes:
    out, position, used = bytearray(), 0, 0
    for token in _TOKEN.finditer(written):
        out += written[position : token.start()].encode()
        position = token.end()
        length = _RUNS[token[1]] if token[1] else 1
        taken = replaced[used : used + length]
        used += length
        out += taken or token[0].encode()
    return bytes(out + written[position:].encode())
