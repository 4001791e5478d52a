"""``conference``: who makes join details for a keyword."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from connector.config import placeholders
from connector.config.addresses import HttpsUrl
from connector.config.frozen import FrozenMap
from connector.config.kinds import Duration, FilePath, Form, Host, Name, Section, Text, Trust, between

EMPTY: Mapping[str, object] = FrozenMap()
_ORGANIZER = ("address", "name", "user", "domain")


def _of_person(text: str) -> str:
    placeholders.check(text, {"directory": None, "organizer": _ORGANIZER})
    return text


def _of_link(text: str) -> str:
    if not text.startswith(("https://", "{{")):
        raise ValueError("a link begins with https://")
    return _of_person(text)


def _of_title(text: str) -> str:
    placeholders.check(text, {"subject": None, "organizer": _ORGANIZER})
    return text


_TEMPLATE = Form("text with {{ directory.ATTRIBUTE }} or {{ organizer.address }} in it")
PersonText = Annotated[Text, AfterValidator(_of_person), _TEMPLATE]
LinkText = Annotated[
    Text, AfterValidator(_of_link), Form("https:// and so on, with {{ directory.ATTRIBUTE }}")
]
TitleText = Annotated[
    Text, AfterValidator(_of_title), Form("text with {{ subject }} or {{ organizer.name }}")
]


class Template(Section):
    """Fixed join details of each user, put together from attributes of a directory or a CSV."""

    type: Literal["template"]
    """The kind of conference service."""

    link: LinkText
    """The address; {{ directory.ATTRIBUTE }} stands for an attribute of the user, also in the keys below."""

    directory: Name | None = None
    """Name of the directory that holds the attributes."""

    csv: FilePath | None = None
    """A CSV file that holds them instead: a column address, the others named as they are used here."""

    sip: PersonText | None = None
    """The video address to dial."""

    h323: PersonText | None = None
    """The H.323 address to dial."""

    meeting_id: PersonText | None = None
    """The number of the conference."""

    passcode: PersonText | None = None
    """What the client asks for."""

    access_code: PersonText | None = None
    """What the telephone asks for."""

    video_passcode: PersonText | None = None
    """What video devices and the telephone ask for in place of passcode, in digits."""

    phones: Annotated[Mapping[Text, PersonText], AfterValidator(FrozenMap)] = FrozenMap()
    """Numbers to dial in by, each under the name of its place."""

    @model_validator(mode="after")
    def _attributes_come_from_somewhere(self) -> Template:
        if self.directory is not None and self.csv is not None:
            raise ValueError("directory and csv exclude each other; keep the one that holds the attributes")
        codes = (self.meeting_id, self.passcode, self.access_code, self.video_passcode)
        texts = (self.link, self.sip, self.h323, *codes)
        used = any(text and placeholders.uses(text, "directory") for text in (*texts, *self.phones.values()))
        if used and self.directory is None and self.csv is None:
            raise ValueError("it uses {{ directory.… }}; add the key directory or csv, which says where from")
        return self


class JitsiToken(Section):
    """Tokens for a Jitsi server that lets nobody in without one. Their secret is the secret conference/NAME."""

    app: Text
    """The application id that the server knows, the token's issuer."""

    algorithm: Literal["HS256", "HS512", "RS256"] = "HS256"
    """How they are signed: with a shared secret, or with an RSA private key."""

    key_id: Text | None = None
    """The name of the key, where the server has several."""

    audience: Text = "jitsi"
    """The audience that the server expects."""

    subject: Text | None = None
    """The domain or tenant that the server expects; the host of url when left out."""

    lasts: Annotated[Duration, *between("1m", "366d")] = timedelta(days=1)
    """How long after the end of its meeting a token still opens the room."""

    series_lasts: Annotated[Duration, *between("1d", "3660d")] = timedelta(days=366)
    """How long it does after the first meeting of a series."""


class Jitsi(Section):
    """Rooms of a Jitsi server, with names that nobody guesses."""

    type: Literal["jitsi"]
    """The kind of conference service."""

    url: HttpsUrl
    """Where the server is."""

    token: JitsiToken | None = None
    """Tokens in the links; without this section there are none."""


class Webex(Section):
    """Webex. Its secrets are webex/ACCOUNT/client and webex/ACCOUNT/refresh-token."""

    type: Literal["webex"]
    """The kind of conference service."""

    make: Literal["personal-room", "one-time"] = "personal-room"
    """What a keyword stands for: the organizer's personal room, or a meeting of its own."""

    account: Name = "webex"
    """Name of the integration or service app, under which its secrets stand; entries may share one."""

    site: Host | None = None
    """The Webex site, such as example.webex.com; each user's preferred one when left out."""

    title: TitleText = "Meeting"
    """The title of a one-time meeting. Webex can read it, so the subject is not in it unless you write it there."""

    url: HttpsUrl = "https://webexapis.com"
    """Where the interface of Webex is."""

    proxy: Name | None = None
    """Name of the proxy to go through; direct when left out."""

    ca: Trust = "system"
    """Which certificate authorities its certificate may come from; that of an inspecting proxy goes here."""


class GoogleMeet(Section):
    """Google Meet, made by Google Calendar itself; for mailboxes of a source of type google."""

    type: Literal["google_meet"]
    """The kind of conference service."""


class HubConference(Section):
    """A conference that the hub makes."""

    type: Literal["hub"]
    """The kind of conference service."""


Conference = Annotated[Template | Jitsi | Webex | GoogleMeet | HubConference, Field(discriminator="type")]


def rooms(entries: Mapping[str, Conference]) -> Mapping[str, tuple[str, str]]:
    """Kind and address, by name, of the services whose rooms' addresses are known beforehand: join rules follow from them."""
    return {
        name: (entry.type, entry.url if isinstance(entry, Jitsi) else entry.link)
        for name, entry in entries.items()
        if isinstance(entry, Jitsi | Template)
    }
