"""Google Meet, which the calendar makes."""

from __future__ import annotations

import pytest

from connector.conference.base import by_source
from connector.conference.google_meet import GoogleMeet
from connector.conference.jitsi import JitsiRooms
from connector.conference.settings import JitsiSettings
from connector.errors import Refused
from tests.unit.conference.orders import order


def test_the_source_is_told_to_make_it() -> None:
    """The core knows such a provider by its mark and asks the source instead."""
    assert by_source(GoogleMeet("meet"))
    assert not by_source(JitsiRooms("j", JitsiSettings("https://j"), lambda: b"", lambda _name: ""))


def test_another_calendar_is_refused_with_a_reason() -> None:
    """An Exchange calendar can't have Google make a conference, and nothing is left to look for."""
    provider = GoogleMeet("meet")
    with pytest.raises(Refused, match="conference-needs-google"):
        provider.make(order())
    assert provider.find(order()) is None
    provider.close()
