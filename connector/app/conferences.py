"""Conference providers, from the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from connector.app.directories import StoredRefusal
from connector.app.ground import secret_of
from connector.app.relay import VERSION, bundle, proxy_of
from connector.conference import settings
from connector.conference.base import Provider
from connector.conference.providers import Means, providers
from connector.config import Config
from connector.config.conferences import Conference, GoogleMeet, HubConference, Jitsi, Template, Webex
from connector.errors import Transient
from connector.keystore import Keystore
from connector.model import Clock
from connector.roster.base import RosterUnreadable
from connector.roster.ldapgroup import DirectorySettings
from connector.roster.ldapperson import LdapPeople
from connector.store.base import Store

ROOM_KEY = "conference"
"""The local key from which room names are made."""


def build_conferences(
    config: Config, keystore: Keystore, store: Store, clock: Clock
) -> Mapping[str, Provider]:
    """One provider for each entry of ``conference``, by name; nothing is asked of anybody yet. Raises ConfigError."""
    means = Means(
        clock=clock,
        secret=lambda name: secret_of(keystore, name)(),
        room_key=lambda: keystore.local_key(ROOM_KEY)[1],
        save=partial(_save, keystore),
        proxy=partial(_proxy_url, config, keystore),
        directory=partial(_attributes, config, keystore, store),
        agent=f"calendar-connector/{VERSION} ({config.instance})",
    )
    entries = {name: _settings(name, entry) for name, entry in config.conference.items()}
    return providers(entries, means)


def _save(keystore: Keystore, name: str, value: str) -> None:
    keystore.set(name, value.encode())


def _proxy_url(config: Config, keystore: Keystore, name: str) -> str | None:
    proxy = proxy_of(config, keystore, name)()
    return proxy.with_credentials() if proxy else None


def _attributes(
    config: Config, keystore: Keystore, store: Store, directory: str, address: str, names: Sequence[str]
) -> Mapping[str, str]:
    """What the directory of that name says of a person."""
    section = config.directories[directory]
    if not section.bind:
        raise Transient("conference-directory-unreadable", f"directories.{directory} names no account")
    people = LdapPeople(
        DirectorySettings(
            name=directory,
            servers=section.servers,
            base=section.base,
            bind=section.bind,
            password=secret_of(keystore, f"directory/{directory}"),
            refusals=StoredRefusal(keystore, store, directory),
            ca=bundle(section.ca),
        )
    )
    try:
        return people.attributes(address, names)
    except RosterUnreadable as trouble:
        raise Transient("conference-directory-unreadable", str(trouble)) from trouble


def _settings(name: str, entry: Conference) -> settings.ProviderSettings:
    match entry:
        case Template():
            return _template(entry)
        case Jitsi():
            return settings.JitsiSettings(entry.url, _token(name, entry))
        case Webex():
            return _webex(entry)
        case GoogleMeet():
            return settings.GoogleMeetSettings()
        case HubConference():
            return settings.HubSettings()


def _template(entry: Template) -> settings.TemplateSettings:
    return settings.TemplateSettings(
        link=entry.link,
        sip=entry.sip or "",
        h323=entry.h323 or "",
        meeting_id=entry.meeting_id or "",
        passcode=entry.passcode or "",
        access_code=entry.access_code or "",
        video_passcode=entry.video_passcode or "",
        phones=entry.phones,
        people=entry.csv,
        directory=entry.directory,
    )


def _token(name: str, entry: Jitsi) -> settings.JitsiToken | None:
    token = entry.token
    if token is None:
        return None
    return settings.JitsiToken(
        app=token.app,
        secret=f"conference/{name}",
        algorithm=token.algorithm,
        key_id=token.key_id or "",
        audience=token.audience,
        subject=token.subject or "",
        lasts=token.lasts,
        series_lasts=token.series_lasts,
    )


def _webex(entry: Webex) -> settings.WebexSettings:
    return settings.WebexSettings(
        make=settings.Make(entry.make),
        account=entry.account,
        url=entry.url,
        site=entry.site or "",
        proxy=entry.proxy,
        ca=bundle(entry.ca),
        title=entry.title,
    )
