"""Webinars, recordings and broadcasts: a way in, but any meeting's link in the same place beats it."""

from __future__ import annotations

from connector.meeting.joinlink.rule import ANYTHING, Category, Recognises, Service, shape

_ANY = (shape("page", ANYTHING, loose=True),)


def _webinar(name: str, *hosts: str, shapes: tuple[Recognises, ...] = _ANY) -> Service:
    return Service(name, hosts, shapes, category=Category.WEBINAR)


SERVICES = (
    _webinar("gotowebinar", "gotowebinar.com"),
    _webinar("venue", "app.venue.live", shapes=(shape("event", r"/app/.+"),)),
    _webinar("demio", "event.demio.com"),
    _webinar("livestorm", "app.livestorm.com", "app.livestorm.co", shapes=(shape("event", r"/p/.+"), *_ANY)),
    _webinar("luma", "lu.ma", "luma.com"),
    _webinar(
        "streamyard",
        "streamyard.com",
        shapes=(
            shape("studio", r"/(?:guest|watch)/[a-z0-9]+"),
            shape("studio", r"/(?=[a-z]*[0-9])[a-z0-9]{8,13}", loose=True),
        ),
    ),
    _webinar("riverside", "riverside.com", "riverside.fm", shapes=(shape("studio", r"/studio/.+"), *_ANY)),
    _webinar("chorus", "go.chorus.ai"),
    _webinar("gong", "join.gong.io"),
    _webinar("userzoom", "go.userzoom.com", shapes=(shape("study", r"/participate/[\w-]+"), *_ANY)),
)
