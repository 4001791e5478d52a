"""Notifications that arrive at the connector itself, behind a reverse proxy; polling is an hour apart, so that it explains nothing."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.lab.exchange.certificates import Authority
from tests.lab.google.reverse_proxy import dial, reverse_proxy
from tests.lab.google.site import GoogleSite

pytestmark = pytest.mark.lab

TOMORROW = (datetime.now(UTC) + timedelta(days=1)).replace(hour=9, minute=0, second=0, microsecond=0)
RECEIVER = """\
    receiver: {{listen: "{listen}", url: "https://localhost:{port}/calendars"}}
"""


@pytest.fixture(params=["unix", "port"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GoogleSite]:
    """Two active users; Google posts to a proxy that leads to a Unix socket, or to a port, of the daemon."""
    listen = f"unix:{tmp_path}/notify.sock" if request.param == "unix" else f"127.0.0.1:{_free_port()}"
    authority = Authority(tmp_path, datetime.now(UTC))
    certificate = authority.issue(["localhost"], datetime.now(UTC)).path
    with reverse_proxy(certificate, listen) as port:
        receiver = RECEIVER.format(listen=listen, port=port)
        with GoogleSite(users=3, push="own", poll="1h", source=receiver) as started:
            started.google.tell("/push", ca=str(authority.path))
            started.start()
            started.activate(started.google.address(1), started.google.address(2))
            started.wait(lambda: len(channels(started)) == 2, "two channels")
            yield started


def channels(site: GoogleSite) -> list[dict[str, Any]]:
    """Living channels at Google."""
    return list(site.google.tell("/channels")["channels"])


def test_changes_are_heard_of_without_the_hub(site: GoogleSite) -> None:
    """Before and after a restart with the same channels, until the user leaves; the user's name is in no log."""
    google, address = site.google, site.google.address(1)
    google.edit("create", mailbox=address, start=TOMORROW.isoformat(), subject="Pushed")
    site.follows(address)
    before = {one["id"] for one in channels(site)}
    site.kill()
    site.start()
    google.edit("create", mailbox=address, start=TOMORROW.isoformat(), subject="Again")
    site.follows(address)
    assert {one["id"] for one in channels(site)} == before
    assert {status for _, status in google.tell("/channels")["delivered"]} == {204}
    assert "/google/v1/channels" not in (site.folder / "hub" / "hub.log").read_text()
    site.cli("mailbox", "deactivate", address, "--yes")
    site.wait(lambda: len(channels(site)) == 1, "the channel to be stopped")
    assert "googleapis.com/calendar/v3/calendars" not in site.log.read_text()
    assert "a receiver of our own" in str(site.json("doctor", "--source", "brand"))


def test_a_message_without_its_token_is_nothing(site: GoogleSite) -> None:
    """A channel that is known with a wrong token, and one that is unknown, are answered alike; nobody is looked at."""
    first, second = site.google.address(1), site.google.address(2)
    known = next(one["id"] for one in channels(site) if one["calendar"] == first)
    site.google.edit("create", mailbox=first, start=TOMORROW.isoformat(), subject="Heard")
    site.follows(first)
    site.wait(lambda: quiet(site), "everybody to be looked at")
    since = len(site.google.log())
    for channel in (known, "x" * 32):
        assert posted(site, channel, "wrong") == 404
    assert posted(site, known, "wrong", number="many") == 400
    site.google.edit("create", mailbox=second, start=TOMORROW.isoformat(), subject="Real")
    site.follows(second)
    asked = [one for one in site.google.log(since) if one["operation"] == "events.list"]
    assert {one["subject"] for one in asked if "syncToken" in one["query"]} == {second}


def quiet(site: GoogleSite) -> bool:
    """Whether nobody waits to be looked at: the nudges that followed the new channels are spent."""
    log = [one for one in site.google.log() if one["operation"] in {"events.watch", "events.list"}]
    return all(
        any(one["operation"] == "events.list" and one["subject"] == watch["subject"] for one in log[place:])
        for place, watch in enumerate(log)
        if watch["operation"] == "events.watch"
    )


def posted(site: GoogleSite, channel: str, token: str, number: str = "7") -> int:
    """The answer to a message, as the proxy would hand it on."""
    listen = str(site.more).split('"')[1]
    headers = {"X-Goog-Channel-ID": channel, "X-Goog-Channel-Token": token, "X-Goog-Message-Number": number}
    line = http.client.HTTPConnection("localhost")
    line.sock = dial(listen)
    line.request("POST", "/calendars", b"", {**headers, "X-Goog-Resource-State": "exists"})
    return line.getresponse().status


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
