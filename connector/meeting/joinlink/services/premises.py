"""Servers that organisations run themselves: Jitsi, Cisco Meeting Server, Pexip, Skype for Business.

Their hosts are known by configuration; only addresses that nothing else looks like are told on any host.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from connector.meeting.joinlink.rule import Service, Shape, shape

_JITSI_OWN = (
    r"(?!(?:static|libs|images|sounds|lang|css|fonts|http-bind|xmpp-websocket|colibri-ws|about-jitsi-meet"
    r"|conferencemapper|get-started|favicon\.ico|robots\.txt)(?:/|$))"
)
_ADDRESS = r"(?P<alias>[^/&?#@]{1,128}(?:@|%40)[^/&?#@]{1,128})"
_ALIAS = r"(?P<id>[^/&?#]{1,250})"


def _jitsi(meeting_id: str) -> tuple[Shape, ...]:
    return (shape("room", rf"/{_JITSI_OWN}{meeting_id}"),)


def jitsi(domains: Iterable[str]) -> Service:
    """Jitsi on servers of one's own; a domain may begin with ``.*`` to say what is meant anyway: hosts below it too."""
    hosts = tuple(domain.removeprefix(".*").strip(".").lower() for domain in domains)
    return Service("jitsi", hosts, _jitsi(r"(?P<id>[^/\s]+)"), strict_port=False)


def jitsi_at(host: str, path: str = "") -> Service:
    """Jitsi on exactly this host, its rooms below this path."""
    below = rf"{re.escape(path)}/" if path else ""
    room = shape("room", rf"/{below}{_JITSI_OWN}(?P<id>[^/\s]+)")
    return Service("jitsi", (host,), (room,), exact=True, strict_port=False)


SERVICES = (Service("jitsi", ("meet.jit.si",), _jitsi(r"(?P<id>[^/\s]+)")),)

_WEB_APP = r"/webapp[0-9]?/(?:m/|conference/|home/)?"


def _pexip(alias: str, dial: str | None) -> tuple[Shape, ...]:
    """The web app names a conference in its path, its query, or behind the #."""
    return (
        shape(
            "web app", _WEB_APP, fragment=rf"/?(?:login)?/?\?(?:[^#]*&)?conference={alias}(?:&.*)?", dial=dial
        ),
        shape("web app", rf"/webapp[0-9]?/(?:conference|m)/{alias}(?:/.*)?", dial=dial),
        shape("web app", _WEB_APP, query={"conference": alias}, dial=dial),
    )


_PEXIP = (*_pexip(_ADDRESS, "{alias}"), *_pexip(_ALIAS, None))

ANYWHERE = (
    Service(
        "cms",
        (),
        (shape("invitation", r"/invited\.sf", query={"id": r"(?P<id>[0-9]{1,20})"}),),
        strict_port=False,
        number_dial="{number}@{domain}",
    ),
    Service("pexip", (), _PEXIP, strict_port=False, number_dial="{number}@{domain}"),
    Service(
        "skype4biz_selfhosted",
        (),
        (
            shape(
                "meeting",
                r"/[^/]+/meet/(?P<id>[a-z0-9]{4,16})",
                host=r"(?:meet|join|lync|lyncweb|skype|sfb)\..+",
            ),
            shape(
                "meeting",
                r"/meet/[^/]+/(?P<id>[a-z0-9]{4,16})",
                host=r"(?:meet|join|lync|lyncweb|skype|sfb)\..+",
            ),
        ),
        strict_port=False,
    ),
)
"""Told on any host, because path and query are those of one product alone."""

PEXIP_PUBLIC = Service(
    "pexip",
    ("pexip.me",),
    (
        shape("meeting", rf"/(?:meet|m)/{_ADDRESS}", dial="{alias}"),
        shape("meeting", rf"/(?:meet|m)/{_ALIAS}"),
        *_PEXIP,
    ),
)


def meeting_server(hosts: Iterable[str]) -> Service:
    """Web hosts that configuration says are a Cisco Meeting Server or Pexip."""
    number = r"(?P<id>[0-9]{1,20})"
    own = (
        shape("invitation", r"/(?:invited\.sf|index\.html)?", query={"id": number}),
        shape("meeting", rf"/(?:[a-z]{{2}}-[a-z]{{2}}/)?meeting/{number}"),
    )
    return Service("cms", tuple(hosts), own, strict_port=False)
