"""One request as the services see it, and one answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.lab.google.problems import ApiError

Document = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """A request in the name of ``subject``. Header names are lower-case; a query parameter may be repeated."""

    operation: str
    subject: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Document = field(default_factory=dict)

    def one(self, name: str, otherwise: str = "") -> str:
        """A query parameter."""
        return self.query.get(name, [otherwise])[0]

    def yes(self, name: str) -> bool:
        """A flag."""
        return self.one(name, "false") == "true"

    def moment(self, name: str) -> datetime | None:
        """A time with its offset. Raises ApiError."""
        if name not in self.query:
            return None
        try:
            read = datetime.fromisoformat(self.one(name))
        except ValueError as error:
            raise ApiError("badRequest", location=name) from error
        if read.tzinfo is None:
            raise ApiError("badRequest", location=name)
        return read.astimezone(UTC)
