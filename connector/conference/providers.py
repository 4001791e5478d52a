"""Every configured conference provider, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from connector.conference.base import Provider
from connector.conference.google_meet import GoogleMeet
from connector.conference.jitsi import JitsiRooms
from connector.conference.settings import (
    GoogleMeetSettings,
    JitsiSettings,
    ProviderSettings,
    TemplateSettings,
)
from connector.conference.template import TemplateRooms
from connector.model import Clock


@dataclass(frozen=True, slots=True)
class Means:
    """What providers need of the house. ``secret`` gives "" where nothing was set, and is asked at each use.

    ``room_key`` is a key of our own from which unguessable names are made; it never changes.
    """

    clock: Clock
    secret: Callable[[str], str] = field(repr=False)
    room_key: Callable[[], bytes] = field(repr=False)


def providers(entries: Mapping[str, ProviderSettings], means: Means) -> dict[str, Provider]:
    """One provider for each entry of ``conference``; nothing is connected yet."""
    return {name: _provider(name, settings, means) for name, settings in entries.items()}


def _provider(name: str, settings: ProviderSettings, means: Means) -> Provider:
    match settings:
        case TemplateSettings():
            return TemplateRooms(name, settings)
        case JitsiSettings():
            return JitsiRooms(name, settings, means.room_key, means.secret)
        case GoogleMeetSettings():
            return GoogleMeet(name)
