"""What a conference provider has to know, as plain data; the composition root fills it from the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path


@dataclass(frozen=True, slots=True)
class TemplateSettings:
    """Fixed join details of a person, put together from attributes.

    Every text is a Jinja2 template that may name ``directory.ATTRIBUTE`` and ``organizer.address``, ``.name``,
    ``.user``, ``.domain``. The attributes come from the CSV ``people``, else from the directory called ``directory``,
    else with the order.
    ``phones`` maps places to numbers.
    """

    link: str
    sip: str = ""
    h323: str = ""
    meeting_id: str = ""
    passcode: str = ""
    access_code: str = ""
    video_passcode: str = ""
    phones: Mapping[str, str] = field(default_factory=dict)
    people: Path | None = None
    directory: str | None = None


@dataclass(frozen=True, slots=True)
class JitsiToken:
    """How tokens for a Jitsi server are made out; ``secret`` names the shared secret or RSA private key (PEM).

    ``app`` is the issuer; ``subject`` the server's domain or tenant, the host of the address when it is "".
    A token is good until ``lasts`` after the end, ``series_lasts`` after the first end where a meeting repeats.
    """

    app: str
    secret: str
    algorithm: str = "HS256"
    key_id: str = ""
    audience: str = "jitsi"
    subject: str = ""
    lasts: timedelta = timedelta(days=1)
    series_lasts: timedelta = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class JitsiSettings:
    """A Jitsi server at ``url``; with ``token`` its links carry one."""

    url: str
    token: JitsiToken | None = None


class Make(StrEnum):
    """Which of a person's Webex meetings a keyword stands for."""

    PERSONAL_ROOM = "personal-room"
    ONE_TIME = "one-time"


@dataclass(frozen=True, slots=True)
class WebexSettings:
    """Webex in the name of an integration or service app called ``account``; ``site`` "" is the user's preferred one.

    Secrets: ``webex/ACCOUNT/client`` (client id, colon, client secret) and ``webex/ACCOUNT/refresh-token``.
    ``title`` is a template that may name ``organizer`` and ``subject``.
    """

    make: Make = Make.PERSONAL_ROOM
    account: str = "webex"
    url: str = "https://webexapis.com"
    site: str = ""
    proxy: str | None = None
    ca: Path | None = None
    title: str = "Meeting"


@dataclass(frozen=True, slots=True)
class GoogleMeetSettings:
    """Google Calendar makes it when the event is written."""


@dataclass(frozen=True, slots=True)
class HubSettings:
    """The hub makes it."""


ProviderSettings = TemplateSettings | JitsiSettings | WebexSettings | GoogleMeetSettings | HubSettings
