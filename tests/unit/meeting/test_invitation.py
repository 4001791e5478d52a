"""Join blocks in bodies: where they go, what becomes of them, and what is left alone."""

from __future__ import annotations

import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ConfigError
from connector.meeting.enrich import join_rules
from connector.meeting.invitation import Invitations, Left, Parts, Standing, Written
from connector.meeting.invitation.details import SAMPLE, callable_number, is_safe
from connector.meeting.invitation.invitations import LONGEST
from connector.meeting.invitation.shape import EDGE, FOOT
from connector.meeting.invitation.wording import SHIPPED
from connector.meeting.joinlink import Passage, Place, find
from connector.model import JoinDetails, Phone
from connector.reasons import REASONS
from tests.unit.meeting import mangling
from tests.unit.meeting.mangling import Body

INVITATIONS = Invitations()
REPLACING = Invitations(existing_link="replace")
OTHER = JoinDetails(url="https://meet.example.com/other")
HTML = "<html><body><p>Hello</p></body></html>"


def put(body: str, details: JoinDetails = SAMPLE, language: str = "en", **more: object) -> Written:
    """Write, and expect that it was written."""
    found = INVITATIONS.put(body, details, language, **more)  # type: ignore[arg-type]
    assert isinstance(found, Written)
    return found


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", sorted(SHIPPED))
def test_both_forms_say_the_same(language: str) -> None:
    """A marker made of HTML holds for the plain text it becomes."""
    assert put("", language=language).digest == put("", language=language, is_html=False).digest


@pytest.mark.parametrize("is_html", [True, False])
@pytest.mark.parametrize("language", sorted(SHIPPED))
def test_our_own_rules_read_the_block(language: str, is_html: bool) -> None:
    """Link, id and passcode of a block are found again as those of any invitation, in every language."""
    details = replace(
        SAMPLE, url="https://meet.jit.si/OurOwnRoom", access_code="", phones=(), global_numbers_url=""
    )
    body = put("", details, language, is_html=is_html).body
    join = find((Passage(Place.BODY, body, is_html=is_html),), join_rules()).join
    assert join is not None
    assert (join.url, join.passcode) == (details.url, "Ab12")


@pytest.mark.parametrize("language", ["ar", "he"])
def test_right_to_left_is_said(language: str) -> None:
    """The block reads from right to left, numbers and addresses in it from left to right."""
    page = put("", language=language).body
    assert page.startswith(f'<div dir="rtl" lang="{language}"')
    assert '<span dir="ltr" style="unicode-bidi:isolate">123 456 789</span>' in page
    assert "\u2066123 456 789\u2069" in put("", language=language, is_html=False).body


def test_left_to_right_needs_no_isolates() -> None:
    """Nobody copies an invisible sign with a passcode."""
    assert "\u2066" not in put("", is_html=False).body


def test_everything_that_is_known_is_written() -> None:
    """The link, ids, codes, numbers with their places, the page of all numbers, addresses for video devices."""
    text = put("", is_html=False).body
    assert text.splitlines() == [
        f"{EDGE} Join the meeting {EDGE}",
        "https://meet.example.com/room",
        "Meeting ID: 123 456 789",
        "Passcode: Ab12",
        "",
        "Dial in by phone",
        "+46 8 123 456 78 (Stockholm)",
        "+44 20 1234 5678",
        "Access code: 123456789",
        "Passcode: 4711",
        "Numbers in other countries: https://meet.example.com/numbers",
        "",
        "Join from a video device",
        "SIP: 123456789@meet.example.com",
        "H.323: 192.0.2.1##123456789",
        "Passcode: 4711",
        FOOT,
    ]


@pytest.mark.parametrize("is_html", [True, False])
def test_a_passcode_of_devices_stands_with_the_devices(*, is_html: bool) -> None:
    """Below telephones and video addresses; not where there are none, nor where it is that of everybody."""
    sip = JoinDetails(OTHER.url, passcode="Ab12", sip="1@x.example", video_passcode="4711")
    body = put("", sip, is_html=is_html).body
    assert body.index("Ab12") < body.index("1@x.example") < body.index("4711")
    assert put("", replace(sip, video_passcode="Ab12"), is_html=is_html).body.count("Ab12") == 1
    assert "4711" not in put("", replace(sip, sip=""), is_html=is_html).body


def test_a_link_alone_makes_a_short_block() -> None:
    """No heading without anything below it."""
    assert put("", OTHER, is_html=False).body.splitlines()[1:-1] == ["https://meet.example.com/other"]


