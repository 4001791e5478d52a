"""The calendar systems that are read: ``sources`` and what belongs to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from connector.config.addresses import HostEndpoint, HttpsUrl, ReceiveAt
from connector.config.frozen import FrozenMap
from connector.config.kinds import (
    Address,
    ByteSize,
    Day,
    DayHours,
    Domain,
    Duration,
    Host,
    Name,
    RateOf,
    Section,
    Text,
    Trust,
    Whole,
    at_least_one,
    between,
    whole,
)
from connector.config.units import Rate, Size


class Account(Section):
    """A service account. Its password is the secret exchange/SOURCE/ACCOUNT."""

    user: Text
    """The logon name, as user@domain or DOMAIN\\user."""

    from_: Day | None = Field(default=None, alias="from")
    """Use it from this day on; the account before it is used until then."""


class Autodiscover(Section):
    """How the servers of a mailbox are found."""

    trust: tuple[Host, ...] = ()
    """Hosts to which a redirect may lead without asking."""


class Timing(Section):
    """How soon and how often the source is asked."""

    debounce: Annotated[Duration, *between("0s", "5m")] = timedelta(seconds=2)
    """How long after a first nudge its mailbox is looked at."""

    sweep: Annotated[Duration, *between("1m", "7d")] = timedelta(hours=2)
    """A mailbox not looked at for so long is looked at, nudge or not."""

    poll: Annotated[Duration, *between("1s", "1d")] = timedelta(seconds=60)
    """How often a mailbox without a stream is looked at."""

    out_of_office: Annotated[Duration, *between("1s", "1d")] = timedelta(minutes=2)
    """The time in which a change of automatic replies is shown: mail tips are asked for so often, for many at once."""

    stream_timeout: Annotated[Duration, *between("1m", "30m")] = timedelta(minutes=30)
    """How long one streaming connection lives, in whole minutes."""

    heartbeat: Annotated[Duration, *between("1s", "10m")] = timedelta(seconds=95)
    """A stream silent for so long counts as broken."""

    @model_validator(mode="after")
    def _stream_counts_minutes(self) -> Timing:
        if self.stream_timeout % timedelta(minutes=1):
            raise ValueError("stream_timeout counts in whole minutes; write 1m to 30m")
        return self


class Limits(Section):
    """How much the source is asked for."""

    requests: RateOf = Rate(20, timedelta(seconds=1))
    """Requests over all work together."""

    first_load: RateOf = Rate(5, timedelta(seconds=1))
    """Requests of the first load of new mailboxes, within the rate above."""

    first_load_hours: DayHours | None = None
    """First loads run only in these hours; at any time when left out."""

    answer: ByteSize = Size(32_000_000)
    """A larger answer of the server is not read to its end."""


class ExchangeSource(Section):
    """An Exchange organisation on the customer's premises, reached over EWS."""

    type: Literal["exchange"]
    """The kind of calendar system."""

    domains: Annotated[tuple[Domain, ...], at_least_one]
    """The mail domains whose mailboxes live here."""

    accounts: Annotated[Mapping[Name, Account], at_least_one, AfterValidator(FrozenMap)]
    """Service accounts with the right to impersonate, by name; one is in use, the others take over."""

    url: HttpsUrl | None = None
    """The EWS address of every mailbox, instead of asking Autodiscover."""

    autodiscover: Autodiscover = Autodiscover()
    """How the servers of a mailbox are found; not together with url."""

    auth: Literal["negotiate", "ntlm", "basic"] = "negotiate"
    """How the service account logs on."""

    ca: Trust = "system"
    """Which certificate authorities the servers' certificates may come from."""

    proxy: Name | None = None
    """Name of the proxy to go through; direct when left out."""

    resolve: Mapping[Host, HostEndpoint] = FrozenMap()
    """Addresses of hosts that DNS does not give as they are needed here: host: "address:port"."""

    stream: Literal["grouped", "per-mailbox", "off"] = "grouped"
    """How changes are heard of: one stream for many mailboxes, a stream each, or by asking regularly."""

    stream_max: Annotated[Whole, *whole(0, 5000)] = 100
    """Streams at most with stream: per-mailbox; further mailboxes are polled."""

    timing: Timing = Timing()
    """How soon and how often the source is asked."""

    limits: Limits = Limits()
    """How much the source is asked for."""

    @model_validator(mode="after")
    def _one_way_to_the_servers(self) -> ExchangeSource:
        if self.url and self.autodiscover.trust:
            raise ValueError("url and autodiscover exclude each other; keep one of them")
        return self


