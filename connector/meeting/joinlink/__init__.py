"""How to join a meeting, found in whatever its invitation says."""

from __future__ import annotations

from connector.meeting.joinlink.catalogue import Catalogue, OwnRule
from connector.meeting.joinlink.configured import jitsi_server, template_rooms
from connector.meeting.joinlink.dialling import NOTHING_SAID, Dialling
from connector.meeting.joinlink.dialstring import dialled
from connector.meeting.joinlink.evidence import Evidence, Passage, Place, of_meeting
from connector.meeting.joinlink.find import Finding, JoinRules, find
from connector.meeting.joinlink.google_event import of_google_event
from connector.meeting.joinlink.icalendar import of_icalendar
from connector.meeting.joinlink.own import RuleText, own_rules

__all__ = [
    "NOTHING_SAID",
    "Catalogue",
    "Dialling",
    "Evidence",
    "Finding",
    "JoinRules",
    "OwnRule",
    "Passage",
    "Place",
    "RuleText",
    "dialled",
    "find",
    "jitsi_server",
    "of_google_event",
    "of_icalendar",
    "of_meeting",
    "own_rules",
    "template_rooms",
]