def test_parts_can_be_left_out() -> None:
    """Telephones and video devices, as configured."""
    made = Invitations(parts=Parts(phone=False, video=False)).put("", SAMPLE, "en", is_html=False)
    assert isinstance(made, Written)
    assert made.body.splitlines()[2:-1] == ["Meeting ID: 123 456 789", "Passcode: Ab12"]


def test_details_are_escaped() -> None:
    """What a service or a directory says is text."""
    made = put("", replace(SAMPLE, passcode="<b>&'\"", phones=(Phone("1", "<i>A</i>"),)))
    assert "<b>" not in made.body
    assert "&lt;b&gt;&amp;&#39;&#34;" in made.body
    assert "<i>" not in made.body


@pytest.mark.parametrize(
    "details",
    [
        JoinDetails("javascript:alert(1)"),
        JoinDetails("ftp://example.com/x"),
        JoinDetails("https://"),
        JoinDetails("https://u@example.com/"),
        JoinDetails("https://example.com/a b"),
        JoinDetails('https://example.com/"onclick="x'),
        JoinDetails("https://example.com/\n"),
        JoinDetails(f"https://example.com/{'a' * 3000}"),
        JoinDetails(""),
        replace(SAMPLE, passcode="a\nb"),
        replace(SAMPLE, meeting_id="1" * 300),
        replace(SAMPLE, passcode=FOOT),
        replace(SAMPLE, passcode="~ - ~"),
        replace(SAMPLE, global_numbers_url="tel:+123"),
        replace(SAMPLE, phones=(Phone("1", "a\x00b"),)),
    ],
)
def test_unsafe_details_are_not_written(details: JoinDetails) -> None:
    """Other kinds of address, control characters, what is endless, and what would end the block early."""
    assert INVITATIONS.put(HTML, details, "en") is Left.UNSAFE


@pytest.mark.parametrize(
    "url", ["https://example.com/a?b=1&c=2#d", "http://[2001:db8::1]/x", "sip:a@b.example", "tel:+4681234"]
)
def test_addresses_that_open_a_meeting_are_written(url: str) -> None:
    """http, https, sip and tel."""
    assert is_safe(JoinDetails(url))


@pytest.mark.parametrize(
    ("number", "link"),
    [
        ("+46 (0)8-123 45", "tel:+46812345"),
        ("08 12 34", "tel:081234"),
        ("+1,,12#", "tel:+1,,12#"),
        ("reception", ""),
    ],
)
def test_numbers_can_be_called(number: str, link: str) -> None:
    """As RFC 3966 has them, without the zero in brackets."""
    assert callable_number(number) == link


def test_no_more_numbers_than_a_screen_holds() -> None:
    """The page of all numbers holds the rest."""
    phones = tuple(Phone(f"+46 8 {number:04}") for number in range(50))
    assert put("", replace(SAMPLE, phones=phones), is_html=False).body.count("+46 8 ") == 20


# --- where it goes, and what it leaves ------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<p>Hello</p>",
        HTML,
        "<html><body></body></html>",
        "<HTML><BODY>Hello<p>you</BODY></HTML>\r\n",
        "<html><p>Hello</html>",
        "<div><p>Hello</div> and <b>more",
        "<body><!-- </body> --><script>'</body>'</script>Hello</body>",
        "a < b and <img src='cid:1'> &amp; &unknown; \x00 <",
        "<p>Hello</p><blockquote><p>cited</p></blockquote>",
        "<body><p></body>",
        "<body><div> </div><td></body>",
        "<div><b>From:</b> Bo<br><b>Sent:</b> now<br><b>Subject:</b> x</div>",
        "<p>Hello</p><div class=a><p><b>Fr&aring;n:</b> Bo<br><b>&Auml;mne:</b> x</p></div>",
    ],
)
def test_what_is_taken_out_again_leaves_no_trace_in_html(body: str) -> None:
    """Letter by letter."""
    made = put(body)
    assert made.body != body
    assert INVITATIONS.remove(made.body, made.digest) == body


@pytest.mark.parametrize(
    "body",
    [
        "",
        "\n",
        "Hello",
        "Hello\n",
        "Hello\r\n\r\n",
        " \r\n",
        "> cited",
        "Hello\n\n> cited\n",
        "\n> x",
        "Hello\r\nFrom: Bo\r\nSubject: x\r\n",
    ],
)
def test_what_is_taken_out_again_leaves_no_trace_in_text(body: str) -> None:
    """Letter by letter."""
    made = put(body, is_html=False)
    assert INVITATIONS.remove(made.body, made.digest, is_html=False) == body


