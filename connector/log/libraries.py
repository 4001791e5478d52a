"""What libraries log through ``logging``: their warnings and errors, cut to what is safe.

Some put whole requests, headers and answers behind the first line or into an XML or dict dump. Only the first line is
taken, and that only up to where such a dump would begin. Of an exception the type, the first line and the places in
the code are taken.
"""

from __future__ import annotations

import logging
import re
import traceback

import structlog

_DUMP = re.compile(r"[<{\r\n].*", re.DOTALL)
_LINE_LIMIT = 500


def safe(text: str) -> str:
    """The part of a library's message that can't hold a header or body."""
    return _DUMP.sub("…", text)[:_LINE_LIMIT]


class LibraryHandler(logging.Handler):
    """Routes warnings and errors of libraries through our own log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)

    def emit(self, record: logging.LogRecord) -> None:
        """Log the record under the library's name."""
        facts = {"library": record.name}
        if record.exc_info and record.exc_info[1]:
            facts["exception"] = _places(record.exc_info[1])
        log = structlog.get_logger("connector.log.libraries")
        log.log(min(record.levelno, logging.CRITICAL), safe(_message(record)), **facts)


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return str(record.msg)


def _places(error: BaseException) -> str:
    places = "".join(traceback.format_tb(error.__traceback__))
    return f"{places}{type(error).__name__}: {safe(str(error))}"


def take_over() -> None:
    """Make ours the only handler of the root logger."""
    root = logging.getLogger()
    root.handlers = [LibraryHandler()]
    root.setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
