"""Join links that a calendar states itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.meeting.enrich import enrich
from connector.model import Meeting

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def meeting(*online: str) -> Meeting:
    return Meeting("u", NOW, "i", "i", "1", NOW, NOW, online=online)


def test_the_first_usable_address_is_the_way_in() -> None:
    """Sources put the best first; what is no web address is passed over."""
    link = enrich(meeting("", "conf:sip:x@example.com", " https://meet.example.com/abc ")).link
    assert link is not None
    assert link.url == "https://meet.example.com/abc"


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "https://", "https://[::1", "https://x/" + "a" * 3000]
)
def test_what_is_no_web_address_is_no_way_in(url: str) -> None:
    """A hostile or broken property must not become a button."""
    assert enrich(meeting(url)).link is None


@given(st.text())
def test_no_text_makes_it_fail(url: str) -> None:
    """A property may hold anything."""
    found = enrich(meeting(url)).link
    assert found is None or found.url.lower().startswith(("http://", "https://"))
