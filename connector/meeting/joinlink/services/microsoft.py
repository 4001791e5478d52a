"""Teams, Skype for Business and Skype, and the pages by which video rooms get into Teams."""

from __future__ import annotations

from connector.meeting.joinlink.rule import WEB, Service, Shape, shape

_ID = r"(?P<id>[0-9]{6,20})"
_THREAD = r"/l/meetup-join/(?P<thread>[^/?]+)(?:[/?].*)?"
_MEET = rf"/meet/{_ID}(?:\?(?:[^#]*&)?p=(?P<passcode>[^&#]+)[^#]*|\?[^#]*)?"

_TEAMS = (
    shape("meeting", rf"/meet/{_ID}", query={"p": r"(?P<passcode>.+)"}),
    shape("meeting thread", _THREAD),
    shape("launcher", r"/dl/launcher/launcher\.html", query={"url": rf"/_#{_THREAD}"}),
    shape("launcher", r"/dl/launcher/launcher\.html", query={"url": rf"/_#{_MEET}"}),
    shape("program's address", r"(?:/_|/v2)?", fragment=_THREAD),
    shape("program's address", r"(?:/_|/v2)?", fragment=_MEET),
    shape("light meeting", r"/light-meetings/launch", query={"coords": r".+"}),
    shape("meeting without passcode", rf"/meet/{_ID}", weak=True),
    shape("town hall", r"/convene/townhalls", query={"eventid": r".+"}),
)

_PERSONAL = (
    shape("meeting", rf"/meet/{_ID}", passcode="p"),
    shape("program's address", r"(?:/_|/v2)?", fragment=_MEET),
    shape("meeting thread", _THREAD),
)


def _by_page(name: str, path: str, dial: str, **query: str) -> Shape:
    return shape(name, path, query=query, dial=dial)


_KEY = r"(?P<key>[\w.-]{1,64})"
_CONFERENCE = r"(?P<conference>[0-9]{4,15})"
_DOMAIN = r"(?P<domain>[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63}){1,6})"

ROOM_PAGES = (
    Service(
        "teams",
        ("dialin.plcm.vc",),
        (
            _by_page(
                "Poly's page for rooms", r"/teams", "{key}.{conference}@t.plcm.vc", key=_KEY, conf=_CONFERENCE
            ),
        ),
    ),
    Service(
        "teams",
        ("webex.com",),
        (
            _by_page(
                "Webex's page for rooms",
                r"/msteams",
                "{conference}.{key}@{domain}",
                tenantkey=_KEY,
                confid=_CONFERENCE,
                domain=_DOMAIN,
            ),
            _by_page("Webex's page for rooms", r"/msteams", "{key}@{domain}", tenantkey=_KEY, domain=_DOMAIN),
        ),
    ),
    Service(
        "teams",
        ("bluejeans.com", "bjn.vc"),
        (
            _by_page(
                "BlueJeans's page for rooms",
                r"/teams.*",
                "{key}.{conference}@teams.bjn.vc",
                key=_KEY,
                conf=_CONFERENCE,
            ),
        ),
    ),
    Service(
        "teams",
        ("pexip.me",),
        (
            shape(
                "Pexip's page for rooms",
                rf"/teams/{_DOMAIN}/(?P<conference>[0-9]{{4,15}})",
                dial="{conference}@{domain}",
            ),
        ),
    ),
)
"""Pages that carry the video address of a Teams meeting and are no way in themselves."""

ROOM_PAGES_ANYWHERE = (
    Service(
        "teams",
        (),
        (
            _by_page(
                "Pexip's page for rooms",
                r"/teams",
                "{prefix}{conference}@{domain}",
                prefix=r"(?P<prefix>[\w.-]{1,32})",
                conf=_CONFERENCE,
                d=_DOMAIN,
            ),
            _by_page(
                "Pexip's page for rooms", r"/teams", "{conference}@{domain}", conf=_CONFERENCE, d=_DOMAIN
            ),
        ),
    ),
)
"""The same on a host of the organisation's own: told by what the query holds."""

SERVICES = (
    Service(
        "teams",
        (
            "teams.microsoft.com",
            "teams.microsoft.us",
            "gov.teams.microsoft.us",
            "gov.teams.microsoft.com",
            "dod.teams.microsoft.us",
            "teams.cloud.microsoft",
        ),
        _TEAMS,
        exact=True,
        schemes=WEB | {"msteams"},
        family="teams",
    ),
    Service(
        "teams",
        ("events.teams.microsoft.com",),
        (shape("town hall", r"/event/[^/]+", weak=True),),
        exact=True,
        family="teams",
    ),
    Service("teams", ("teams.live.com",), _PERSONAL, exact=True, schemes=WEB | {"msteams"}),
    Service(
        "skype4biz",
        ("meet.lync.com",),
        (shape("meeting", r"/[^/]+/[^/]+/(?P<id>[a-z0-9]+)"),),
        exact=True,
    ),
    Service(
        "skype", ("join.skype.com",), (shape("call", r"/(?!bot/)[a-z0-9][\w-]*(?:/[\w-]+)?", loose=True),)
    ),
)
