"""What a running daemon tells of itself, a row a thing, as ``status`` shows it."""

from __future__ import annotations

from typing import Any

from connector.alarms.board import Alarm
from connector.reasons import explain
from connector.relay.sender import SenderState
from connector.source.base import Coverage
from connector.sync.holds import Hold


def hub_row(state: SenderState) -> dict[str, Any]:
    """Whether the hub answers, since when, and what keeps it from it."""
    return {
        "up": bool(state.up),
        "since": state.since.isoformat(timespec="seconds"),
        "problem": explain(state.code).sentence if state.code else "",
    }


def stream_row(source: str, coverage: Coverage) -> dict[str, Any]:
    """How many of a source's mailboxes are streamed, and which groups are not."""
    return {
        "source": source,
        "streams": coverage.streams,
        "streamed": len(coverage.streamed),
        "polled": len(coverage.polled),
        "broken": {group: explain(code).sentence for group, code in coverage.broken.items()},
    }


def alarm_row(alarm: Alarm) -> dict[str, Any]:
    """An alarm that stands."""
    return {
        "number": alarm.kind.number,
        "sentence": alarm.sentence,
        "remedy": alarm.remedy,
        "since": alarm.since.isoformat(timespec="seconds"),
        "count": alarm.count,
        "subjects": list(alarm.subjects),
    }


def hold_row(key: str, hold: Hold) -> dict[str, Any]:
    """A source or one of its servers of which nothing is asked for a while."""
    source, _, server = key.partition(" ")
    return {
        "source": source,
        "server": server,
        "problem": explain(hold.code).sentence,
        "until": hold.until.isoformat(timespec="seconds"),
    }
