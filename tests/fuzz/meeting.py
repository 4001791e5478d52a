"""Everything that reads what strangers wrote into a meeting, fed by atheris: an answer in time, and nothing raised.

``python -m tests.fuzz.meeting -max_total_time=20 DIRECTORY``; exits 0 when nothing was found. The directory is filled with seeds.
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["connector.meeting"]):
    from connector.meeting import keyword
    from connector.meeting.enrich import join_rules
    from connector.meeting.invitation import Invitations, Standing, Written
    from connector.meeting.joinlink import Passage, Place, dialled, find, of_icalendar
    from connector.meeting.joinlink.hazard import hazard
    from connector.meeting.scan import Scan
    from connector.meeting.text import readable, unescape_ics
    from connector.meeting.unwrap import illegible, unwrap, unwrap_html, unwrap_text
    from connector.meeting.weblink import parse

from connector.meeting.invitation.details import SAMPLE

RULES = join_rules()
INVITATIONS = Invitations()
REPLACING = Invitations(existing_link="replace")
KEYWORDS = keyword.table({"@meet": "a", "@webex": "b", ":space": "c", "#own": "d"})
BLOCKS = {is_html: INVITATIONS.put("", SAMPLE, "he", is_html=is_html) for is_html in (True, False)}


class Wrong(AssertionError):
    """Something that always holds did not."""


def _scanned(text: str) -> None:
    """Spans lie in the text, in order, and do not overlap."""
    reached = 0
    for span in Scan(text).spans:
        if not reached <= span.start < span.end <= len(text):
            raise Wrong(span)
        reached = span.end


def _found(place: Place) -> Callable[[str], object]:
    return lambda text: find((Passage(place, text),), RULES, asked=True)


def _unwrapped(text: str) -> None:
    """What comes out is a web address, or what went in; twice is as good as once."""
    target = unwrap(text)
    if target != text and parse(target) is None:
        raise Wrong(target)
    unwrap_html(text)
    illegible(text)


def _keyword(text: str) -> None:
    found = keyword.find(text, KEYWORDS)
    if found and not 0 <= found.start < found.end <= len(text):
        raise Wrong(found)


def _rule(text: str) -> None:
    """A pattern that is accepted comes to an end on a subject made to hurt it."""
    pattern = text[:200]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if hazard(pattern) is None:
            re.compile(pattern).search("aaaa/0000.-" * 90 + "!")


def _block(is_html: bool) -> Callable[[str], None]:
    def looked_at(body: str) -> None:
        """What is put in is found, and gone without a trace when it is taken out."""
        REPLACING.put(body, SAMPLE, "sv", is_html=is_html)
        if INVITATIONS.find(body, is_html=is_html) is not None:
            INVITATIONS.remove(body, is_html=is_html)
            return
        put = INVITATIONS.put(body, SAMPLE, "sv", is_html=is_html)
        block = INVITATIONS.find(put.body, put.digest, is_html=is_html) if isinstance(put, Written) else None
        if isinstance(put, Written) and block is None:
            raise Wrong("the block that was put in is not found")
        if isinstance(put, Written) and block and block.standing is Standing.AS_WRITTEN:
            removed = INVITATIONS.remove(put.body, put.digest, is_html=is_html)
            if removed != body:
                raise Wrong(removed)

    return looked_at


def _spliced(is_html: bool) -> Callable[[str], None]:
    """A true block with something put into or beside it: further in than noise gets."""

    def looked_at(text: str) -> None:
        put = BLOCKS[is_html]
        if isinstance(put, Written):
            where, _, more = text.partition(" ")
            place = sum(map(ord, where)) % (len(put.body) + 1)
            body = put.body[:place] + more + put.body[place:]
            INVITATIONS.find(body, put.digest, is_html=is_html)
            INVITATIONS.put(body, SAMPLE, "sv", marker=put.digest, is_html=is_html)
            INVITATIONS.remove(body, put.digest, is_html=is_html)

    return looked_at


READERS: tuple[Callable[[str], object], ...] = (
    _scanned,
    lambda text: readable(text, is_html=True),
    lambda text: readable(text, is_html=None),
    unescape_ics,
    unwrap_text,
    _unwrapped,
    _found(Place.LOCATION),
    _found(Place.BODY),
    _found(Place.CONFERENCE),
    lambda text: find(of_icalendar(text.splitlines()), RULES),
    dialled,
    _keyword,
    _rule,
    _block(True),
    _block(False),
    _spliced(True),
    _spliced(False),
)


def one(data: bytes) -> None:
    """One input for one reader; the first byte chooses which."""
    if data:
        READERS[data[0] % len(READERS)](data[1:].decode("utf-8", "replace"))


def seeds() -> list[bytes]:
    """Something of every form, so that mutation begins inside."""
    written = [put.body for put in BLOCKS.values() if isinstance(put, Written)]
    texts = [
        *written,
        "Join https://zoom.us/j/123456789?pwd=abc Passcode: 123456, sip:1@zoomcrc.com tel:+4681234 h323:1.2.3.4##5",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fmeet.google.com%2Fabc-defg-hij&data=05",
        "https://urldefense.com/v3/__https://example.com/*a*b__;w6XDpA!!abc$ https://urldefense.proofpoint.com/v2/url?u=http-3A__a.b",
        "SUMMARY:x\nLOCATION:Microsoft Teams\nDESCRIPTION:https://teams.microsoft.com/meet/1234567890?p=ab\n c",
        "Room 1 @webex:acme.webex.com, @meet:space ＠ＭＥＥＴ",
        r"^/invited/(?P<id>\d+)(a|b)*[^x]{0,9}",
        "<p>Hello<table><tr><td>From: a<br>Subject: b</td></tr></table><blockquote>x</blockquote><!-- y --><script>z",
        "Hello\r\n> cited\r\nFrom: Bo\r\nTo: x\r\nSubject: y\r\n",
    ]
    return [bytes([number]) + text.encode() for number in range(len(READERS)) for text in texts]


def main() -> None:
    """Seeds first, then what atheris makes of them."""
    corpus = Path(sys.argv[-1])
    for number, seed in enumerate(seeds()):
        one(seed)
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
