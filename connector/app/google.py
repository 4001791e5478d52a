"""One Google Workspace tenant, from the configuration."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from connector.app.ground import secret_of
from connector.app.relay import bundle, far_end_of, proxy_of
from connector.config import Config
from connector.config.sources import GoogleSource as Section
from connector.errors import CredentialRefused
from connector.keystore import Keystore
from connector.model import Clock, Mailbox
from connector.reasons import explain
from connector.relay.far_end import FarEnd, Proxy
from connector.source.base import Notice
from connector.source.google import keyfile
from connector.source.google.authentication import Tokens
from connector.source.google.push import Channels, HubDoor, HubReceiver
from connector.source.google.receiver import OwnReceiver
from connector.source.google.settings import GoogleSettings, Key, Limits
from connector.source.google.source import GoogleSource
from connector.source.google.transport import Wire
from connector.source.google.watcher import PolledWatcher, PushWatcher
from connector.store.base import Store


@dataclass(frozen=True, slots=True)
class GoogleParts:
    """The adapter's halves; ``receiver`` is a third where notifications arrive here."""

    source: GoogleSource
    watcher: PolledWatcher | PushWatcher
    receiver: OwnReceiver | None = None


def build_google(
    name: str,
    section: Section,
    config: Config,
    keystore: Keystore,
    store: Store,
    clock: Clock,
    tell: Callable[[Notice], None] = lambda _notice: None,
) -> GoogleParts:
    """The source and its watcher; ``tell`` hears its notices. Raises ConfigError for a CA file that can't be used."""
    leaving = _Leaving()
    settings = settings_of(name, section, config, keystore, store, leaving)
    wire = Wire(settings)
    tokens = Tokens(settings, wire, clock, tell)
    source = GoogleSource(settings, wire, tokens, clock, _Kept(store, f"rooms/{name}"))

    def left(mailbox: Mailbox) -> None:
        tokens.forget(mailbox.address)

    if section.push == "off":
        return GoogleParts(source, PolledWatcher(left, source.sharing.tidy))
    own = OwnReceiver(section.receiver.listen, section.receiver.url, clock) if section.receiver else None
    receiver = own or HubReceiver(config.hub.url, HubDoor(_Hub(far_end_of(config, keystore, clock))).post)
    channels = Channels(name, source.services, receiver, clock)
    watcher = PushWatcher(name, channels, store, clock, left, tidy=source.sharing.tidy)
    leaving.asked = watcher.leaving
    return GoogleParts(source, watcher, own)


class _Leaving:
    """Whoever is let go but has a channel to be stopped in their name; the watcher, made later, knows."""

    def __init__(self) -> None:
        self.asked: Callable[[str], bool] = lambda _address: False


@dataclass(frozen=True, slots=True)
class _Kept:
    """A text of the adapter's, in one setting of the store."""

    store: Store
    name: str

    def read(self) -> str | None:
        """None before the first ``write``."""
        return self.store.setting(self.name)

    def write(self, text: str) -> None:
        """Replace it."""
        self.store.put_setting(self.name, text)


@dataclass(frozen=True, slots=True)
class _Hub:
    """The hub as the adapter's door wants it."""

    end: FarEnd

    @property
    def tls(self) -> ssl.SSLContext:
        """Whom to trust."""
        return self.end.tls

    def at(self, path: str) -> str:
        """The address of a path."""
        return self.end.at(path)

    def headers(self) -> Mapping[str, str]:
        """The connector's credential."""
        return self.end.headers("")

    def proxy(self) -> str | None:
        """The proxy on the way, with its credentials."""
        proxy = self.end.proxy()
        return proxy.with_credentials() if proxy else None


def settings_of(
    name: str,
    section: Section,
    config: Config,
    keystore: Keystore,
    store: Store,
    leaving: _Leaving | None = None,
) -> GoogleSettings:
    """What the adapter is told."""
    return GoogleSettings(
        name=name,
        instance=config.instance,
        domains=section.domains,
        keys=tuple(Key(one, secret_of(keystore, one)) for one in section.secret_names(name)),
        enlisted=lambda address: (
            _enlisted(store, name, address) or (leaving is not None and leaving.asked(address))
        ),
        reader=section.reader or "",
        room_owner=section.room_owner or "",
        ca=bundle(section.ca),
        resolve={host: str(target) for host, target in section.resolve.items()},
        proxy=_proxied(proxy_of(config, keystore, section.proxy)),
        limits=Limits(
            project=round(section.limits.requests.per_second * 60),
            user=round(section.limits.per_user.per_second * 60),
            workers=config.workers,
            body=int(section.limits.answer),
        ),
    )


def secret_fault(config: Config, name: str, content: str) -> str:
    """Why what is to be a Google source's key can't be one, in a sentence with the remedy; "" for anything else."""
    sections = config.sources.items()
    if not any(isinstance(one, Section) and name in one.secret_names(source) for source, one in sections):
        return ""
    try:
        keyfile.read(content)
    except CredentialRefused as verdict:
        reason = explain(verdict.code)
        remedy = reason.remedy.replace("{secret}", name)
        return f"{reason.sentence.removesuffix('.')} ({verdict.detail}). {remedy}"
    return ""


def _enlisted(store: Store, source: str, address: str) -> bool:
    """Whether an address is a mailbox of this source, activated and not yet let go."""
    mailbox = store.find_mailbox(address)
    return mailbox is not None and mailbox.source == source


def _proxied(current: Callable[[], Proxy | None]) -> Callable[[], str | None]:
    def url() -> str | None:
        proxy = current()
        return proxy.with_credentials() if proxy else None

    return url
