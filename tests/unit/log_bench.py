"""What the log's tests share: put the process's logging back as it was."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from connector.log import configure


@contextmanager
def untouched() -> Iterator[None]:
    """Whatever the block configures is undone behind it."""
    root = logging.getLogger()
    handlers, level, config = root.handlers, root.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level
        logging.captureWarnings(capture=False)
        structlog.configure(**config)


@contextmanager
def heard() -> Iterator[list[EventDict]]:
    """What is logged in the block, at every level and from every thread."""
    with untouched():
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(0))
        with capture_logs() as logged:
            yield logged


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def json_log(level: str = "info", **settings: Any) -> io.StringIO:
    """Configure the log to a stream in memory."""
    stream = io.StringIO()
    configure(level, stream=stream, environment={}, **settings)
    return stream


def entries(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]
