"""Numbered alarms: what may be wrong with the whole, what to do about it, and what is wrong just now."""

from connector.alarms.board import Alarm, Alarms, Change
from connector.alarms.kinds import KINDS, Kind, Severity, kind

__all__ = ["KINDS", "Alarm", "Alarms", "Change", "Kind", "Severity", "kind"]
