"""Everything that takes place inside a window, by one list of single occurrences."""

from __future__ import annotations

from connector.model import Expansion, Mailbox, Window
from connector.source.google.expand import Expander
from connector.source.google.services import Services
from connector.source.google.zones import Zones


def view(services: Services, zones: Zones, mailbox: Mailbox, window: Window) -> Expansion:
    """Every occurrence that touches the window. Google expands the series."""
    return Expander(services, zones, mailbox, window).everything(services.view(mailbox, window))
