"""What every operation gets, and what it gives back."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connector.kms import access, times
from connector.kms.caller import Caller
from connector.kms.hierarchy import Hierarchy
from connector.kms.names import Names
from connector.kms.settings import Limits, Times
from connector.seal.kmswire.uris import Target


@dataclass(frozen=True, slots=True)
class Terms:
    """What the server is told by its settings, as far as operations need it."""

    names: Names
    times: Times
    limits: Limits


@dataclass(frozen=True, slots=True)
class Work:
    """One request inside its transaction."""

    connection: sqlite3.Connection
    hierarchy: Hierarchy
    terms: Terms
    caller: Caller
    target: Target
    members: Mapping[str, Any]
    now: datetime

    @property
    def names(self) -> Names:
        """URIs."""
        return self.terms.names

    @property
    def at(self) -> int:
        """Now, for a column."""
        return times.micros(self.now)

    def resource(self, identity: str) -> sqlite3.Row:
        """A resource that the caller may use. Raises Refusal 404 or 403."""
        return access.demand(self.connection, self.names, self.caller, identity, self.now)


@dataclass(frozen=True, slots=True)
class Done:
    """The answer's status and members; ``objects`` (URIs) are for the audit trail, ``handed`` counts keys that leave."""

    status: int
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)
    objects: tuple[str, ...] = ()
    handed: int = 0


Operation = Callable[[Work], Done]
