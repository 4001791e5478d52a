"""Room mailboxes: what they do to subject, comments and privacy can't be seen over EWS, so the lines are given. Pure."""

from __future__ import annotations

from connector.doctor import shell
from connector.doctor.findings import Finding, skipped


def advise(address: str) -> Finding:
    """A room that deletes comments or subject shows no join button."""
    sentence = (
        "a room; whether it keeps subject, comments and privacy only the Exchange Management Shell tells"
    )
    advice = "The first line shows it, the second has the room accept by itself and keep them."
    return skipped("room", address, sentence, advice, *shell.room(address))


def is_room(policy: str, origin: str) -> bool:
    """Whether policy or roster place are named for rooms; Exchange does not tell over EWS."""
    return any("room" in name.lower() for name in (policy, origin))
