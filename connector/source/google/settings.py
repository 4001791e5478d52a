"""What a Google source is told by the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

VERSION = version("calendar-connector")

CALENDAR_HOST = "www.googleapis.com"
TOKEN_HOST = "oauth2.googleapis.com"  # noqa: S105 - a host
GMAIL_HOST = "gmail.googleapis.com"
STS_HOST = "sts.googleapis.com"
IAM_HOST = "iamcredentials.googleapis.com"
ENDPOINT = f"https://{CALENDAR_HOST}/calendar/v3"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one source. Times are in seconds, sizes in bytes.

    ``project`` and ``user`` are requests a minute, Google's defaults for projects made since May 2026. ``answer`` is the longest
    an answer may take, ``body`` the largest one that is read.
    """

    project: int = 10_000
    user: int = 600
    workers: int = 16
    connect: float = 10.0
    silence: float = 30.0
    answer: float = 60.0
    body: int = 32_000_000


@dataclass(frozen=True, slots=True)
class Key:
    """A key file of the service account, or what stands for one (``keyfile.read``); ``content`` gives it anew at each use, "" when it was never set."""

    name: str
    content: Callable[[], str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """One Workspace tenant as configured.

    ``enlisted`` says whether an address is a mailbox of this source: nobody else is ever asked for. ``keys`` are tried in
    their order. ``reader`` is the user who reads the rooms, "" when there are none; ``room_owner`` one who may share them with
    the reader, "" when that is done by hand. ``resolve`` maps a host to
    "address:port" in place of DNS (Private Google Access); TLS is still verified against the host. ``proxy`` gives the proxy's
    URL with its credentials.
    """

    name: str
    instance: str
    domains: tuple[str, ...]
    keys: tuple[Key, ...]
    enlisted: Callable[[str], bool] = field(repr=False)
    reader: str = ""
    room_owner: str = ""
    ca: Path | None = None
    resolve: Mapping[str, str] = field(default_factory=dict)
    proxy: Callable[[], str | None] = field(default=lambda: None, repr=False)
    limits: Limits = field(default_factory=Limits)

    @property
    def user_agent(self) -> str:
        """By this name administrators find us in Google's audit log; "gzip" in it makes Google compress (its performance guide)."""
        return f"calendar-connector/{VERSION} ({self.instance}; gzip)"
