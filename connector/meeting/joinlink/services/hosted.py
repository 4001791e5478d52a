"""The other meeting services of the web."""

from __future__ import annotations

from connector.meeting.joinlink.rule import ANYTHING, ROOM, Service, shape

_NINE_TO_TEN = r"(?P<id>[0-9]{9,10})"
_NUMBER = r"(?P<id>[0-9]{4,15})"
_ANY_ROOM = (shape("room", ANYTHING, loose=True),)
_BELOW = r"(?!www\.)[\w-]+\..+"


def _rooms(name: str, *hosts: str) -> Service:
    """A service whose every path but the usual pages is a room."""
    return Service(name, hosts, _ANY_ROOM)


SERVICES = (
    Service(
        "chime",
        ("chime.aws",),
        (
            shape("meeting", r"/(?P<id>[0-9]{4,13})"),
            shape("meeting", r"/meetings/(?P<id>[0-9]{4,13})"),
            shape("personal room", r"/[\w.-]+", loose=True),
        ),
    ),
    Service(
        "gotomeeting",
        ("gotomeeting.com", "gotomeet.me", "meet.goto.com", "gotomeet.at"),
        (
            shape("meeting", rf"/(?:join/|meeting/)?{_NUMBER}", dial="{id}@67.217.95.2"),
            shape("meeting", r"/", query={"meetingid": _NUMBER}, dial="{id}@67.217.95.2"),
            shape(
                "personal room",
                r"/[\w.-]+",
                host=r"(?:.+\.)?(?:gotomeet\.me|gotomeet\.at|meet\.goto\.com)",
                loose=True,
            ),
            shape("personal room", r"/(?:join|meet)/[\w.-]+"),
        ),
    ),
    Service(
        "gotomeeting",
        ("app.goto.com",),
        (
            shape("meeting", rf"/meeting/{_NUMBER}", dial="{id}@67.217.95.2"),
            shape("personal room", r"/(?:meet|meeting)/[\w.-]+"),
        ),
        exact=True,
    ),
    Service(
        "bluejeans",
        ("bluejeans.com",),
        (
            shape("event", r"/a2m/.+"),
            shape(
                "meeting",
                rf"/{_NUMBER}(?:/(?P<passcode>[0-9]{{2,12}}))?(?:/webrtc|/browser)?",
                dial="{id}@bjn.vc",
            ),
            shape("meeting", ROOM, loose=True),
        ),
    ),
    Service(
        "lifesize",
        ("call.lifesizecloud.com",),
        (
            shape("room", rf"/{_NUMBER}", dial="{id}@sip.lifesizecloud.com"),
            shape("room", ANYTHING, loose=True),
        ),
        exact=True,
    ),
    Service(
        "starleaf", ("meet.starleaf.com",), (shape("meeting", rf"/{_NUMBER}(?:/.*)?"), *_ANY_ROOM), exact=True
    ),
    Service(
        "8x8",
        ("8x8.vc",),
        (shape("room", r"/(?!static/)[^/]+/(?P<id>[^/]+)", loose=True),),
        exact=True,
    ),
    Service(
        "ringcentral",
        ("ringcentral.com",),
        (
            shape("meeting", r"/(?:j|join|w|webinar|conf)/(?P<id>[0-9]{1,15})", passcode=("pwd", "pw")),
            shape("meeting", r"/(?:j|join|w|webinar|conf)/.+", passcode=("pwd", "pw")),
        ),
    ),
    Service(
        "dialpad",
        ("meetings.dialpad.com", "uberconference.com"),
        (shape("room", r"/room/.+"), shape("room", ROOM, loose=True)),
    ),
    Service(
        "whereby", ("whereby.com", "appear.in"), (shape("room", r"/(?!user$|org$|meet$)[^/]+", loose=True),)
    ),
    Service("slack", ("app.slack.com",), (shape("huddle", r"/huddle/[A-Z0-9]+(?:/[A-Z0-9]+)?"),)),
    Service("facetime", ("facetime.apple.com",), (shape("call", r"/join", fragment=r".+"),)),
    Service("workplace", ("workplace.com",), (shape("group call", r"/groupcall/.+"),)),
    Service(
        "vonage",
        ("meetings.vonage.com",),
        (shape("meeting", rf"/(?:join/)?{_NINE_TO_TEN}"), shape("room", ROOM, loose=True)),
    ),
    Service(
        "lark", ("larksuite.com",), (shape("meeting", r"/j/(?P<id>[0-9]+)", host=r"vc(?:-[\w-]+)?\..+"),)
    ),
    Service("feishu", ("feishu.cn",), (shape("meeting", r"/j/(?P<id>[0-9]+)", host=r"vc(?:-[\w-]+)?\..+"),)),
    Service(
        "zhumu",
        ("welink.zhumu.com",),
        (
            shape("meeting", r"/j/(?P<id>[0-9]+)", passcode="pwd"),
            shape("meeting in the browser", r"/wc/join/(?P<id>[0-9]+)", query={"wpk": r".+"}),
        ),
    ),
    Service(
        "voov",
        ("voovmeeting.com", "meeting.tencent.com"),
        (shape("meeting", r"/p/(?P<id>[0-9]+)"), *_ANY_ROOM),
    ),
    Service(
        "zoho_cliq", ("cliq.zoho.eu", "cliq.zoho.com", "cliq.zoho.in"), (shape("meeting", r"/meetings/.+"),)
    ),
    Service("proton_meet", ("meet.proton.me",), (shape("meeting", r"/join/(?:id-)?(?P<id>[\w-]+)"),)),
    Service(
        "pumble",
        ("meet.pumble.com",),
        (shape("meeting", r"/(?P<id>[a-z0-9]+(?:-[a-z0-9]+){0,4})", loose=True),),
    ),
    Service(
        "livekit",
        ("livekit.io",),
        (shape("room", r"/rooms/(?P<id>[^/]+)", host=r"meet\.(?:[\w-]+\.){0,3}livekit\.io"),),
    ),
    _rooms("meetecho", "meetings.conf.meetecho.com"),
    _rooms("joinme", "join.me"),
    _rooms("blizz", "go.blizz.com"),
    _rooms("teamviewer", "go.teamviewer.com"),
    _rooms("vsee", "vsee.com"),
    _rooms("around", "around.co", "meet.around.co"),
    Service(
        "gather",
        ("app.gather.town", "gather.town"),
        (shape("space", r"/app/[^/]+/[^/]+"), shape("meeting", r"/join/.+")),
    ),
    Service(
        "ovice",
        ("ovice.in", "ovice.com"),
        (
            shape("space", r"/[^/].*", host=r"app\.ovice\.com", loose=True),
            shape("space", r"(?:/.*)?", host=r"(?!(?:www|app|help|support|blog)\.)[\w-]+\.ovice\.(?:in|com)"),
        ),
    ),
    _rooms("coscreen", "join.coscreen.co"),
    Service(
        "vowel",
        ("vowel.com",),
        (shape("meeting", r"/", fragment=r"/g/.+"), shape("meeting", r"", fragment=r"/g/.+")),
    ),
    Service("pop", ("pop.com",), (shape("room", r"/j/(?P<id>[0-9]+(?:-[0-9]+){0,4})"),)),
    Service("tuple", ("tuple.app",), (shape("call", r"/c/.+"),)),
    Service("doxyme", ("doxy.me",), (shape("waiting room", r"/[\w.-]+", loose=True),)),
    Service("calcom", ("app.cal.com", "cal.com"), (shape("room", r"/video/.+"),)),
    Service("zmpage", ("zm.page",), (shape("room", r"(?:/.*)?", host=_BELOW),)),
    Service("teemyco", ("app.teemyco.com",), (shape("room", r"/room/.+"),)),
    Service("demodesk", ("demodesk.com",), (shape("meeting", r"/(?:[a-z]{2}/)?[\w-]{6,40}", loose=True),)),
    _rooms("suit_conference", "conference.istesuit.com"),
    Service(
        "blackboard",
        ("us.bbcollab.com", "bbcollab.com"),
        (shape("session", r"/(?:guest|invite|launch|collab/ui/session/(?:guest|join))/?.+"), *_ANY_ROOM),
    ),
    Service("reclaim", ("reclaim.ai", "app.reclaim.ai"), (shape("meeting", r"/z/.+"),)),
    _rooms("jam", "jam.systems"),
)
