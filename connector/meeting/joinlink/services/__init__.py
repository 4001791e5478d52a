"""The services we know, one file for each family."""

from __future__ import annotations

import re

from connector.meeting.joinlink.services import (
    cisco,
    elsewhere,
    google,
    hosted,
    microsoft,
    premises,
    webinars,
    zoom,
)

SERVICES = (
    *zoom.SERVICES,
    *google.SERVICES,
    *microsoft.SERVICES,
    *cisco.SERVICES,
    *hosted.SERVICES,
    *premises.SERVICES,
    premises.PEXIP_PUBLIC,
    *webinars.SERVICES,
    *elsewhere.SERVICES,
)
"""Known by their hosts."""

ANYWHERE = premises.ANYWHERE
"""Known by path and query alone, on whatever host."""

ROOM_PAGES = microsoft.ROOM_PAGES
ROOM_PAGES_ANYWHERE = microsoft.ROOM_PAGES_ANYWHERE

PATHS_ANYWHERE = re.compile(
    r"/(?:invited\.sf\?|webapp[0-9]?[/?]|teams/?\?|meet/[^/\s]{1,64}/|[^/\s]{1,64}/meet/)"
)
"""How the paths begin of what is known on whatever host."""

WORDS_ANYWHERE = ("invited.sf?", "/webapp", "/teams?", "/teams/?", "/meet/")
"""One of these stands in every such path, letter by letter."""
