"""Video addresses in words: ``sip:`` and ``h323:`` URIs, and bare addresses that are one by their looks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from connector.meeting.scan import NEAR, any_case, few_places, tail

MOST_ADDRESSES = 500
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

_USER_LETTERS = re.compile(r"[A-Za-z0-9._%+~-]*+")
_LONGEST_USER = 64
_DOMAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})(?:\.[A-Za-z0-9][A-Za-z0-9-]{0,62}){1,8}")
_PREFIX = re.compile(
    r"(?:conf:sips?|sips?|h323|mailto|tel|im|xmpp|smtp|callto|skype):(?://)?\Z", re.IGNORECASE
)
_LONGEST_PREFIX = 10
_PORT = re.compile(r":[1-9][0-9]{0,4}(?![0-9])")
_DIGITS = re.compile(r"[0-9]+(?:[.][0-9]+){0,3}")
# Every pattern that goes through a whole text begins with a sign that is rare in words: the engine leaps to it.
_H323 = re.compile(r":(?<=[hH]323:)(?://)?(?P<address>[\w.#*@+-]{3,128})")
_TEL = re.compile(r":(?<=[tT][eE][lL]:)(?P<number>\+?[0-9(][0-9().,;#*pw-]{3,63})")
_SCHEME = re.compile(r":(?<=[lL3]:)(?:(?<=[tT][eE][lL]:)|(?<=[hH]323:))")
_SIP = re.compile(r":(?:(?<=[sS][iI][pP]:)|(?<=[sS][iI][pP][sS]:))")


def _ends_with(domains: Iterable[str]) -> str:
    """A pattern behind which a text ends with one of the domains; most others fail at their last letters."""
    endings: dict[str, list[str]] = {}
    for domain in domains:
        endings.setdefault(domain.rpartition(".")[2], []).append(domain)
    branches = []
    for ending, those in endings.items():
        letters = "".join({any_case(domain[-len(ending) - 2]).strip("[]") for domain in those})
        whole = "|".join(f"(?<={any_case(domain)})" for domain in those)
        branches.append(rf"(?<=[{letters}]\.{any_case(ending)})(?:{whole})")
    return "(?:" + "|".join(branches) + ")"


_LIKELY = re.compile(
    rf"@(?=[A-Za-z0-9])(?:(?<=[0-9.]@)|(?=[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)++{_ends_with(DOMAINS)}))"
)
"""An at sign behind a digit, or before a video service's domain; others matter only behind ``sip:``."""


def has_scheme(text: str) -> bool:
    """Whether ``h323:`` or ``tel:`` stands in a text; quick to say."""
    colons = few_places(text, ":")
    if colons is None:
        return _SCHEME.search(text) is not None
    return any(_SCHEME.match(text, colon) for colon in colons)


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
    for position in _at_signs(text):
        if found := _around(text, position):
            yield found


def _at_signs(text: str) -> list[int]:
    """Where video addresses may stand: anywhere behind ``sip:``, else near the beginning."""
    if "@" not in text:
        return []
    places = {sign.start() for sign in islice(_LIKELY.finditer(text, 0, NEAR), MOST_ADDRESSES)}
    for prefix in islice(_SIP.finditer(text) if ":" in text else (), MOST_ADDRESSES):
        places.add(text.find("@", prefix.end(), prefix.end() + _LONGEST_USER + 3))
    return sorted(places - {-1})


def _around(text: str, at: int) -> VideoAddress | None:
    start = at - tail(_USER_LETTERS, text, at, _LONGEST_USER)
    user, domain = text[start:at].strip("."), _DOMAIN.match(text, at + 1)
    if not user or domain is None or text[start : start + 1] == ".":
        return None
    prefix = _PREFIX.search(text[max(0, start - _LONGEST_PREFIX) : start])
    address = f"{user}@{domain[0].lower()}"
    explicit = prefix is not None and prefix[0].lower().startswith("sip")
    if (prefix and not explicit) or not (explicit or _is_video(address)):
        return None
    begin = start - len(prefix[0]) if prefix else start
    port = _PORT.match(text, domain.end()) if explicit else None
    if port:
        address += port[0]
    return VideoAddress(begin, port.end() if port else domain.end(), of_lync(address), explicit)


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
    for count, found in enumerate(_H323.finditer(text)):
        if count >= MOST_ADDRESSES:
            return
        yield found["address"].rstrip(".-")


def phone_numbers(text: str) -> Iterator[str]:
    """What stands behind ``tel:``, in order."""
    for count, found in enumerate(_TEL.finditer(text)):
        if count >= MOST_ADDRESSES:
            return
        yield found["number"].rstrip(".,;-")
