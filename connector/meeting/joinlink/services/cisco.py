"""Webex: meetings, personal rooms, spaces."""

from __future__ import annotations

from connector.meeting.joinlink.rule import Service, shape

NO_SITES = frozenset(
    f"{name}.webex.com"
    for name in (
        *(
            "www",
            "help",
            "meet",
            "meetup",
            "meetings",
            "web",
            "teams",
            "m",
            "lync",
            "developer",
            "admin",
            "signin",
        ),
        *("idbroker", "status", "cart", "apphub", "settings", "community", "essentials", "socio", "vidcast"),
    )
)
"""Hosts below webex.com that are no customer's site."""

_USER = r"(?P<user>[\w.+-]{1,64})"

SERVICES = (
    Service(
        "webex",
        ("webex.com",),
        (
            shape("personal room", rf"/(?:meet|join)/{_USER}", dial="{user}@{host}"),
            shape("meeting", r"(?:/[\w.-]+){0,4}/[jgem]\.php", query={"mtid": r"[a-z0-9]+"}),
            shape("meeting", r"(?:/[\w.-]+){0,4}/[jgem]\.php", query={"ed": r"[0-9]+"}),
            shape("meeting in the browser", r"/wbxmjs/joinservice/.+"),
            shape("meeting in the browser", r"/webappng/sites/[^/]+/meeting/.+"),
            shape(
                "personal room in the browser",
                rf"/webappng/sites/[^/]+/dashboard/pmr/{_USER}",
                dial="{user}@{host}",
            ),
            shape("meeting", r"/m/[a-f0-9-]{8,64}"),
            shape("webinar", r"/weblink/register/[\w-]+", weak=True),
        ),
        not_hosts=NO_SITES,
        number_dial="{number}@{host}",
    ),
    Service(
        "webex",
        ("meetings.webex.com",),
        (
            shape("meeting", r"/collabs/meetings/join", query={"uuid": r".+"}),
            shape("meeting", r"/collabs/?", fragment=r"/meetings/(?:detail|joinmeeting)\?.*uuid=.+"),
        ),
        exact=True,
    ),
    Service(
        "webex_space",
        ("web.webex.com", "teams.webex.com", "wbx2.com"),
        (
            shape("space", r"/(?:meet|meetings?|spaces?|join)/.+"),
            shape("space", r"/conversation/api/v1/conversations/[\w-]+"),
        ),
    ),
)
