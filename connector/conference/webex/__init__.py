"""Webex over its public REST interface."""

from connector.conference.webex.provider import WebexRooms
from connector.conference.webex.tokens import Tokens

__all__ = ["Tokens", "WebexRooms"]
