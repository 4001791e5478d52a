"""Public reference data beside the repository, where it is present: the EWS schema, published examples, the list of codes."""

from functools import cache
from pathlib import Path

import pytest
from lxml import etree

DATA = Path(__file__).resolve().parents[4].parent / "shared" / "data"


def on_shelf(name: str) -> Path:
    """A file or folder of the data; the test is skipped where it is not there."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the repository (../shared/data)")
    return path


@cache
def schema() -> etree.XMLSchema | None:
    """The EWS schema, None where it is not there."""
    path = DATA / "ews-schema" / "messages.xsd"
    return etree.XMLSchema(etree.parse(path)) if path.exists() else None


def assert_valid(payload: etree._Element) -> None:
    """The child of soap:Body fits the schema; without the schema nothing is said."""
    rules = schema()
    if rules is not None:
        rules.assertValid(etree.fromstring(etree.tostring(payload)))
