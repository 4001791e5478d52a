"""New settings for a running server: the whole of them, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import structlog

from connector.errors import ConfigError, Problem, UserError
from connector.kms import production
from connector.kms.doors.counter import Counter
from connector.kms.house import House, renewed
from connector.kms.settings import Settings

RENEWABLE = frozenset({"mode", "admins", "static_key", "issuers", "connectors", "times", "limits", "alarms"})
"""What a reload puts in force; everything else is held by what a start has opened."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Running:
    """The server as it runs. ``read`` gives the settings as the file holds them now, and raises ConfigError."""

    house: House
    counter: Counter
    read: Callable[[], Settings]

    def reload(self) -> bool:
        """Put the file's settings in force; whether that was done. If not, the log says why, and the old ones stay."""
        try:
            house = replace(self.house, settings=self._settings())
            production.demand(house)
            desk = renewed(house, self.counter.desk)
        except UserError as error:
            _log.error("reload.refused", reason=str(error))
            return False
        self.house, self.counter.desk = house, desk
        _log.info("reload.done")
        return True

    def _settings(self) -> Settings:
        settings, former = self.read(), self.house.settings
        changed = [
            one.name for one in fields(Settings) if getattr(settings, one.name) != getattr(former, one.name)
        ]
        if settings.limits.connections != former.limits.connections:
            changed.append("limits.connections")
        if held := [name for name in changed if name not in RENEWABLE]:
            raise ConfigError(
                (Problem(f"{', '.join(held)} can't change while the server runs; restart it."),)
            )
        return settings