class GoogleTiming(Section):
    """How soon and how often Google is asked."""

    debounce: Annotated[Duration, *between("0s", "5m")] = timedelta(seconds=2)
    """How long after a notification its calendar is looked at."""

    sweep: Annotated[Duration, *between("1m", "7d")] = timedelta(minutes=15)
    """A calendar with push that was not looked at for so long is looked at: notifications may be late or lost."""

    poll: Annotated[Duration, *between("1s", "1d")] = timedelta(seconds=60)
    """How often a calendar without push is looked at; less often where that would use up limits.day."""

    out_of_office: Annotated[Duration, *between("1s", "1d")] = timedelta(minutes=5)
    """A tenth of the time in which a change of vacation settings is shown: Google is asked user by user."""


class GoogleLimits(Section):
    """How much Google is asked for; the quotas stand in the Google Cloud console, those here are what we keep to."""

    requests: RateOf = Rate(10_000, timedelta(minutes=1))
    """Requests of the whole project."""

    per_user: RateOf = Rate(600, timedelta(minutes=1))
    """Requests in the name of one user."""

    day: Annotated[Whole, *whole(1000, 1_000_000_000)] = 1_000_000
    """Requests of the project in a day; polling slows down before they are used up."""

    first_load: RateOf = Rate(20, timedelta(seconds=1))
    """Requests of the first load of new mailboxes, within the rates above."""

    first_load_hours: DayHours | None = None
    """First loads run only in these hours; at any time when left out."""

    answer: ByteSize = Size(32_000_000)
    """A larger answer is not read to its end."""


class GoogleReceiver(Section):
    """A receiver of our own for Google's notifications, behind a reverse proxy with a public address."""

    listen: ReceiveAt
    """Where the reverse proxy hands them on, as plain HTTP."""

    url: HttpsUrl
    """The public address that Google is told; its certificate is publicly trusted."""


class GoogleSource(Section):
    """A Google Workspace tenant. Its service account key is the secret google/SOURCE."""

    type: Literal["google"]
    """The kind of calendar system."""

    domains: Annotated[tuple[Domain, ...], at_least_one]
    """The mail domains whose calendars live here."""

    push: Literal["hub", "own", "off"] = "hub"
    """How changes are heard of: through the hub, through a receiver of our own, or by asking regularly."""

    receiver: GoogleReceiver | None = None
    """The receiver of our own; with push: own."""

    keys: tuple[Name, ...] = ()
    """Names of several service account keys, each a secret google/SOURCE/KEY; the first that Google accepts is used."""

    reader: Address | None = None
    """The user in whose name rooms are read; needed for mailboxes of the domain resource.calendar.google.com."""

    room_owner: Address | None = None
    """A user who may share rooms: those the reader may not see are shared when activated, without a mail, until deactivated."""

    ca: Trust = "system"
    """Which certificate authorities Google's certificates may come from; a TLS-inspecting proxy has one of its own."""

    proxy: Name | None = None
    """Name of the proxy to go through; direct when left out."""

    resolve: Mapping[Host, HostEndpoint] = FrozenMap()
    """Addresses of Google's hosts in place of DNS (Private Google Access): host: "address:port"."""

    timing: GoogleTiming = GoogleTiming()
    """How soon and how often Google is asked."""

    limits: GoogleLimits = GoogleLimits()
    """How much Google is asked for."""

    @model_validator(mode="after")
    def _own_receiver(self) -> GoogleSource:
        if (self.push == "own") != (self.receiver is not None):
            raise ValueError("push: own and receiver: belong together; set both or neither")
        return self

    @model_validator(mode="after")
    def _rooms_are_shared_with_somebody(self) -> GoogleSource:
        if self.room_owner and not self.reader:
            raise ValueError("room_owner shares rooms with the reader; name one as reader:")
        return self

    def secret_names(self, name: str) -> tuple[str, ...]:
        """The secrets that hold its service account keys, in the order in which they are tried."""
        return tuple(f"google/{name}/{key}" for key in self.keys) or (f"google/{name}",)


Source = Annotated[ExchangeSource | GoogleSource, Field(discriminator="type")]