_TAGS = "<p> </p> <div/class=x> </div> <br> <b> </b> <td> <blockquote> </blockquote> <!--x--> <body> </body> <img/src=cid:1>"
_REST = "a &amp; < > ~ - ~-~-~-~ <script> </script> From:x Subject:y"
PIECES = st.sampled_from([*_TAGS.split(), *_REST.split(), " ", "\r\n"])


@given(st.lists(PIECES, max_size=30).map("".join))
def test_any_page_is_whole_again_without_the_block(body: str) -> None:
    """Whatever the page is made of."""
    made = INVITATIONS.put(body, SAMPLE, "sv")
    if isinstance(made, Written) and INVITATIONS.find(made.body, made.digest):
        assert INVITATIONS.remove(made.body, made.digest) == body


@given(st.text(st.sampled_from("ab \r\n>~-:"), max_size=40))
def test_any_text_is_whole_again_without_the_block(body: str) -> None:
    """Whatever the text is made of; a line end alone is the exception that costs nothing to be exact about."""
    made = INVITATIONS.put(body, SAMPLE, "sv", is_html=False)
    if isinstance(made, Written) and INVITATIONS.find(made.body, made.digest, is_html=False):
        assert INVITATIONS.remove(made.body, made.digest, is_html=False) == body


@given(body=st.text(string.printable + "<>&;~-/", max_size=200), is_html=st.booleans())
def test_any_body_can_be_looked_at(body: str, is_html: bool) -> None:
    """Nothing raises, and what holds no block stays as it is."""
    block = INVITATIONS.find(body, is_html=is_html)
    if block is None:
        assert INVITATIONS.remove(body, is_html=is_html) == body


def test_the_block_stands_behind_the_users_words() -> None:
    """Inside the page."""
    assert put(HTML).body.startswith("<html><body><p>Hello</p><div")
    assert put(HTML).body.endswith("</div></body></html>")


@pytest.mark.parametrize("quoting", mangling.FORWARDING, ids=lambda one: one.__name__)
@pytest.mark.parametrize("is_html", [True, False])
def test_a_new_block_stands_before_a_quoted_mail(quoting: mangling.Transform, is_html: bool) -> None:
    """The words of somebody else come last."""
    body = quoting(Body(HTML if is_html else "Hello", is_html))
    made = put(body.source, is_html=is_html).body
    assert made.index("Hello") < made.index(EDGE) < made.rindex("Hello")


@pytest.mark.parametrize("quoting", mangling.FORWARDING, ids=lambda one: one.__name__)
@pytest.mark.parametrize("is_html", [True, False])
def test_a_forwarded_copy_stays_as_it_is(quoting: mangling.Transform, is_html: bool) -> None:
    """Only the own block is replaced or taken out; without one the copy is not taken for it."""
    own = put(HTML if is_html else "Hello", is_html=is_html)
    body = quoting(Body(own.body, is_html)).source
    copy = body[body.index(FOOT) + len(FOOT) :]
    changed = INVITATIONS.put(body, OTHER, "sv", marker=own.digest, is_html=is_html)
    assert isinstance(changed, Written)
    assert changed.body.endswith(copy)
    assert changed.body.count(SAMPLE.meeting_id) == 1
    removed = INVITATIONS.remove(body, own.digest, is_html=is_html)
    assert removed.count(SAMPLE.meeting_id) == 1
    assert INVITATIONS.find(removed, is_html=is_html) is None
    again = INVITATIONS.put(removed, OTHER, "sv", is_html=is_html)
    assert isinstance(again, Written)
    assert again.body.index(OTHER.url) < again.body.index(SAMPLE.meeting_id)


def test_below_a_mails_head_the_marker_decides() -> None:
    """A user who pastes a mail above the block does not get a second one."""
    own = put("Hello", is_html=False)
    body = "From: Bo\nSent: now\nSubject: x\n\n" + own.body
    block = INVITATIONS.find(body, own.digest, is_html=False)
    assert block is not None
    assert block.standing is Standing.AS_WRITTEN
    assert INVITATIONS.find(body, is_html=False) is None


def test_the_marker_tells_the_own_block_from_a_pasted_one() -> None:
    """Even when the other one stands above."""
    pasted, own = put("", OTHER), put(HTML)
    body = own.body.replace("<p>Hello</p>", f"<p>Hello</p>{pasted.body}")
    assert INVITATIONS.remove(body, own.digest) == HTML.replace("<p>Hello</p>", f"<p>Hello</p>{pasted.body}")


def test_the_same_block_is_not_written_again() -> None:
    """The body comes back as it is, so that nobody is mailed for nothing."""
    made = put(HTML)
    assert put(made.body, marker=made.digest) == made


