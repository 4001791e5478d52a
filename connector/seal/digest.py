"""Keyed digests: ids that say nothing, and a fingerprint of a meeting's content. Pure."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from connector.model import Attendee, Meeting, Presence

ADDRESSES_KEPT = 4096
"""Blind indexes in memory: the same people meet again and again."""

SERIES_KEPT = 256
"""Of series: their occurrences come one after the other."""

_compact = json.JSONEncoder(separators=(",", ":")).encode
"""As ``json.dumps``, which would make an encoder for every digest."""


class Digester:
    """Digests under the tenant key (ids, never rotated) and under a digest key of some version (content).

    An id is HMAC-SHA256, 43 characters of base64url. Each kind of digest has its own label, so that none can stand for another.
    """

    def __init__(self, tenant_key: bytes, digest_key: bytes, version: int) -> None:
        self._tenant_key = tenant_key
        self._digest_key = digest_key
        self.version = version
        self._address_index = lru_cache(maxsize=ADDRESSES_KEPT)(partial(_digest, tenant_key, "address"))
        self._series_key = lru_cache(maxsize=SERIES_KEPT)(partial(_digest, tenant_key, "series"))

    def series_key(self, uid: str) -> str:
        """The id of a series at the hub and in the index."""
        return self._series_key(uid)

    def meeting_id(self, uid: str, original_start: datetime) -> str:
        """The id of one occurrence: stays the same when the occurrence is moved."""
        return _digest(self._tenant_key, "meeting", uid, int(original_start.timestamp()))

    def address_index(self, address: str) -> str:
        """The blind index by which the hub matches people; letter case does not count."""
        return self._address_index(address.lower())

    def content(self, meeting: Meeting) -> str:
        """Changes when something changes that the hub shows.

        The link is left out: it follows from the content and from the rules, whose version stands beside the digest. Ids
        and change key are left out: they change without a change. The order of attendees is a server's whim.
        """
        attendees = sorted(_attendee(one) for one in meeting.attendees)
        return _digest(
            self._digest_key,
            "content",
            meeting.uid,
            *(meeting.original_start.timestamp(), meeting.start.timestamp(), meeting.end.timestamp()),
            *(meeting.subject, meeting.location, meeting.body),
            _attendee(meeting.organizer) if meeting.organizer else None,
            attendees,
            meeting.first_day.isoformat() if meeting.first_day else None,
            *(meeting.recurring, meeting.exception, meeting.cancelled),
            *(meeting.sensitivity.value, meeting.show_as.value, meeting.response.value),
            meeting.online,
        )

    def presence(self, presence: Presence) -> str:
        """Changes when the owner's absence or its text does."""
        moments = [one.timestamp() if one else None for one in (presence.since, presence.until)]
        return _digest(self._digest_key, "presence", presence.away, *moments, presence.text)


def _attendee(one: Attendee) -> tuple[str, str, str, str]:
    return (one.address, one.name, one.role.value, one.response.value)


def _digest(key: bytes, label: str, *parts: Any) -> str:
    """HMAC over JSON, which keeps the parts apart whatever stands in them."""
    canonical = _compact([label, *parts]).encode("ascii")
    mac = hmac.digest(key, canonical, "sha256")
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode("ascii")
