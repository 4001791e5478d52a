"""Places that calendars link to and that are no room's meeting: named when asked about, never picked."""

from __future__ import annotations

from connector.meeting.joinlink.rule import ANYTHING, Category, Recognises, Service, shape


def _elsewhere(name: str, *hosts: str, shapes: tuple[Recognises, ...]) -> Service:
    return Service(name, hosts, shapes, category=Category.ELSEWHERE)


SERVICES = (
    _elsewhere(
        "youtube",
        "youtube.com",
        "youtu.be",
        shapes=(
            shape("video", r"/watch", query={"v": r".+"}),
            shape("video", r"/(?:live|embed|shorts)/.+"),
            shape("channel", r"/(?:@|c/|channel/|user/).+"),
            shape("video", r"/[\w-]{6,}", host=r"youtu\.be"),
        ),
    ),
    _elsewhere(
        "discord",
        "discord.gg",
        "discord.com",
        "discordapp.com",
        shapes=(
            shape("invitation", r"/[\w-]+", host=r"discord\.gg"),
            shape("channel", r"/(?:invite|channels|events)/.+"),
        ),
    ),
    _elsewhere(
        "vimeo",
        "vimeo.com",
        "venues.vimeo.com",
        shapes=(
            shape("video", r"/(?:event|showcase|webinars)/.+"),
            shape("video", r"/[0-9]+(?:/\w+)?"),
            shape("video", ANYTHING, host=r"venues\.vimeo\.com"),
        ),
    ),
    _elsewhere("preply", "preply.com", shapes=(shape("lesson", ANYTHING, loose=True),)),
)
