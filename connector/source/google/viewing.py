"""Everything that takes place inside a window, by one list of single occurrences."""

from __future__ import annotations

from connector.model import Expansion, Mailbox, Window
from connector.source.google.expand import Expander
from connector.source.google.preferences import Preferences
from connector.source.google.services import Services


def view(services: Services, preferences: Preferences, mailbox: Mailbox, window: Window) -> Expansion:
    """Every occurrence that touches the window. Google expands the series."""
    return Expander(services, preferences, mailbox, window).everything(services.view(mailbox, window))
