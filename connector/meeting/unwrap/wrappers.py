"""Who rewrites links, by host, and how each one's target is read."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping

from connector.meeting.unwrap import proofpoint
from connector.meeting.weblink import WebLink, percent_decoded, suffixes

Reader = Callable[[WebLink], str | None]
"""Reads the target out of a wrapped link; None when this is no wrapped link or is damaged."""

MIMECAST = frozenset({"mimecast.com", "mimecastprotect.com"})
"""Keeps the target on its servers; only the target's domain stands in the link."""

_AVANAN = re.compile(r"___(https?://.+?)___", re.DOTALL)
_GOOGLE = re.compile(r"(?:www\.)?google\.(?:[a-z]{2,3}|com?\.[a-z]{2})")


def _parameter(*names: str) -> Reader:
    """The target stands percent-encoded in the first of these parameters that holds an address."""

    def read(link: WebLink) -> str | None:
        for name in names:
            value = link.raw(name)
            target = percent_decoded(value) if value else None
            if target and target[:4].lower() == "http":
                return target
        return None

    return read


def _rest_after(name: str) -> Reader:
    """The last parameter, which may hold an address that was not encoded, with parameters of its own."""
    encoded = _parameter(name)

    def read(link: WebLink) -> str | None:
        _, found, rest = f"?{link.query}".replace("?", "&", 1).partition(f"&{name}=http")
        if found and rest.lstrip("sS").startswith("://"):
            return f"http{rest}" + (f"#{link.fragment}" if link.fragment else "")
        return encoded(link)

    return read


def _last_path_part(link: WebLink) -> str | None:
    """``/<token>/<target>``, the target percent-encoded or bare (Cisco Secure Email)."""
    target = link.text.partition("://")[2].partition("/")[2].partition("/")[2]
    return target if "://" in target[:8] else percent_decoded(target)


def _base64_parameter(link: WebLink) -> str | None:
    """``u=`` in base64 (Sophos)."""
    value = link.parameters().get("u", "")
    try:
        return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def _between_underscores(link: WebLink) -> str | None:
    """``/v2/___<target>___.<token>`` (Avanan, Check Point)."""
    found = _AVANAN.search(link.text, 0, 16 * 1024)
    return found[1] if found else None


def _google(link: WebLink) -> str | None:
    return _parameter("q", "url")(link) if link.path == "/url" else None


def _safelinks_page(link: WebLink) -> str | None:
    """The page by which Teams opens a SafeLink."""
    return _parameter("url")(link) if link.path.endswith("/atp-safelinks.html") else None


_WRAPPERS: Mapping[str, Reader] = {
    "safelinks.protection.outlook.com": _parameter("url"),
    "safelinks.protection.office365.us": _parameter("url"),
    "statics.teams.cdn.office.net": _safelinks_page,
    "urldefense.proofpoint.com": proofpoint.target,
    "urldefense.com": proofpoint.target,
    "urldefense.us": proofpoint.target,
    "linkprotect.cudasvc.com": _parameter("a"),
    "secure-web.cisco.com": _last_path_part,
    "clicktime.symantec.com": _parameter("u"),
    "clicktime.cloud.postoffice.net": _parameter("u"),
    "urlsand.esvalabs.com": _parameter("u"),
    "linklock.titanhq.com": _parameter("url"),
    "urlisolation.com": _parameter("url"),
    "protection.sophos.com": _base64_parameter,
    "url.avanan.click": _between_underscores,
    "protect.checkpoint.com": _between_underscores,
}
_FAMILIES = (
    (re.compile(r"(?:[\w.-]{1,128}[.-])?ctp\.trendmicro\.com"), _parameter("url")),
    (re.compile(r"protect[\w-]{0,8}\.(?:fireeye|trellix)\.[a-z]{2,6}"), _rest_after("u")),
    (_GOOGLE, _google),
)
DOMAINS = frozenset((*_WRAPPERS, *MIMECAST, "trendmicro.com", "fireeye.com", "trellix.com", "google.com"))
"""Where their hosts lie, of families the usual ones."""

HINTS = ("google.", "fireeye.", "trellix.")
"""What stands in hosts of families wherever they lie."""


def rewrites(host: str) -> bool:
    """Whether links that lead to this host may be rewritten ones."""
    return _reader(host) is not None


def wrapped_by(link: WebLink) -> Reader | None:
    """How to read the target if the link's host is one that rewrites links."""
    return _reader(link.host)


def _reader(host: str) -> Reader | None:
    for domain in suffixes(host):
        if domain in _WRAPPERS:
            return _WRAPPERS[domain]
    return next((reader for hosts, reader in _FAMILIES if hosts.fullmatch(host)), None)
