"""A fresh hub for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.hub.office import House, house


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[House]:
    """A hub that INSTANCE has greeted."""
    with house(tmp_path) as made:
        assert made.connector.greet().status == 200
        yield made
