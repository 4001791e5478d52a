"""What libraries may say in our log."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.log.libraries import safe
from tests.unit.log_bench import entries, json_log, untouched


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with untouched():
        yield


def test_warnings_only() -> None:
    """Whatever our own level, libraries are heard from warning on, under their name."""
    stream = json_log("debug")
    library = logging.getLogger("urllib3.connectionpool")
    library.info("Starting new HTTPS connection")
    library.warning("Retrying %s", "/EWS/Exchange.asmx")
    (entry,) = entries(stream)
    assert (entry["level"], entry["event"]) == ("warning", "Retrying /EWS/Exchange.asmx")
    assert entry["library"] == "urllib3.connectionpool"


def test_neither_headers_nor_bodies() -> None:
    """A message with a request behind it is cut before that begins."""
    stream = json_log()
    logging.getLogger("exchangelib.util").error(
        "%s: %s\n%s\n%s",
        "Timeout",
        "read timed out",
        "Request headers: Basic c3Zj",
        "<t:Subject>Merger</t:Subject>",
    )
    logging.getLogger("httpx").warning("answer %s", {"authorization": "Bearer abc"})
    logging.getLogger("exchangelib").warning("bad answer <t:Body>Merger</t:Body>")
    text = stream.getvalue()
    assert [entry["event"] for entry in entries(stream)] == [
        "Timeout: read timed out…",
        "answer …",
        "bad answer …",
    ]
    assert not any(word in text for word in ("Merger", "c3Zj", "Bearer"))


def test_an_exception_is_places_and_type() -> None:
    """Of an exception the code's places and the first line are logged, not what it dragged along."""
    stream = json_log()
    try:
        raise ValueError("no element in <t:Subject>Merger</t:Subject>")
    except ValueError:
        logging.getLogger("apscheduler").exception("job failed")
    (entry,) = entries(stream)
    assert entry["exception"].endswith("ValueError: no element in …")
    assert "test_log_libraries" in entry["exception"]
    assert "Merger" not in entry["exception"].splitlines()[-1]


def test_a_message_that_does_not_fit_its_arguments() -> None:
    """A library's mistake in its own message is no failure of ours."""
    stream = json_log()
    logging.getLogger("odd").warning("%d items", "many")
    assert entries(stream)[0]["event"] == "%d items"


def test_python_warnings_are_logged() -> None:
    """Warnings of the interpreter come through the same way."""
    stream = json_log()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old call", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old call" in entries(stream)[0]["event"]


@given(st.text(max_size=1000))
def test_safe_text_is_one_short_line_without_markup(text: str) -> None:
    """No message brings markup, a dump or a second line with it."""
    clean = safe(text)
    assert len(clean) <= 501
    assert not set("<{\r\n") & set(clean)
