"""An event, read for what the rules need of its data, and its data as they will be kept. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connector.errors import Verdict
from connector.hub import times
from connector.model import EventKind
from connector.relay import strict, wire


@dataclass(frozen=True, slots=True)
class Change:
    """``name`` is the meeting, snapshot or command that it is about, or the blind index of a record; ``text`` the data as JSON."""

    event: wire.Event
    name: str
    text: str
    starts: int | None = None
    ends: int | None = None


def read_all(events: Sequence[wire.Event], wrong: Mapping[str, str]) -> tuple[list[Change], dict[str, str]]:
    """The changes in their order, and what is wrong with the others by event id (``wrong`` among them)."""
    changes: list[Change] = []
    refused = dict(wrong)
    for event in events:
        try:
            changes.append(read(event))
        except Verdict as verdict:
            refused[event.id] = verdict.detail
    return changes, refused


def read(event: wire.Event) -> Change:
    """Raises Transient for data that can't be applied or given to readers."""
    try:
        text = strict.dump(event.data).decode()
    except (ValueError, RecursionError) as error:
        raise strict.bad("data can't be written as JSON again") from error
    return _READERS[event.kind](event, text)


def _meeting(event: wire.Event, text: str) -> Change:
    starts = times.stamp(strict.a_time(event.data.get("start"), "start"))
    ends = times.stamp(strict.a_time(event.data.get("end"), "end"))
    return Change(event, _subject(event), text, starts, ends)


def _gone(event: wire.Event, text: str) -> Change:
    return Change(event, _subject(event), text)


def _record(event: wire.Event, text: str) -> Change:
    return Change(event, _id(event.data, "address"), text)


def _snapshot(event: wire.Event, text: str) -> Change:
    return Change(event, _id(event.data, "snapshot"), text)


def _outcome(event: wire.Event, text: str) -> Change:
    return Change(event, _id(event.data, "commandId"), text)


def _whole(event: wire.Event, text: str) -> Change:
    return Change(event, "", text)


def _subject(event: wire.Event) -> str:
    return strict.a_text(event.subject, strict.ID, "subject")


def _id(data: Mapping[str, Any], name: str) -> str:
    return strict.a_text(data.get(name), strict.ID, name)


_READERS: Mapping[EventKind, Callable[[wire.Event, str], Change]] = {
    EventKind.MEETING_PUT: _meeting,
    EventKind.MEETING_GONE: _gone,
    EventKind.SNAPSHOT_BEGIN: _snapshot,
    EventKind.SNAPSHOT_END: _snapshot,
    EventKind.PRESENCE_PUT: _whole,
    EventKind.MAILBOX_PUT: _record,
    EventKind.MAILBOX_GONE: _whole,
    EventKind.COMMAND_OUTCOME: _outcome,
}