def test_a_block_in_another_language_is_another_block() -> None:
    """It is replaced where it stands."""
    made = put(HTML)
    changed = put(made.body.replace("</body>", "<p>P.S.</p></body>"), language="de", marker=made.digest)
    assert changed.body.index(
        "Teilnehmen" if "Teilnehmen" in changed.body else "teilnehmen"
    ) < changed.body.index("P.S.")
    assert "Join the meeting" not in changed.body


def test_the_digest_can_be_known_beforehand() -> None:
    """What put would write into the item's marker."""
    assert INVITATIONS.digest(SAMPLE, "ja") == put(HTML, language="ja").digest
    with pytest.raises(ValueError, match="can't be written"):
        INVITATIONS.digest(JoinDetails("x:y"), "ja")


# --- edits ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Ab12", "Ab13"),
        ('</p><p style="margin:0">Passcode', "</p><p>Please be on time.</p><p>Passcode"),
        ("Join the meeting", "Join us"),
        (FOOT, ""),
        (f"{EDGE} Join the meeting {EDGE}", "Join the meeting"),
        ("Passcode: ", "<img src=cid:2>Passcode: "),
        ("Stockholm", ""),
        ("https://meet.example.com/room</a>", "https://meet.example.com/mine</a>"),
    ],
)
def test_an_edited_block_is_left_alone(old: str, new: str) -> None:
    """Changed, added to, taken from, or with an edge gone: it is the user's now."""
    made = put(HTML)
    edited = made.body.replace(old, new, 1)
    assert edited != made.body
    block = INVITATIONS.find(edited, made.digest)
    assert block is not None
    assert block.standing is Standing.EDITED
    assert INVITATIONS.remove(edited, made.digest) == edited
    assert INVITATIONS.put(edited, OTHER, "en", marker=made.digest) is Left.EDITED


def test_a_block_without_a_marker_is_unmarked() -> None:
    """As on a copy of the meeting: it can be replaced."""
    block = INVITATIONS.find(put(HTML).body)
    assert block is not None
    assert block.standing is Standing.UNMARKED
    assert SAMPLE.url not in put(put(HTML).body, OTHER).body


def test_words_beside_the_block_stay() -> None:
    """On the same line as its edges, in the same paragraph."""
    made = put("", OTHER)
    joined = made.body.replace(f">{EDGE}", f">Now: {EDGE}", 1).replace(f"{FOOT}<", f"{FOOT} or later<")
    assert mangling.words(Body(INVITATIONS.remove(joined, made.digest))) == "Now:orlater"


# --- join details of others -----------------------------------------------------------------------

TEAMS_BLOCK = (
    f"<p>{'_' * 80}</p><p>Microsoft Teams meeting</p><p><a href='https://teams.microsoft.com/meet/247400650941423?p=Hu'>"
    f"Join</a></p><p>Meeting ID: 247 400 650 941 423</p><p>{'_' * 80}</p>"
)


@pytest.mark.parametrize(
    ("body", "service"),
    [
        (TEAMS_BLOCK, "teams"),
        ("<p>https://acme.webex.com/meet/ann</p>", "webex"),
        ("<a href='https://zoom.us/j/123456789?pwd=x'>here</a>", "zoom"),
        ("https://meet.google.com/abc-defg-hij", "google_meet"),
        ("<p>Dial 123456@acme.webex.com</p>", "webex"),
        ("<p>sip:room@example.com</p>", "sip"),
        ("<p>Hello</p>", None),
        ("<p>bob@example.com</p>", None),
        ("<p>Hello</p><blockquote>https://zoom.us/j/123456789</blockquote>", None),
        ("<p>From: Bo</p><p>Subject: x</p>https://zoom.us/j/123456789", None),
    ],
)
def test_join_details_of_others_are_seen(body: str, service: str | None) -> None:
    """Links and video addresses of known services; not what stands in a quoted mail."""
    assert INVITATIONS.foreign(body) == service
    if service:
        assert INVITATIONS.put(body, SAMPLE, "en") is Left.LINK_THERE


def test_the_own_block_is_nobody_elses() -> None:
    """Not even where the service is known."""
    details = replace(SAMPLE, url="https://acme.webex.com/meet/ann", sip="ann@acme.webex.com")
    assert INVITATIONS.foreign(put(HTML, details).body) is None


