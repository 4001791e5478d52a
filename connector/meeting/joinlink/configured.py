"""Rules that follow from the configured conference services: what a keyword writes is found again in every copy."""

from __future__ import annotations

import re

from connector.meeting.joinlink.catalogue import OwnRule
from connector.meeting.joinlink.own import OwnShape
from connector.meeting.joinlink.rule import Service
from connector.meeting.joinlink.services import premises
from connector.meeting.weblink import parse

LAST = 10_000
"""Behind every rule of ``join_rules``, whose priorities end at 1,000."""

_VALUE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_MOST_VALUES = 8


def jitsi_server(name: str, url: str) -> OwnRule | None:
    """The rooms of the Jitsi server at ``url``, which may hold a path; None where it is no web address."""
    link = parse(url)
    if link is None:
        return None
    return OwnRule(premises.jitsi_at(link.host, link.path.strip("/")), f"conference.{name}", LAST)


def template_rooms(name: str, template: str) -> OwnRule | None:
    """The rooms that a template of links leads to; ``{{ … }}`` in it stands for one word of an address.

    None where the host itself is filled in, or the template decides something: nothing is known of its links then.
    """
    if "{%" in template or template.count("{{") > _MOST_VALUES:
        return None
    literals = _VALUE.split(template)
    link = parse(literals[0])
    if link is None or (len(literals) > 1 and literals[0].count("/") < 3):
        return None
    rest = literals[0].partition("://")[2].partition("/")[2]
    path = r"[^/?&#\s]+".join(re.escape(part) for part in [f"/{rest}", *literals[1:]]).removesuffix("/")
    shape = OwnShape(name, re.compile(rf"\A{path}(?=[/?&#]|\Z)", re.IGNORECASE), None)
    return OwnRule(
        Service(name, (link.host,), (shape,), exact=True, strict_port=False), f"conference.{name}", LAST
    )
