"""Join blocks after mail programs, servers and gateways have been at the body: found, replaced, taken out."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.meeting.invitation import Invitations, Standing, Written
from connector.meeting.invitation.wording import SHIPPED
from connector.model import JoinDetails, Phone
from tests.unit.meeting import mangling
from tests.unit.meeting.mangling import Body, Transform

INVITATIONS = Invitations()
LANGUAGES = sorted(SHIPPED)
FIRST = JoinDetails(
    url="https://meet.example.com/join?room=a&token=b_c-d",
    meeting_id="123 456 789",
    passcode="Ab'1-2",
    sip="123456789@meet.example.com",
    h323="192.0.2.1##123456789",
    phones=(Phone("+46 8 123 456 78", "Stockholm"), Phone("+1 (555) 010-0100", "New York")),
    access_code="123456789#",
    global_numbers_url="https://meet.example.com/numbers",
)
SECOND = JoinDetails(url="https://meet.example.com/another", meeting_id="987654321")
PAGE = (
    "<!DOCTYPE html>\n<html><head><style>p {margin: 0}</style><title>T</title></head><body class=a>\n"
    "<p>Hello all,<br>let's <b>talk</b> -- see <a href='https://wiki.example.com/a?b=1&amp;c=2'>the page</a>.</p>"
    '<p><img src="cid:image001.png@01D9" width=10> Best&nbsp;regards</p>{block}<p>P.S. It says "two" things.</p>'
    "<ul><li>one<li>two</ul>\n</body></html>"
)
PLAIN = "Hello all,\nlet's talk - see https://wiki.example.com/a?b=1 now.\n\nRegards -{block}\n\nP.S. It says two.\n"


def written(is_html: bool, language: str) -> tuple[Body, str]:
    """A body with a block that was written before the user went on below it, and the marker."""
    before, after = (PAGE if is_html else PLAIN).split("{block}")
    put = INVITATIONS.put(before + ("" if is_html else "\n"), FIRST, language, is_html=is_html)
    assert isinstance(put, Written)
    return Body(put.body + after, is_html), put.digest


def without_block(body: Body, text: str) -> str:
    """The words of a body without a block's, whose first place counts."""
    squeezed = "".join(text.split())
    whole = mangling.words(body)
    assert squeezed in whole
    before, _, after = whole.partition(squeezed)
    return before + after


def check(body: Body, marker: str) -> None:
    """Find, take out and replace, each leaving everything else as it is."""
    block = INVITATIONS.find(body.source, marker, is_html=body.is_html)
    assert block is not None
    assert block.standing is Standing.AS_WRITTEN
    rest = without_block(body, visible(block.text))
    removed = Body(INVITATIONS.remove(body.source, marker, is_html=body.is_html), body.is_html)
    assert mangling.words(removed) == rest
    check_spliced(body, removed)
    replaced = INVITATIONS.put(body.source, SECOND, "fr", marker=marker, is_html=body.is_html)
    assert isinstance(replaced, Written)
    again = INVITATIONS.find(replaced.body, replaced.digest, is_html=body.is_html)
    assert again is not None
    assert again.standing is Standing.AS_WRITTEN
    assert SECOND.url in again.text
    now = Body(replaced.body, body.is_html)
    assert without_block(now, visible(again.text)) == rest
    assert (
        INVITATIONS.put(replaced.body, SECOND, "fr", marker=replaced.digest, is_html=body.is_html) == replaced
    )


def visible(text: str) -> str:
    """A block's words as lxml shows them."""
    return text.replace("\ufffc", "")


def check_spliced(body: Body, removed: Body) -> None:
    """What is left is what stood before and behind, letter by letter; between them nothing but halves of elements."""
    head = common_start(body.source, removed.source)
    rest = removed.source[head:]
    while rest and not body.source.endswith(rest):
        between = re.match(r"<[^>]*>|\s|&nbsp;|<[^>]*\Z", rest)
        assert between is not None
        rest = rest[between.end() :]
    if body.is_html:
        users = [each for each in mangling.addresses(body) if "wiki.example.com" in each or "cid:" in each]
        assert mangling.addresses(removed) == users


def common_start(one: str, other: str) -> int:
    """The number of letters both begin with, back to the beginning of a tag."""
    length = next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    opened = one.rfind("<", 0, length)
    return opened if opened > one.rfind(">", 0, length) else length


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("transform", mangling.OF_HTML, ids=lambda one: one.__name__)
def test_a_block_in_html_survives(transform: Transform, language: str) -> None:
    """Every transform of HTML, in every language."""
    body, marker = written(True, language)
    check(transform(body), marker)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("transform", mangling.TO_TEXT, ids=lambda one: one.__name__)
def test_a_block_survives_the_way_to_text(transform: Transform, language: str) -> None:
    """A block that was written in HTML is found in plain text by the same marker."""
    body, marker = written(True, language)
    check(transform(body), marker)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("transform", mangling.OF_TEXT, ids=lambda one: one.__name__)
def test_a_block_in_text_survives(transform: Transform, language: str) -> None:
    """A block that was written in plain text, wrapped or made HTML."""
    body, marker = written(False, language)
    check(transform(body), marker)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    language=st.sampled_from(LANGUAGES),
    chain=st.lists(st.sampled_from(mangling.OF_HTML), min_size=1, max_size=4),
    last=st.sampled_from([None, *mangling.TO_TEXT]),
)
def test_a_block_survives_one_transform_after_another(
    language: str, chain: list[Transform], last: Transform | None
) -> None:
    """In any order."""
    body, marker = written(True, language)
    for transform in [*chain, *([last] if last else [])]:
        body = transform(body)
    check(body, marker)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    language=st.sampled_from(LANGUAGES),
    before=st.lists(st.sampled_from(mangling.OF_HTML), max_size=2),
    forwarding=st.sampled_from(mangling.FORWARDING),
    after=st.lists(st.sampled_from(mangling.OF_HTML), max_size=2),
    last=st.sampled_from([None, *mangling.TO_TEXT]),
)
def test_a_forwarded_copy_stays_whatever_happens_to_it(
    language: str,
    before: list[Transform],
    forwarding: Transform,
    after: list[Transform],
    last: Transform | None,
) -> None:
    """The topmost block is the own one; the copy below it is the same before and after."""
    body, marker = written(True, language)
    for transform in [*before, forwarding, *after, *([last] if last else [])]:
        body = transform(body)
    block = INVITATIONS.find(body.source, marker, is_html=body.is_html)
    assert block is not None
    assert block.standing is Standing.AS_WRITTEN
    removed = Body(INVITATIONS.remove(body.source, marker, is_html=body.is_html), body.is_html)
    assert mangling.words(removed) == without_block(body, visible(block.text))
    assert mangling.words(removed).count("~-~-~-~") == mangling.words(body).count("~-~-~-~") / 2
