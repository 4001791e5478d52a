"""The journal's message catalogue: ``journalctl -x`` explains every alarm (journalctl(1), the catalogue's own format)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from connector.alarms.kinds import Kind

_FACT = re.compile(r"\{([a-z_]+)\}")
_MANUAL = "man:calendar-connector(1)"


def catalogue(kinds: Iterable[Kind]) -> str:
    """One entry for each kind, in their order."""
    return "\n".join(_entry(kind) for kind in kinds)


def _entry(kind: Kind) -> str:
    return "\n".join(
        (
            f"-- {kind.message_id}",
            f"Subject: Alarm {kind.number}, {kind.name}",
            "Defined-By: calendar-connector",
            f"Support: {_MANUAL}",
            f"Documentation: {_MANUAL}",
            "",
            _shown(kind.sentence),
            "",
            _shown(kind.remedy),
            "",
            f"More about it: calendar-connector alarm explain {kind.number}",
            "",
        )
    )


def _shown(text: str) -> str:
    """The facts stand filled in within the entry itself; here their names do, in capitals."""
    return _FACT.sub(lambda match: match[1].upper(), text)
