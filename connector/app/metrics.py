"""The figures of a running appliance, from what ``status`` shows."""

from __future__ import annotations

from typing import Any

import structlog

from connector.alarms.kinds import KINDS
from connector.app.appliance import Appliance, Task
from connector.app.ground import DATABASE
from connector.app.relay import VERSION
from connector.control.peer import admit_groups
from connector.errors import UserError
from connector.metrics.figures import text
from connector.metrics.serve import MetricsServer
from connector.operations.status import snapshot

_log = structlog.get_logger(__name__)


def tasks(appliance: Appliance) -> list[Task]:
    """The thread that serves metrics; none when nobody wants them, or they can't be served (which is logged)."""
    listen = appliance.ground.loaded.config.metrics.listen
    if not listen:
        return []
    try:
        server = MetricsServer(listen, lambda: text(lambda: facts(appliance)), admit_groups)
    except UserError as error:
        _log.error(str(error))
        return []
    return [Task("metrics", server.run)]


def facts(appliance: Appliance) -> dict[str, Any]:
    """What the figures are made of."""
    ground = appliance.ground
    database = ground.loaded.config.state / DATABASE
    return {
        **snapshot(ground.desk("metrics"), appliance.vitals()),
        "version": VERSION,
        "steps": appliance.engine.scheduler.turns,
        "database_bytes": database.stat().st_size if database.exists() else 0,
        "alarm_kinds": [(one.number, one.name, str(one.severity)) for one in KINDS],
    }
