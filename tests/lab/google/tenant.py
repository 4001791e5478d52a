"""Users, their calendars, and the service account's keys, scopes and tokens."""

import base64
import json
import secrets
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.lab.google.calendar import Calendar
from tests.lab.google.problems import ApiError
from tests.lab.google.rooms import Rooms

Document = dict[str, Any]

CALENDAR = "https://www.googleapis.com/auth/calendar"
GMAIL = "https://www.googleapis.com/auth/gmail.settings.basic"
TOKEN_URI = "https://oauth2.googleapis.com/token"
PROJECT = "lab-calendars"
ACCOUNT = f"connector@{PROJECT}.iam.gserviceaccount.com"
CLIENT_ID = "103420100000000000001"


@dataclass
class User:
    """One person; ``state`` is a key of ``problems.GRANTS`` where the grant is refused."""

    address: str
    calendar_on: bool = True
    gmail_on: bool = True
    state: str = ""
    vacation: Document = field(default_factory=lambda: {"enableAutoReply": False})
    settings: dict[str, str] = field(default_factory=lambda: {"locale": "en", "timezone": "Europe/Berlin"})


@dataclass(frozen=True)
class Token:
    """An access token: in whose name, for what, how long."""

    subject: str
    scopes: frozenset[str]
    expires: datetime


class Tenant:
    """Everything the lab knows. Whoever reads or changes it holds ``lock``."""

    def __init__(self, domain: str, now: Callable[[], datetime], users: int) -> None:
        self.domain = domain
        self.now = now
        self.lock = threading.RLock()
        self.users: dict[str, User] = {}
        self.calendars: dict[str, Calendar] = {}
        self.keys: dict[str, rsa.RSAPublicKey] = {}
        self.scopes = {CALENDAR, GMAIL}
        self.tokens: dict[str, Token] = {}
        self.rooms = Rooms(now)
        self.changed: Callable[[str], None] = lambda _calendar: None
        for number in range(1, users + 1):
            self.add_user(f"user{number}@{domain}")

    def add_user(self, address: str) -> User:
        """A person with an empty calendar."""
        self.users[address] = User(address)
        self.add_calendar(address)
        return self.users[address]

    def add_calendar(self, calendar_id: str) -> Calendar:
        """A person's calendar or a room's."""
        made = Calendar(calendar_id, self.now, changed=self._changed)
        self.calendars[calendar_id] = made
        return made

    def _changed(self, calendar_id: str) -> None:
        self.changed(calendar_id)

    def calendar(self, calendar_id: str, subject: str, *, write: bool = False) -> Calendar:
        """The calendar as far as a person may open it. Raises ApiError."""
        found = self.calendars.get(subject if calendar_id == "primary" else calendar_id)
        role = "owner" if found is not None and found.id == subject else found and found.readers.get(subject)
        if found is None or not role:
            raise ApiError("notFound")
        if write and role not in {"owner", "writer"}:
            raise ApiError("requiredAccessLevel")
        self._settle(found)
        return found

    def _settle(self, calendar: Calendar) -> None:
        """Rooms that are ready now show up, in the copies of the invited too."""

        def put(event: Document) -> Document:
            stored = calendar.put(event)
            if event.get("organizer", {}).get("self"):
                self.spread(event, calendar.id)
            return stored

        self.rooms.settle(calendar.events, put)

    # --- the service account

    def new_key(self) -> Document:
        """A further key of the service account, as the console hands it out once."""
        private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        key_id = secrets.token_hex(20)
        self.keys[key_id] = private.public_key()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": key_id,
            "private_key": pem.decode(),
            "client_email": ACCOUNT,
            "client_id": CLIENT_ID,
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": TOKEN_URI,
            "universe_domain": "googleapis.com",
        }

    def accept(self, header: str) -> Token:
        """The token of an Authorization header. Raises ApiError."""
        found = self.tokens.get(header.removeprefix("Bearer "))
        if found is None or found.expires <= self.now():
            raise ApiError("authError")
        return found

    # --- meetings of several people

    def spread(self, event: Document, owner: str) -> None:
        """Give every invited person of the tenant a copy, under the same id."""
        for one in event.get("attendees", ()):
            address = one["email"]
            if address != owner and address in self.calendars:
                self.calendars[address].put(seen_by(event, address))

    def withdraw(self, event: Document, owner: str) -> None:
        """Take the copies away from everybody who was invited."""
        for one in event.get("attendees", ()):
            theirs = self.calendars.get(one["email"])
            if theirs is not None and one["email"] != owner and _alive(theirs, event["id"]):
                theirs.remove(event["id"])

    def answered(self, event: Document, address: str) -> None:
        """A guest has answered: the organizer's event says so."""
        organizer = event.get("organizer", {}).get("email", "")
        home = self.calendars.get(organizer)
        own = next((one for one in event.get("attendees", ()) if one["email"] == address), None)
        if home is None or own is None or organizer == address or not _alive(home, event["id"]):
            return
        theirs = deepcopy(home.get(event["id"]))
        for one in theirs.get("attendees", ()):
            if one["email"] == address:
                one["responseStatus"] = own["responseStatus"]
        home.put(theirs)


def seen_by(event: Document, address: str) -> Document:
    """A guest's copy: ``self`` marks the guest."""
    copy = deepcopy(event)
    for part in [copy.get("organizer", {}), copy.get("creator", {}), *copy.get("attendees", ())]:
        part.pop("self", None)
        if part.get("email") == address:
            part["self"] = True
    properties = copy.get("extendedProperties", {})
    properties.pop("private", None)
    return copy


def _alive(calendar: Calendar, event_id: str) -> bool:
    found = calendar.events.get(event_id)
    return found is not None and found["status"] != "cancelled"


def unpadded(text: str) -> bytes:
    """Base64url without its padding (RFC 7515, appendix C)."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def part(text: str) -> Document:
    """A JSON part of a JWT. Raises ValueError."""
    return dict(json.loads(unpadded(text)))
