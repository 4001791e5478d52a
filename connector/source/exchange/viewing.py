"""CalendarViews of any size: halved where the server cuts them off."""

from __future__ import annotations

from datetime import timedelta

from connector.errors import Refused, Unreadable
from connector.model import Mailbox, Quarantined, Window
from connector.source.exchange import convert
from connector.source.exchange.convert import Row
from connector.source.exchange.services import Services

SHORTEST = timedelta(minutes=1)
MOST_VIEWS = 256


def rows(services: Services, mailbox: Mailbox, window: Window) -> tuple[list[Row], list[Quarantined]]:
    """Every occurrence that touches the window, once, by start; and rows that make no sense.

    Raises:
        Refused: more meetings at one moment than the server ever shows.
    """
    found: dict[str, Row] = {}
    unreadable: dict[str, Quarantined] = {}
    open_windows, views = [window], 0
    while open_windows:
        span = open_windows.pop()
        views += 1
        view = services.calendar_view(mailbox, span)
        if not view.complete:
            if views > MOST_VIEWS or span.end - span.start <= SHORTEST:
                raise Refused("request-refused", f"more than {len(view.rows)} meetings around {span.start}")
            middle = span.start + (span.end - span.start) / 2
            open_windows += [Window(middle, span.end), Window(span.start, middle)]
            continue
        for element in view.rows:
            try:
                row = convert.row(element)
            except Unreadable as verdict:
                unreadable[verdict.item_id] = Quarantined(verdict.item_id, verdict.code)
            else:
                found[row.item_id] = row
    kept = [row for row in found.values() if window.overlaps(row.start, row.end)]
    return sorted(kept, key=lambda row: (row.start, row.item_id)), list(unreadable.values())
