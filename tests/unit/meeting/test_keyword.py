"""Keywords in a location: the leftmost that stands by itself, with what follows its colon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ConfigError
from connector.meeting.keyword import LONGEST, Found, Override, find, table

TABLE = table({"@meet": "jitsi", "@Webex": "room", "#Vip": "vip", "@meet:board": "board"})
SPACES = table({"@meet": "jitsi", ":space": "spaces"})


@pytest.mark.parametrize(
    ("location", "word", "action", "shown"),
    [
        ("@meet", "@meet", "jitsi", "@meet"),
        ("Room 1 (@MEET), 2nd floor", "@meet", "jitsi", "@MEET"),
        ("@webex", "@webex", "room", "@webex"),
        ("Join:@meet", "@meet", "jitsi", "@meet"),
        ("Room 1 -@meet", "@meet", "jitsi", "@meet"),
        ("Room 1/@meet", "@meet", "jitsi", "@meet"),
        ("a;@meet;b", "@meet", "jitsi", "@meet"),
        ("See @meet.", "@meet", "jitsi", "@meet"),
        ("@meet: big room", "@meet", "jitsi", "@meet"),
        ("@meet:", "@meet", "jitsi", "@meet"),
        ("#vip", "#vip", "vip", "#vip"),
        ("@meet:board", "@meet:board", "board", "@meet:board"),
        ("東京@meet会議室", "@meet", "jitsi", "@meet"),
        ("＠ＭＥＥＴ", "@meet", "jitsi", "＠ＭＥＥＴ"),
        ("İstanbul @meet", "@meet", "jitsi", "@meet"),
        ("\u200f@meet\u200f", "@meet", "jitsi", "@meet"),
        ("@webex @meet", "@webex", "room", "@webex"),
        ("bob@webex.com, @meet", "@meet", "jitsi", "@meet"),
    ],
)
def test_a_keyword_is_found(location: str, word: str, action: str, shown: str) -> None:
    """In any case and position, beside punctuation and letters of scripts without blanks."""
    found = find(location, TABLE)
    assert found is not None
    assert (found.word, found.action) == (word, action)
    assert location[found.start : found.end] == shown


@pytest.mark.parametrize(
    "location",
    [
        "",
        "Room 1",
        "bob@webex.com",
        "bob@meet",
        "@meeting",
        "@meet-up",
        "@webex.com",
        "@@meet",
        "@meet@webex.com",
        "x#vip",
        "https://medium.example/@meet",
        "@meet's room",
        "1@meet",
        "@ meet",
        "@mee",
    ],
)
def test_what_only_looks_like_a_keyword_is_none(location: str) -> None:
    """Mail addresses, longer words and paths of web addresses hold none."""
    assert find(location, TABLE) is None


@pytest.mark.parametrize(
    ("location", "override", "site", "end"),
    [
        ("@webex:space", Override.SPACE, "", 12),
        ("@webex:MyRoom, later", Override.MYROOM, "", 13),
        ("@meet:onetime.", Override.ONETIME, "", 13),
        ("@webex:acme.webex.com.", None, "acme.webex.com", 21),
        ("@webex:Acme-2", None, "acme-2", 13),
        ("@meet:myroomx", None, "myroomx", 13),
    ],
)
def test_what_follows_the_colon_is_read(
    location: str, override: Override | None, site: str, end: int
) -> None:
    """A kind of conference, or a site."""
    found = find(location, TABLE)
    assert found is not None
    assert (found.override, found.site, found.start, found.end) == (override, site, 0, end)


def test_an_override_may_have_an_action_of_its_own() -> None:
    """Behind any keyword; others keep the keyword's action."""
    assert find("@meet:space", SPACES) == Found("@meet", "spaces", 0, 11, Override.SPACE)
    assert find("@meet:myroom", SPACES) == Found("@meet", "jitsi", 0, 12, Override.MYROOM)


def test_a_keyword_that_names_its_override_says_so() -> None:
    """The longest keyword that begins at a place wins."""
    both = table({"@meet": "jitsi", "@meet:space": "rooms"})
    assert find("x @meet:space", both) == Found("@meet:space", "rooms", 2, 13, Override.SPACE)


def test_spark_is_a_space_by_its_old_name() -> None:
    """Whatever the table says of spaces; nothing where it says nothing."""
    assert find("@Spark!", SPACES) == Found("@spark", "spaces", 0, 6, Override.SPACE)
    assert find("@spark", TABLE) == Found("@spark", "jitsi", 0, 6, Override.SPACE)
    assert find("@sparkling", TABLE) is None
    assert find("@spark", table({"#vip": "vip"})) is None
    assert find("@spark", table({"@spark": "own"})) == Found("@spark", "own", 0, 6)


def test_an_empty_table_finds_nothing() -> None:
    """Nothing is a keyword of itself."""
    assert find("@meet @webex", table({})) is None


def test_keywords_that_differ_in_case_alone_are_refused() -> None:
    """The sentence names the one that comes later."""
    with pytest.raises(ConfigError, match=r"keywords\.@Meet is there twice"):
        table({"@meet": "a", "@Meet": "b"})


@given(
    before=st.text("ab1 ,;()\t会é", max_size=12),
    word=st.sampled_from(["@meet", "@webex", "#vip"]),
    behind=st.text("ab1 ,;()\t会é", max_size=12),
)
def test_a_keyword_between_blanks_is_always_found(before: str, word: str, behind: str) -> None:
    """Whatever stands around, in the letters it was typed in."""
    location = f"{before} {word} {behind}"
    found = find(location, TABLE)
    assert found is not None
    assert location[found.start : found.end] == word


@given(st.text(st.sampled_from("@:#meetwbxvipsace./- \u0130\uff20会"), max_size=60))
def test_a_keyword_lies_where_it_is_said_to(location: str) -> None:
    """The stretch holds the keyword, and nothing in the stretch before it is one."""
    found = find(location, TABLE)
    if found is not None:
        assert 0 <= found.start < found.end <= len(location)
        assert find(location[found.start : found.end], TABLE) is not None
        assert find(location[: found.start], TABLE) is None


@given(st.text(max_size=200))
def test_any_location_can_be_looked_at(location: str) -> None:
    """Nothing a user types raises."""
    find(location, TABLE)


def test_no_more_than_a_location_is_looked_at() -> None:
    """A keyword beyond the limit is not seen."""
    assert find(" " * LONGEST + "@meet", TABLE) is None
