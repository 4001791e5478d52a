"""Where addresses stand in a text, and where they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.meeting.scan import Interest, Scan, inside_address

ALL = "https://a.example/x"
ONLY_B = Interest(lambda host: host == "b.example")


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", []),
        ("no address", []),
        ("://", []),
        ("https://", []),
        ("https:// a", []),
        (f"see {ALL}.", [ALL]),
        (f"({ALL})", [ALL]),
        (f"{ALL}(1)", [f"{ALL}(1)"]),
        (f"({ALL}(1))", [f"{ALL}(1)"]),
        (f"[{ALL}]({ALL})", [ALL, ALL]),
        (f"{ALL},{ALL}", [ALL, ALL]),
        (f"{ALL}?u={ALL}", [f"{ALL}?u={ALL}"]),
        (f"{ALL}&gt;{ALL}", [ALL, ALL]),
        (f"{ALL}\\n{ALL}", [ALL, ALL]),
        (f"_{ALL}_", [ALL]),
        (f"{ALL}_", [f"{ALL}_"]),
        ("ftp://a.example/x", []),
        ("https://ada@a.example/x", []),
        ("zoommtg://zoom.us/join", ["zoommtg://zoom.us/join"]),
        ("XHTTPS://a.example", ["HTTPS://a.example"]),
    ],
)
def test_addresses_of_a_text(text: str, addresses: list[str]) -> None:
    """Punctuation and brackets of the sentence stay outside, those of the address inside."""
    assert [span.address for span in Scan(text).spans] == addresses


def test_only_addresses_of_interest_are_taken() -> None:
    """A host of no interest hides what stands in its path, not what stands behind it."""
    text = (
        "https://a.example/?u=https://b.example/1 https://b.example/2,https://a.example/ https://b.example/3"
    )
    assert [span.address for span in Scan(text, ONLY_B).spans] == [
        "https://b.example/2",
        "https://b.example/3",
    ]


def test_addresses_without_a_scheme_need_a_known_host() -> None:
    """A bare host that nobody knows is left alone, and so is one inside another address or a mail address."""
    text = "b.example/1 a.example/2 https://a.example/b.example/3 ada@b.example/4 x.b.example/5 (b.example/6)"
    assert [span.address for span in Scan(text, ONLY_B).bare()] == [
        "https://b.example/1",
        "https://b.example/6",
    ]


@given(
    st.lists(
        st.sampled_from(["https://", "b.example", "/", " ", ",", "(", ")", "&lt;", "\\", "?u=", "@", "a"]),
        max_size=40,
    )
)
def test_looking_for_some_hosts_finds_what_looking_for_all_finds(pieces: list[str]) -> None:
    """The short cut past addresses of no interest changes nothing."""
    text = "".join(pieces)
    everything = [
        span for span in Scan(text).spans if span.address.partition("://")[2].startswith("b.example")
    ]
    hosts = [span.address.partition("://")[2].partition("/")[0] for span in everything]
    found = Scan(text, ONLY_B).spans
    assert {span.start for span in found} <= {span.start for span in everything}
    assert len([host for host in hosts if host == "b.example"]) <= len(found)


@given(st.text(st.sampled_from("ab:/.,;()<>[]{}'\"\\&#@?=%_~ \n\u200b日")), st.text())
def test_spans_are_in_order_apart_and_inside(one: str, other: str) -> None:
    """Whatever a text holds, the stretches found are its own and don't overlap."""
    text = f"{one}https://{other}https://{one}"
    end = 0
    for span in Scan(text).spans:
        assert end <= span.start < span.end <= len(text)
        end = span.end


def test_inside_an_address() -> None:
    """What stands behind a :// without a blank belongs to that address."""
    text = "https://a.example/@4711 4711"
    assert inside_address(text, text.index("@"))
    assert not inside_address(text, text.rindex("4711"))
