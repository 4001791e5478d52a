"""Who makes join details for a keyword. Adapters: ``template``, ``jitsi``, ``webex``, ``google_meet``, ``hub``.

A provider raises verdicts of ``connector.errors`` and nothing else: Refused with a code of ``connector.reasons`` where it
will never work, Throttled and Transient where it will, CredentialRefused where its account is not accepted. It never
sleeps and keeps no state that can't be lost.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Protocol, runtime_checkable

from connector.model import Conference, ConferenceOrder


class Provider(Protocol):
    """One entry of ``conference`` in the configuration."""

    name: str
    tagged: bool
    """Whether a conference made once can be found again by its tag, or asking twice gives the same one.

    Where it is False the core asks once; a kill in between leaves the intent ``uncertain`` until ``find`` has settled it.
    """

    def make(self, order: ConferenceOrder) -> Conference:
        """The conference of this order; one that is there already under its tag is found, not made a second time."""

    def find(self, order: ConferenceOrder) -> Conference | None:
        """What an earlier ``make`` of this order left behind, None when there is nothing. Makes nothing."""

    def move(self, conference: Conference, order: ConferenceOrder) -> Conference:
        """The meeting got another time or subject; what is personal stays as it is."""

    def end(self, conference: Conference, order: ConferenceOrder, now: datetime) -> None:
        """The meeting or its keyword is gone. What is not there any more is fine."""

    def close(self) -> None:
        """Give up connections; called once, after the last use."""


class MadeBySource(Provider, Protocol):
    """A provider whose conferences a calendar system makes itself while it writes the event (``google_meet``).

    Where the mailbox's source can do that the core asks the source instead of ``make``; ``make`` refuses.
    """

    by_source: Literal[True]


class MadeByHub(Provider, Protocol):
    """A provider whose conferences the cloud makes (``hub``): the core sends the order up and takes the answer."""

    by_hub: Literal[True]


@runtime_checkable
class SignsIn(Protocol):
    """A provider whose service forgets us when it is not asked for long. ``secret`` is the keystore's name of the sign-in."""

    @property
    def secret(self) -> str:
        """What an administrator sets when it has ended."""

    def keep_signed_in(self) -> datetime | None:
        """Renew the sign-in where it is time to; when it ends if it is not used, None where nobody said. Raises verdicts."""


def by_hub(provider: Provider) -> bool:
    """Whether this is ``MadeByHub``."""
    return getattr(provider, "by_hub", False) is True


def by_source(provider: Provider) -> bool:
    """Whether this is ``MadeBySource``."""
    return getattr(provider, "by_source", False) is True
