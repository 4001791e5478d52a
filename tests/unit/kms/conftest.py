"""A key server for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.kms.site import Site, site_at


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Open for the test."""
    made = site_at(tmp_path)
    yield made
    made.close()
