"""Whose clock is wrong: the servers' Date headers beside our own time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from connector.doctor import shell
from connector.doctor.findings import Finding, failed, passed, skipped
from connector.doctor.sight import Sight

TOLERANCE = timedelta(seconds=60)
"""operating.md, "Network, time, traces"; Kerberos bears five minutes, sealed commands and signatures less."""

OURS = ("timedatectl", "systemctl restart systemd-timesyncd")


def judge(sights: Sequence[Sight]) -> Iterator[Finding]:
    """A finding for each place that was connected to. When several agree that we are off, it is our clock."""
    seen = list({sight.place: sight for sight in sights if sight.clear}.values())
    off = [skew for sight in seen if (skew := _skew(sight)) is not None and abs(skew) > TOLERANCE]
    told = sum(_skew(sight) is not None for sight in seen)
    ours = told > 1 and len(off) == told and max(off) - min(off) <= TOLERANCE
    yield from (_one(sight, ours=ours) for sight in seen)


def _one(sight: Sight, *, ours: bool) -> Finding:
    name, skew = sight.place.name, _skew(sight)
    if skew is None:
        return skipped("clock", name, "the server does not tell its time")
    if abs(skew) <= TOLERANCE:
        return passed("clock", name, f"its time differs from ours by {abs(skew.total_seconds()):.0f} s")
    way = "ahead of" if skew > timedelta() else "behind"
    sentence = f"its clock is {_span(abs(skew))} {way} this machine's"
    if ours:
        return failed(
            "clock", name, "clock-here", sentence, "All servers agree: set this machine's clock.", *OURS
        )
    lines = (*OURS[:1], *(shell.clock() if sight.place.exchange else ()))
    return failed(
        "clock", name, "clock-skew", sentence, "Find out whose is wrong and have it follow NTP.", *lines
    )


def _skew(sight: Sight) -> timedelta | None:
    """The server's time minus ours; positive when it is ahead."""
    if sight.date is None or sight.read_at is None:
        return None
    return sight.date - sight.read_at


def _span(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    minutes, hours = seconds // 60, seconds // 3600
    return f"{seconds} s" if minutes < 3 else f"{minutes} min" if hours < 3 else f"{hours} h"
