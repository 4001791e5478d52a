"""How an intent becomes a JSON object and back; shared by the stores that keep it sealed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from connector.model import (
    Conference,
    ConferenceOrder,
    Intent,
    IntentState,
    JoinDetails,
    Kind,
    Note,
    Person,
    Phone,
    Wish,
)
from connector.store.rows import from_micros, from_micros_or_none, to_micros, to_micros_or_none


def plain(intent: Intent) -> dict[str, Any]:
    """The intent as JSON can say it; times in microseconds."""
    return {
        **asdict(intent),
        "due": to_micros_or_none(intent.due),
        "until": to_micros(intent.until),
        "order": _plain_order(intent.order) if intent.order else None,
        "journal": [[to_micros(note.at), note.what, note.about] for note in intent.journal],
    }


def intent_of(value: Mapping[str, Any]) -> Intent:
    """The inverse of ``plain``."""
    return Intent(
        **{
            **value,
            "state": IntentState(value["state"]),
            "due": from_micros_or_none(value["due"]),
            "until": from_micros(value["until"]),
            "wish": Wish(**value["wish"]) if value["wish"] else None,
            "conference": _conference(value["conference"]) if value["conference"] else None,
            "order": _order(value["order"]) if value["order"] else None,
            "journal": tuple(Note(from_micros(at), what, about) for at, what, about in value["journal"]),
        }
    )


def _plain_order(order: ConferenceOrder) -> dict[str, Any]:
    return {**asdict(order), "start": to_micros(order.start), "end": to_micros(order.end)}


def _order(value: Mapping[str, Any]) -> ConferenceOrder:
    times = {name: from_micros(value[name]) for name in ("start", "end")}
    return ConferenceOrder(**{**value, **times, "organizer": Person(**value["organizer"])})


def _conference(value: Mapping[str, Any]) -> Conference:
    details = value["details"]
    phones = tuple(Phone(**phone) for phone in details["phones"])
    return Conference(Kind(value["kind"]), JoinDetails(**{**details, "phones": phones}), value["id"])
