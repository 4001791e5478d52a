"""Who asks, once it is proven."""

from __future__ import annotations

from dataclasses import dataclass

ANONYMOUS = "anonymous:"
"""Begins the name of whoever holds the token of an anonymous authorization; behind it stands that one's id."""


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user and which of that user's clients speaks. ``admin`` may use the administrative operations."""

    user: str
    client: str
    admin: bool = False

    @property
    def anonymous(self) -> bool:
        """Whether the holder of a token speaks, of whom nothing else is known."""
        return self.user.startswith(ANONYMOUS)
