"""How long finding the way into a meeting takes, against parsing the same body with lxml alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from lxml import html

from connector.meeting.enrich import join_rules
from connector.meeting.joinlink import JoinRules, Passage, Place, find
from connector.meeting.joinlink.reading import interest
from connector.meeting.joinlink.video import video_addresses
from connector.meeting.scan import Scan
from connector.meeting.text import readable
from connector.meeting.unwrap import unwrap
from scripts.benchmarks.rows import Row

ROUNDS = 25
BYTES = 1_000_000

_SENTENCE = "we meet in the small room on the second floor and go through the list of open points once more "
_LINK = "https://teams.microsoft.com/meet/247400650941423?p=HuTojqAbCd"
_BLOCK = (
    '<hr><p>Microsoft Teams meeting</p><p><a href="https://eur01.safelinks.protection.outlook.com/?url='
    'https%3A%2F%2Fteams.microsoft.com%2Fmeet%2F247400650941423%3Fp%3DHuTojqAbCd&amp;data=05">Join the meeting</a></p>'
    "<p>Meeting ID: 247 400 650 941 423<br>Passcode: fCdXGR</p>"
    '<p><a href="https://www.webex.com/msteams?confid=1178331335&amp;tenantkey=acme&amp;domain=m.webex.com">More</a></p>'
)


def _letter() -> str:
    """A long mail as Word writes it: style in every paragraph, a link in every eighth."""
    paragraphs, size = [], 0
    for number in range(BYTES):
        words = (_SENTENCE * 3)[number % 40 : number % 40 + 220]
        link = (
            f' <a href="https://intranet.example.com/page/{number}?a=1&amp;b=2">here</a>'
            if number % 8 == 0
            else ""
        )
        paragraphs.append(
            '<p class="MsoNormal" style="margin:0cm;font-size:11.0pt;font-family:Calibri,sans-serif">'
            f"<span lang=EN-US>{words}{link}<o:p></o:p></span></p>\r\n"
        )
        size += len(paragraphs[-1])
        if size >= BYTES - len(_BLOCK):
            break
    return f"<html><body>{''.join(paragraphs)}{_BLOCK}</body></html>"


def _links() -> str:
    """The same size made of paragraphs that hold little but links."""
    rows = (
        f'<p>Item {n}: <a href="https://example.com/{n}">one</a>, https://example.org/{n}</p>'
        for n in range(12_000)
    )
    return f"<html><body>{''.join(rows)}{_BLOCK}</body></html>"


def _hostile() -> str:
    """Plain text that asks for the most work: links of known services, cut off and glued together."""
    return ("https://zoom.us/j/1)https://teams.microsoft.com/meet/,sip:a@b.example Passcode: " * 20_000)[
        :BYTES
    ]


def _plain(sentence: str) -> str:
    """A single text without tags, full of signs that could belong to an address, and the link at its end."""
    return (sentence * (BYTES // len(sentence)))[: BYTES - len(_LINK) - 1] + f" {_LINK}"


PLAIN = {
    "1 MB of words": "we meet in the small room on the 2nd floor. ",
    "1 MB of dots and slashes": "see a.b.c/d and x.y/z in foo.bar/baz.html, then c:/temp/e.f; ",
    "1 MB of mail addresses": "bob@corp.example.org and alice.x@corp.example.com, ",
    "1 MB of hosts without scheme": "www.example.com/a/b.c/d ",
    "1 MB of bare links": "https://www.example.com/a/b ",
}


def run(*, full: bool) -> list[Row]:
    """Rows of (bench, metric, value, unit, baseline, baseline value, ratio); times are medians of interleaved rounds."""
    del full
    rules = join_rules()
    rows = _body("1 MB letter", _letter(), rules) + _body("1 MB of links", _links(), rules)
    for name, sentence in PLAIN.items():
        rows += _body(name, _plain(sentence), rules)
    hostile = _medians({"all": lambda: _found(_hostile(), rules, is_html=False)})["all"]
    return [*rows, _row("1 MB hostile text", "time", hostile * 1e3, "ms"), *_unwrapping()]


def _body(name: str, body: str, rules: JoinRules) -> list[Row]:
    if not _found(body, rules, is_html=True):
        raise AssertionError(f"{name}: the link was not found")
    text = readable(body, is_html=True)
    took = _medians(
        {
            "lxml": lambda: html.document_fromstring(body),
            "all": lambda: _found(body, rules, is_html=True),
            "text": lambda: readable(body, is_html=True),
            "scan": lambda: _scanned(text, rules),
            "video": lambda: list(video_addresses(text)),
        }
    )
    parsed, whole = took["lxml"], took["all"]
    shares = {"text": took["text"], "scan": took["scan"], "video addresses": took["video"]}
    shares["rules, ranking, labels"] = max(0.0, whole - sum(shares.values()))
    return [
        _row(name, "time", whole * 1e3, "ms", "lxml.html.document_fromstring", parsed * 1e3),
        _row(name, "throughput", len(body) / 1e6 / whole, "MB/s", "lxml.html.document_fromstring", len(body) / 1e6 / parsed),
        *(_row(name, f"share of {stage}", 100 * part / whole, "%") for stage, part in shares.items()),
    ]  # fmt: skip


def _unwrapping() -> list[Row]:
    address = "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fzoom.us%2Fj%2F1&data=05"
    took = _medians({"unwrap": lambda: [unwrap(address) for _ in range(1000)]})["unwrap"]
    return [_row("unwrap SafeLinks", "throughput", 1000 / took, "links/s")]


def _found(body: str, rules: JoinRules, *, is_html: bool) -> bool:
    join = find((Passage(Place.BODY, body, is_html=is_html),), rules).join
    return join is not None and join.url == _LINK


def _scanned(text: str, rules: JoinRules) -> None:
    Scan(text, interest(rules.catalogue)).bare()


def _medians(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds for each job; the jobs take turns, so that a busy machine is unkind to all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(ROUNDS):
        for name, job in jobs.items():
            start = time.perf_counter()
            job()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in times.items()}


def _row(
    bench: str,
    metric: str,
    value: float,
    unit: str,
    baseline: str | None = None,
    baseline_value: float | None = None,
) -> Row:
    return Row(f"joinlinks: {bench}", metric, value, unit, baseline, baseline_value)
