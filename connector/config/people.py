"""Who is activated, and what may be done for them: ``directories``, ``roster`` and ``policies``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from connector.config.addresses import LdapsUrl
from connector.config.frozen import FrozenMap
from connector.config.kinds import (
    Address,
    Duration,
    FilePath,
    Name,
    Named,
    Section,
    Share,
    Text,
    Trust,
    at_least_one,
    between,
)
from connector.config.units import Percent

EMPTY: Mapping[str, object] = FrozenMap()


class Directory(Section):
    """An LDAP or Active Directory service. The password of bind is the secret directory/NAME."""

    servers: Annotated[tuple[LdapsUrl, ...], at_least_one]
    """Its servers, tried in this order."""

    base: Text
    """The distinguished name under which is searched."""

    bind: Text | None = None
    """The account that searches; Kerberos with the machine's keytab when left out."""

    ca: Trust = "system"
    """Which certificate authorities the servers' certificates may come from."""


class RosterEntry(Section):
    """One place that names mailboxes to activate: a CSV, or a group of a directory."""

    csv: FilePath | None = None
    """A CSV file with the column address."""

    directory: Name | None = None
    """Name of the directory that holds the group."""

    group: Text | None = None
    """Distinguished name of the group; nested groups count."""

    policy: Name
    """Name of the policy for these mailboxes."""

    source: Name | None = None
    """Name of the source where they live; the one that their mail domain belongs to when left out."""

    @model_validator(mode="after")
    def _one_place(self) -> RosterEntry:
        if (self.csv is None) == (self.directory is None):
            raise ValueError("write either csv, or directory and group")
        if (self.directory is None) != (self.group is None):
            raise ValueError("directory and group belong together; write both")
        return self


class Roster(Section):
    """Who is activated, with which policy."""

    every: Annotated[Duration, *between("10s", "7d")] = timedelta(minutes=15)
    """How often the places below are read."""

    leave_after: Annotated[Duration, *between("0s", "3650d")] = timedelta(days=7)
    """Who is named no more is paused at once, and deactivated and erased after this time."""

    max_change: Share = Percent(2)
    """When one run would change more of the mailboxes than this, nothing is changed and an alarm is raised."""

    exclude: tuple[Address, ...] = ()
    """Never activated, whoever names them."""

    from_: Named[RosterEntry] = Field(default=FrozenMap(), alias="from")
    """The places, by name; the first that names a mailbox decides."""


class PolicySection(Section):
    """What may be done for a mailbox."""

    write: tuple[Literal["keyword", "hub"], ...] = ()
    """Who may have its calendar written: keywords in a location, and commands of the hub."""

    send: tuple[Literal["subject", "location", "notes", "organizer", "attendees", "link"], ...] = (
        "subject",
        "location",
        "organizer",
        "attendees",
        "link",
    )
    """Which parts of a meeting leave the site, sealed; times always do."""

    private: Literal["times-only", "hide-subject", "full"] = "times-only"
    """What leaves of a private meeting. With times-only keywords in it are passed over, too."""

    presence: Literal["off", "state", "text"] = "state"
    """What leaves of an absence: nothing, that there is one, or its sealed text as well."""
