"""Every configured conference provider, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from connector.conference.base import Provider
from connector.conference.google_meet import GoogleMeet
from connector.conference.http import FarEnd, Service
from connector.conference.hub import HubRooms
from connector.conference.jitsi import JitsiRooms
from connector.conference.settings import (
    GoogleMeetSettings,
    HubSettings,
    JitsiSettings,
    ProviderSettings,
    TemplateSettings,
    WebexSettings,
)
from connector.conference.template import Lookup, TemplateRooms
from connector.conference.webex import Tokens, WebexRooms
from connector.errors import KeystoreError, Transient
from connector.model import Clock


def _kept_nowhere(name: str, _value: str) -> None:
    raise KeystoreError(f"The secret {name} can't be kept here.")


def _no_directory(name: str, _address: str, _names: Sequence[str]) -> Mapping[str, str]:
    raise Transient("conference-directory-unreadable", name)


@dataclass(frozen=True, slots=True)
class Means:
    """What providers need of the house. ``secret`` gives "" where nothing was set, and is asked at each use.

    ``room_key`` is a key of our own from which unguessable names are made; it never changes. ``save`` keeps a secret
    that a service has exchanged for another, and may raise KeystoreError. ``proxy`` gives the URL of a proxy by its
    name, with its credential in it. ``directory`` gives attributes: of which directory, of whose address, which names;
    it raises verdicts. ``agent`` is the User-Agent.
    """

    clock: Clock
    secret: Callable[[str], str] = field(repr=False)
    room_key: Callable[[], bytes] = field(repr=False)
    save: Callable[[str, str], None] = field(default=_kept_nowhere, repr=False)
    directory: Callable[[str, str, Sequence[str]], Mapping[str, str]] = _no_directory
    proxy: Callable[[str], str | None] = field(default=lambda _name: None, repr=False)
    agent: str = "calendar-connector"


def providers(entries: Mapping[str, ProviderSettings], means: Means) -> dict[str, Provider]:
    """One provider for each entry of ``conference``; nothing is connected yet. Raises ConfigError for unusable files."""
    accounts: dict[str, Tokens] = {}
    return {name: _provider(name, settings, means, accounts) for name, settings in entries.items()}


def _provider(name: str, settings: ProviderSettings, means: Means, accounts: dict[str, Tokens]) -> Provider:
    match settings:
        case TemplateSettings():
            return TemplateRooms(name, settings, _lookup(settings.directory, means))
        case JitsiSettings():
            return JitsiRooms(name, settings, means.room_key, means.secret)
        case WebexSettings():
            return _webex(name, settings, means, accounts)
        case GoogleMeetSettings():
            return GoogleMeet(name)
        case HubSettings():
            return HubRooms(name)


def _lookup(directory: str | None, means: Means) -> Lookup | None:
    return partial(means.directory, directory) if directory else None


def _webex(name: str, settings: WebexSettings, means: Means, accounts: dict[str, Tokens]) -> Provider:
    """Entries of one account share its tokens: a second renewal would make the first worthless."""
    proxy = settings.proxy
    service = Service(
        FarEnd(settings.url, means.agent, settings.ca, lambda: means.proxy(proxy) if proxy else None)
    )
    tokens = accounts.setdefault(
        settings.account, Tokens(settings.account, service, means.clock, means.secret, means.save)
    )
    return WebexRooms(name, settings, service, tokens, means.clock)
