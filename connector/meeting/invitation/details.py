"""Join details before they are written: only what is safe, and only what was switched on."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from connector.meeting.invitation.shape import decorated
from connector.model import JoinDetails, Phone

MOST_PHONES = 20
"""Numbers that are written; for the rest there is the page of all numbers."""

LONGEST_URL = 2_048
LONGEST_FIELD = 256

_WEB = re.compile(r"https?://[^\s<>\"'`\\@]{1,253}(?:[/?#][^\s<>\"`\\]*)?", re.IGNORECASE)
_DIALLED = re.compile(r"(?:sips?|tel):[^\s<>\"'`\\]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of the join details are written besides the link."""

    phone: bool = True
    video: bool = True


def is_safe(details: JoinDetails) -> bool:
    """Whether every part may stand in a body: addresses of http, https, sip or tel, short lines without control characters.

    What looks like a block's own edges is refused as well: it would end the block early.
    """
    short = [
        details.service,
        details.meeting_id,
        details.passcode,
        details.sip,
        details.h323,
        details.access_code,
        details.video_passcode,
    ]
    short += [text for phone in details.phones for text in (phone.number, phone.place)]
    links = [details.url, *filter(None, [details.global_numbers_url])]
    return (
        all(len(text) <= LONGEST_FIELD and (text.isprintable() or not text) for text in short)
        and not any(decorated(text) for text in [*short, *links])
        and _is_link(details.url)
        and (not details.global_numbers_url or _is_web(details.global_numbers_url))
    )


def _is_link(address: str) -> bool:
    dialled = _DIALLED.fullmatch(address) is not None and len(address) <= LONGEST_FIELD
    return dialled or _is_web(address)


def _is_web(address: str) -> bool:
    return len(address) <= LONGEST_URL and address.isprintable() and _WEB.fullmatch(address) is not None


def chosen(details: JoinDetails, parts: Parts) -> JoinDetails:
    """The details without what is switched off; ``sip:`` and ``h323:`` before an address are dropped."""
    phones = tuple(phone for phone in details.phones if phone.number)[:MOST_PHONES] if parts.phone else ()
    return replace(
        details,
        sip=_bare(details.sip) if parts.video else "",
        h323=_bare(details.h323) if parts.video else "",
        phones=phones,
        access_code=details.access_code if phones else "",
        video_passcode=details.video_passcode if details.video_passcode != details.passcode else "",
        global_numbers_url=details.global_numbers_url if parts.phone else "",
    )


def _bare(address: str) -> str:
    return re.sub(r"\A(?:sips?|h323):(?://)?", "", address.strip(), flags=re.IGNORECASE)


def callable_number(number: str) -> str:
    """A number as a ``tel:`` link has it (RFC 3966): digits and a leading plus; "" where there is nothing to call."""
    digits = re.sub(r"[^0-9,;*#]", "", re.sub(r"\(0\)", "", number))
    return f"tel:{'+' if number.strip().startswith('+') else ''}{digits}" if digits else ""


SAMPLE = JoinDetails(
    url="https://meet.example.com/room",
    service="sample",
    meeting_id="123 456 789",
    passcode="Ab12",
    sip="123456789@meet.example.com",
    h323="192.0.2.1##123456789",
    phones=(Phone("+46 8 123 456 78", "Stockholm"), Phone("+44 20 1234 5678")),
    access_code="123456789",
    video_passcode="4711",
    global_numbers_url="https://meet.example.com/numbers",
)
"""What templates are tried with before they are used."""