def test_a_fenced_block_of_others_gives_way() -> None:
    """Where the configuration says replace."""
    made = REPLACING.put(f"<body><p>Hello</p>{TEAMS_BLOCK}<p>Bye</p></body>", SAMPLE, "en")
    assert isinstance(made, Written)
    assert "teams.microsoft.com" not in made.body
    assert "____" not in made.body
    assert REPLACING.remove(made.body, made.digest) == "<body><p>Hello</p><p>Bye</p></body>"


@pytest.mark.parametrize(
    ("body", "is_html"),
    [
        (
            "<html><body>\r\n<div><p>Or <a href='https://zoom.us/j/123456789'>Zoom</a></p></div></body></html>",
            True,
        ),
        ("<p>Or https://zoom.us/j/123456789</p>", True),
        ("https://zoom.us/j/123456789", True),
        ("Or https://zoom.us/j/123456789\n", False),
        ("\r\n  Or https://zoom.us/j/123456789", False),
    ],
)
def test_ours_stands_before_a_link_that_stays(body: str, is_html: bool) -> None:
    """Nobody can tell where a user's own sentence ends; ours is the first, so that it is the one that counts."""
    details = replace(SAMPLE, url="https://acme.webex.com/meet/ann", sip="")
    made = REPLACING.put(body, details, "en", is_html=is_html)
    assert isinstance(made, Written)
    assert made.body.index("acme.webex.com") < made.body.index("zoom.us")
    assert REPLACING.remove(made.body, made.digest, is_html=is_html) == body
    join = find((Passage(Place.BODY, made.body, is_html=is_html),), join_rules()).join
    assert join is not None
    assert join.url == details.url


# --- limits, languages, settings ------------------------------------------------------------------


@pytest.mark.parametrize("body", ["a" * (LONGEST + 1), "å" * (LONGEST // 2 + 1)])
def test_a_body_above_the_limit_is_left_alone(body: str) -> None:
    """By its bytes in UTF-8."""
    assert INVITATIONS.put(body, SAMPLE, "en") is Left.TOO_LARGE
    assert INVITATIONS.find(body) is None
    assert INVITATIONS.remove(body) == body
    assert INVITATIONS.foreign(body) is None


def test_a_body_is_written_as_long_as_the_block_fits() -> None:
    """What was written can be found again: the limit is for the whole."""
    fits = put("a" * (LONGEST - 2_000), is_html=False)
    assert INVITATIONS.remove(fits.body, fits.digest, is_html=False) == "a" * (LONGEST - 2_000)
    assert INVITATIONS.put("a" * LONGEST, SAMPLE, "en", is_html=False) is Left.TOO_LARGE


def test_every_reason_has_words() -> None:
    """Nobody reads a bare code."""
    assert {each.value for each in Left} <= REASONS.keys()


@pytest.mark.parametrize(
    ("culture", "locale", "language"),
    [
        ("sv-SE", "de-DE", "sv"),
        (None, "de-AT", "de"),
        ("xx-XX", "fr-FR", "fr"),
        ("", "", "en"),
        ("pt-BR", None, "pt-BR"),
        ("pt-PT", None, "pt"),
        ("nn-NO", None, "nb"),
        ("no", None, "nb"),
        ("zh-CN", None, "zh-Hans"),
        ("zh-TW", None, "zh-Hant"),
        ("zh-Hant-HK", None, "zh-Hant"),
        ("iw-IL", None, "he"),
        (None, "ja_JP.UTF-8", "ja"),
        ("EN-us", None, "en"),
        ("-" * 10_000, None, "en"),
    ],
)
def test_a_meeting_speaks_its_own_language(culture: str | None, locale: str | None, language: str) -> None:
    """The item's, else the mailbox's, else English."""
    assert INVITATIONS.language_for(culture, locale) == language


def test_the_organisations_language_comes_first() -> None:
    """Where it has one."""
    assert Invitations(language="sv").language_for("de-DE", "de-DE") == "sv"


def test_enough_languages_are_shipped() -> None:
    """Those the customers speak, each with its own title."""
    assert {
        "sv",
        "en",
        "de",
        "fr",
        "es",
        "ja",
        "it",
        "pt",
        "nl",
        "pl",
        "da",
        "nb",
        "fi",
        "ar",
        "he",
    } <= SHIPPED.keys()
    assert len({words.passcode for words in SHIPPED.values()}) > 12
    assert {name for name, words in SHIPPED.items() if words.direction == "rtl"} == {"ar", "he"}


def test_an_unknown_language_is_refused() -> None:
    """One sentence with what there is."""
    with pytest.raises(
        ConfigError, match=r"invitation\.language: there is no language tlh; there are ar, cs, "
    ):
        Invitations(language="tlh")
