"""``calendar-connector join``: try the rules that find a way into a meeting, on one invitation or on whole tables."""

from __future__ import annotations

import email.policy
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

import click

from connector.cli.joincase import NOTHING, BadCase, answer
from connector.cli.options import Frame, UsageRefused, common_options
from connector.config import DEFAULT_PATH
from connector.errors import NotFound
from connector.meeting.enrich import join_rules
from connector.meeting.joinlink import Evidence, Finding, JoinRules, Passage, Place, find, of_icalendar
from connector.meeting.text import LONGEST
from connector.meeting.unwrap import illegible, unwrap, unwrap_html, unwrap_text
from connector.rules import joining

LONGEST_FILE = 64 * 1024 * 1024
"""Bytes of an invitation or of one line of a table that are read."""

_HEADERS = ("From", "Subject", "Date", "MIME-Version", "Content-Type", "Received")
"""What tells a mail from a body that begins with a word and a colon."""

Answers = Callable[[Any], Mapping[str, object]]

_file = click.option(
    "--file",
    "path",
    default="-",
    show_default="standard input",
    metavar="PATH",
    help="What to read; - is standard input.",
)


@click.group()
def join() -> None:
    """Find the way into a meeting, and say why that one."""


@join.command()
@_file
@click.option("--jsonl", is_flag=True, help="Read one case a line, answer one a line.")
@common_options
def test(frame: Frame, *, path: str, jsonl: bool) -> int:
    r"""Show what is found in an invitation: every candidate by rank, and the rule that wins.

    Reads a mail (.eml), iCalendar, HTML or plain text. The join_rules of the configuration count, where there is one.

    With --jsonl each line is {"kind", "input"}, and each answer is {"service", "link", "sip", "meeting_id",
    "passcode", "rule"}, null where there is none. Kinds and their inputs:

    \b
    url           one address, as a string
    event, sip    {"location", "body", "body_type": "HTML"|"Text", "url", "conference_url", "summary",
                  "custom_regexes": [...], "known_domains": [...]}, each may be left out
    google_event  parts of a Google event: {"summary", "location", "description", "hangoutLink", "conferenceData"}
    ics           {"ics": [content lines, folded or not]}
    ics_text      {"body": one escaped iCalendar text}
    dial_string   what is dialled, as a string
    dest          the same, told by its type: sip, tel, or a link's service
    allowlist     {"fields": [texts], "known_domains": [Jitsi servers]}
    """
    rules = _rules(frame)
    if jsonl:
        return _table(path, lambda case: answer(case, rules), NOTHING)
    return _shown(frame, find(_evidence(_read(path)), rules))


@join.command("unwrap")
@_file
@click.option("--jsonl", is_flag=True, help="Read one case a line, answer one a line.")
@common_options
def unwrap_(frame: Frame, *, path: str, jsonl: bool) -> int:
    """Undo links that mail gateways rewrote, in a running text.

    With --jsonl each line is {"input", "text": bool, "html": bool}, and each answer {"output"}. Without "text" the
    input is one address; with "html" it stands in the source of a page, where & is written &amp;. An "option" of
    "unquote" percent-decodes what comes out. What is not rewritten, damaged, or can't be read offline (Mimecast) comes
    back as it is.
    """
    if jsonl:
        return _table(path, _unwrapped, {"output": None})
    frame.out.text(unwrap_text(_text_of(_read(path))).removesuffix("\n"))
    return 0


def _rules(frame: Frame) -> JoinRules:
    """Of the configuration; where there is none and none was named, the shipped ones alone. Raises ConfigError."""
    if frame.config_path == DEFAULT_PATH and not DEFAULT_PATH.exists():
        return join_rules()
    return joining(frame.load().config)


def _unwrapped(case: Any) -> Mapping[str, object]:
    given = case.get("input") if isinstance(case, dict) else None
    if not isinstance(given, str):
        raise BadCase('a case is an object with "input", a string')
    undo = unwrap_text if case.get("text") else unwrap_html if case.get("html") else unwrap
    output = undo(given)
    return {"output": unquote(output) if case.get("option") == "unquote" else output}


# --- reading -------------------------------------------------------------------------------------


