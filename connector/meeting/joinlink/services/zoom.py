"""Zoom and the programs it opens."""

from __future__ import annotations

from connector.meeting.joinlink.rule import Service, Shape, shape

_ID = r"(?P<id>[0-9]{1,11})"
_DOMAINS = ("zoom.us", "zoom.com", "zoom.com.cn", "zoom-x.de")
_ROOM_CONNECTOR = "{id}@zoomcrc.com"


def _shapes(dial: str | None) -> tuple[Shape, ...]:
    return (
        shape("meeting", rf"/[jw]/{_ID}", passcode="pwd", dial=dial),
        shape("meeting in the browser", rf"/wc/join/{_ID}", passcode="pwd", dial=dial),
        shape("meeting in the browser", rf"/wc/{_ID}/(?:join|start)", passcode="pwd", dial=dial),
        shape("meeting by number", r"/(?:join|j)", query={"confno": _ID}, passcode="pwd", dial=dial),
        shape("personal room", r"/my/[^/]+", passcode="pwd"),
        shape("event", r"/ejl/.+", host=r"events\.zoom\.(?:us|com)"),
        shape("host's start", rf"/s/{_ID}", passcode="pwd", weak=True),
        shape("webinar", r"/webinar/.+", weak=True),
        shape("registration", r"/meeting/register/[^/]+", weak=True),
    )


SERVICES = (
    Service("zoom", _DOMAINS, _shapes(_ROOM_CONNECTOR), family="zoom"),
    Service(
        "zoom_native",
        _DOMAINS,
        (
            shape(
                "program",
                r"/(?:join|start)",
                query={"confno": _ID},
                passcode="pwd",
                dial=_ROOM_CONNECTOR,
                weak=True,
            ),
        ),
        schemes=frozenset({"zoommtg", "zoomus"}),
        family="zoom",
    ),
    Service("zoomgov", ("zoomgov.com",), _shapes(None), family="zoomgov"),
)
