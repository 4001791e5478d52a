"""Conferences that the cloud makes."""

from __future__ import annotations

import pytest

from connector.conference.base import by_hub, by_source
from connector.conference.hub import HubRooms
from connector.errors import Transient
from tests.unit.conference.orders import order


def test_the_core_is_told_to_ask_the_hub() -> None:
    """By a mark of its own; asked directly, the answer is never there at once, and nothing is kept."""
    provider = HubRooms("cloud")
    assert by_hub(provider)
    assert not by_source(provider)
    with pytest.raises(Transient, match="conference-awaited"):
        provider.make(order())
    assert provider.find(order()) is None
    provider.close()