def _table(path: str, answers: Answers, nothing: Mapping[str, object]) -> int:
    """Answer line by line; a line that is no case is answered with what is wrong with it, and the code is 1."""
    code = 0
    with _opened(path) as file:
        for line in _lines(file):
            try:
                found = answers(json.loads(line))
            except (BadCase, ValueError, RecursionError) as error:
                found, code = {**nothing, "error": str(error)}, 1
            print(json.dumps(found, ensure_ascii=False), flush=True)
    return code


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines that say something. Raises UsageRefused for one beyond all measure."""
    while line := file.readline(LONGEST_FILE):
        if len(line) == LONGEST_FILE:
            raise UsageRefused(f"a line is longer than {LONGEST_FILE} bytes; this is no table of cases")
        if line.strip():
            yield line.decode("utf-8", "replace")


def _opened(path: str) -> BinaryIO:
    if path == "-":
        return sys.stdin.buffer
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise NotFound(
            f"{path} can't be read ({error.strerror}); name a file, or - for standard input"
        ) from None


def _read(path: str) -> bytes:
    with _opened(path) as file:
        return file.read(LONGEST_FILE)


def _text_of(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _evidence(data: bytes) -> Evidence:
    """What a file says: a calendar, a mail with or without one, or a body."""
    text = _text_of(data)
    if text.lstrip("\ufeff \r\n").upper().startswith("BEGIN:VCALENDAR"):
        return of_icalendar(text)
    message = BytesParser(policy=email.policy.default).parsebytes(data)
    if not any(name in message for name in _HEADERS):
        return (Passage(Place.BODY, text),)
    return tuple(_mail(message))


def _mail(message: EmailMessage) -> Iterator[Passage]:
    """The calendar of a mail first: it says what stands where."""
    kinds = {"text/calendar": 0, "text/html": 1, "text/plain": 2}
    parts = [part for part in message.walk() if part.get_content_type() in kinds]
    for part in sorted(parts, key=lambda one: kinds[one.get_content_type()]):
        text = _content(part)
        if part.get_content_type() == "text/calendar":
            yield from of_icalendar(text)
        else:
            yield Passage(Place.BODY, text[:LONGEST], is_html=part.get_content_type() == "text/html")
    yield Passage(Place.SUBJECT, str(message["Subject"] or ""), is_html=False)


def _content(part: EmailMessage) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset("utf-8"), "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


# --- showing -------------------------------------------------------------------------------------


def _shown(frame: Frame, found: Finding) -> int:
    if frame.out.json:
        frame.out.data(_document(found))
        return 0 if found.join else 1
    rows: list[tuple[object, ...]] = [
        (rank, one.service, one.url, one.rule, one.meeting_id, one.passcode)
        for rank, one in enumerate(found.links, 1)
    ]
    rows += [("-", room.service or "sip", room.address, room.rule, None, None) for room in found.rooms]
    if rows:
        frame.out.table(("rank", "service", "address", "rule", "meeting id", "passcode"), rows)
    for address in found.illegible:
        frame.out.warn(_hidden(address))
    return _verdict(frame, found)


def _verdict(frame: Frame, found: Finding) -> int:
    if found.join is None:
        frame.out.text("no way in was found")
        return 1
    frame.out.text("")
    frame.out.record(
        {
            "join": found.join.url,
            "service": found.join.service,
            "video address": found.join.sip,
            "meeting id": found.join.meeting_id,
            "passcode": found.join.passcode,
            "by": found.join.rule,
        }
    )
    return 0


def _hidden(address: str) -> str:
    domain = illegible(address)
    leads = f"; it says it leads to {domain}" if domain else ""
    return f"Mimecast rewrote a link so that it can't be read here{leads}: {address}"


def _document(found: Finding) -> Mapping[str, object]:
    join = found.join
    return {
        "join": {name: getattr(join, name) for name in join.__slots__} if join else None,
        "candidates": [
            {"service": one.service, "link": one.url, "rule": one.rule, "place": one.place.words}
            for one in found.links
        ],
        "video": [
            {"service": room.service, "address": room.address, "rule": room.rule} for room in found.rooms
        ],
        "illegible": list(found.illegible),
    }
