"""What the daemon writes down: to the journal with its own fields, as JSON lines, or in colour on a terminal.

Code that logs uses ``structlog.get_logger(__name__)`` and key-value pairs; nothing here has to be imported for it.
"""

from connector.log.episode import Episode, Episodes
from connector.log.masking import hide
from connector.log.setup import configure

__all__ = ["Episode", "Episodes", "configure", "hide"]
