"""Google Meet and its elders."""

from __future__ import annotations

from connector.meeting.joinlink.rule import ANYTHING, Category, Service, shape

_CODE = r"(?P<id>[a-z]{3}-[a-z]{4}-[a-z]{3})"

SERVICES = (
    Service(
        "google_meet",
        ("meet.google.com",),
        (
            shape("meeting code", rf"/{_CODE}"),
            shape("meeting code", r"/_meet/(?P<id>[a-z0-9-]{3,64})", loose=True),
            shape("look-up", r"/lookup/(?P<id>[a-z0-9-]{3,64})", weak=True),
            shape("nickname", r"/(?P<id>(?!new/?$)[a-z0-9][a-z0-9-]{3,62})", loose=True, deliberate=True),
        ),
        exact=True,
    ),
    Service(
        "google_meet",
        ("g.co",),
        (shape("nickname", r"/meet/(?P<id>[a-z0-9][a-z0-9-]{2,62})", deliberate=True),),
        exact=True,
    ),
    Service(
        "google_meet_stream",
        ("stream.meet.google.com",),
        (shape("stream", r"/stream/[a-z0-9-]+"),),
        exact=True,
        category=Category.WEBINAR,
    ),
    Service(
        "google_hangouts",
        ("hangouts.google.com",),
        (shape("call", ANYTHING, loose=True, weak=True),),
        exact=True,
    ),
    Service("google_duo", ("duo.app.goo.gl",), (shape("call", ANYTHING, loose=True),)),
)
