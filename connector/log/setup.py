"""Where the log goes, decided once at start and again at a reload."""

from __future__ import annotations

import contextlib
import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connector.log import journal, libraries
from connector.log.masking import Masking

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure(
    level: str,
    pseudonym: Callable[[str], str] | None = None,
    *,
    stream: TextIO,
    environment: Mapping[str, str],
) -> None:
    """Set the log up, for our own code and for the libraries; may be called again with other settings.

    ``level`` and what to do with addresses are the configuration's ``log:``. ``pseudonym`` (a keyed digest) stands
    for each mail address; None leaves them clear. ``stream`` is standard error: with $JOURNAL_STREAM naming it and
    systemd-python at hand entries go to the journal as fields, else to a terminal in colour, else out as JSON lines.
    """
    renderer, logger = _way_out(stream, environment)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            Masking(pseudonym),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=lambda *_: logger,
        cache_logger_on_first_use=False,
    )
    libraries.take_over()


def _way_out(stream: TextIO, environment: Mapping[str, str]) -> tuple[Processor, object]:
    if journal.is_journal(stream, environment):
        send = journal.sender()
        return (journal.to_fields, journal.Journal(send)) if send else (_prefixed_json, Lines(stream))
    if not stream.isatty():
        return _json_line, Lines(stream)
    console = structlog.dev.ConsoleRenderer(
        colors="NO_COLOR" not in environment, exception_formatter=structlog.dev.plain_traceback
    )
    return _without_message_id(console), Lines(stream)


def _json_line(_logger: WrappedLogger, _method: str, entry: EventDict) -> str:
    return json.dumps(_in_order(entry), ensure_ascii=False, default=str)


def _prefixed_json(logger: WrappedLogger, method: str, entry: EventDict) -> str:
    """Begin with <N>, which the journal takes off a line and understands as priority (sd-daemon(3))."""
    return f"<{journal.PRIORITIES.get(str(entry.get('level')), 6)}>{_json_line(logger, method, entry)}"


def _in_order(entry: EventDict) -> dict[str, Any]:
    first = {name: entry[name] for name in ("timestamp", "level", "event") if name in entry}
    return {**first, **entry}


def _without_message_id(console: structlog.dev.ConsoleRenderer) -> Processor:
    def render(logger: WrappedLogger, method: str, entry: EventDict) -> str:
        return str(console(logger, method, {k: v for k, v in entry.items() if k != "message_id"}))

    return render


class Lines:
    """A structlog logger that writes one entry at a time to a stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write it. A stream that has gone away must not take the daemon along, and there is nowhere to say so."""
        with self._lock, contextlib.suppress(OSError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg
