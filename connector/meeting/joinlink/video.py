"""Video addresses in words: ``sip:`` and ``h323:`` URIs, and bare addresses that are one by their looks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

MOST_ADDRESSES = 2_000
"""At signs and prefixes in a text that are looked at."""

DOMAINS: Mapping[str, str] = {
    "zoomcrc.com": "zoom",
    "webex.com": "webex",
    "ciscospark.com": "webex",
    "m.webex.com": "teams",
    "t.plcm.vc": "teams",
    "teams.bjn.vc": "teams",
    "bjn.vc": "bluejeans",
    "lifesizecloud.com": "lifesize",
    "call.sl": "starleaf",
    "67.217.95.2": "gotomeeting",
    "pexip.me": "pexip",
    "onpexip.com": "pexip",
}
"""Whose video addresses lie in a domain."""

_COMPANIES = frozenset({"webex.com", "ciscospark.com"})
_ORDINARY_MAIL = frozenset(
    [
        "qq.com",
        "vip.qq.com",
        "foxmail.com",
        "163.com",
        "126.com",
        "yeah.net",
        "139.com",
        "189.cn",
        "sina.com",
        "sohu.com",
        "gmail.com",
        "googlemail.com",
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "yahoo.com",
        "icloud.com",
        "me.com",
        "gmx.de",
        "gmx.net",
        "web.de",
        "mail.ru",
        "yandex.ru",
        "t-online.de",
        "naver.com",
        "hanmail.net",
        "txt.att.net",
        "vtext.com",
        "tmomail.net",
    ]
)
"""Domains where mail addresses are numbers."""

_USER = re.compile(r"[A-Za-z0-9._%+~-]{1,64}\Z")
_USER_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._%+~-")
_LONGEST_USER = 64
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62}){1,8}")
_PREFIX = re.compile(
    r"(?:conf:sips?|sips?|h323|mailto|tel|im|xmpp|smtp|callto|skype):(?://)?\Z", re.IGNORECASE
)
_LONGEST_PREFIX = 10
_DIGITS = re.compile(r"[0-9]+(?:[.][0-9]+){0,3}")
_H323 = re.compile(r"[hH]323:(?://)?(?P<address>[\w.#*@+-]{3,128})")
_TEL = re.compile(r"[tT][eE][lL]:(?P<number>\+?[0-9(][0-9().,;#*pw-]{3,63})")
_TELS = ("tel:", "Tel:", "TEL:")
_LYNC = "lync.webex.com"


@dataclass(frozen=True, slots=True)
class VideoAddress:
    """An address a room device can dial, without its prefix; ``explicit`` when a ``sip:`` stood before it."""

    start: int
    end: int
    address: str
    explicit: bool

    @property
    def numeric(self) -> bool:
        """Whether the user part is made of digits."""
        return bool(_DIGITS.fullmatch(self.address.partition("@")[0]))


def video_addresses(text: str) -> Iterator[VideoAddress]:
    """Every video address of a text, in order. A mail address is none, unless it is all digits or of a video service."""
    position = -1
    for _ in range(MOST_ADDRESSES):
        position = text.find("@", position + 1)
        if position < 0:
            return
        if found := _around(text, position):
            yield found


def _around(text: str, at: int) -> VideoAddress | None:
    start = at
    while start > max(0, at - _LONGEST_USER) and text[start - 1] in _USER_LETTERS:
        start -= 1
    user, domain = text[start:at].strip("."), _DOMAIN.match(text, at + 1)
    if not user or domain is None or text[start : start + 1] == ".":
        return None
    prefix = _PREFIX.search(text[max(0, start - _LONGEST_PREFIX) : start])
    address = f"{user}@{domain[0].lower()}"
    explicit = prefix is not None and prefix[0].lower().startswith("sip")
    if (prefix and not explicit) or not (explicit or _is_video(address)):
        return None
    begin = start - len(prefix[0]) if prefix else start
    return VideoAddress(begin, domain.end(), of_lync(address), explicit)


def _is_video(address: str) -> bool:
    user, _, domain = address.partition("@")
    if domain in _ORDINARY_MAIL:
        return False
    return bool(_DIGITS.fullmatch(user)) or _is_dialled_domain(domain)


def _is_dialled_domain(domain: str) -> bool:
    """Domains in which nobody has mail: those of video services, and what lies below their companies' own."""
    return service_of(f"@{domain}") is not None and domain not in _COMPANIES


def service_of(address: str) -> str | None:
    """Whose service a video address belongs to, by its domain, the longest known one."""
    domain = address.rpartition("@")[2].lower()
    while domain:
        if domain in DOMAINS:
            return DOMAINS[domain]
        domain = domain.partition(".")[2] if not domain.replace(".", "").isdigit() else ""
    return None


def of_lync(address: str) -> str:
    """``name.site@lync.webex.com`` is ``name@site.webex.com`` for everybody but Lync; others stay."""
    user, _, domain = address.partition("@")
    name, dot, site = user.rpartition(".")
    return f"{name}@{site}.webex.com" if domain == _LYNC and dot and name else address


def h323_addresses(text: str) -> Iterator[str]:
    """What stands behind ``h323:``, in order."""
    for count, found in enumerate(_H323.finditer(text) if "323:" in text else ()):
        if count >= MOST_ADDRESSES:
            return
        yield found["address"].rstrip(".-")


def phone_numbers(text: str) -> Iterator[str]:
    """What stands behind ``tel:``, in order."""
    for count, found in enumerate(_TEL.finditer(text) if any(name in text for name in _TELS) else ()):
        if count >= MOST_ADDRESSES:
            return
        yield found["number"].rstrip(".,;-")
