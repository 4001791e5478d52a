"""Conference providers from a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.app.conferences import build_conferences
from connector.conference.base import by_source
from connector.conference.jitsi import JitsiRooms
from connector.conference.template import TemplateRooms
from connector.conference.webex import WebexRooms
from connector.errors import Transient
from tests.fakes.clock import ManualClock
from tests.unit.app.ground import ground
from tests.unit.conference.orders import order

MORE = """\
directories: {ad: {servers: ["ldaps://gc1.example.com"], base: DC=x}}
proxies: {dmz: {url: "http://proxy.example.com:8080", auth: basic}}
conference:
  jitsi: {type: jitsi, url: "https://meet.example.com", token: {app: calendar}}
  own-room: {type: template, link: "https://vc.example.com/{{ directory.employeeID }}", directory: ad}
  webex: {type: webex, proxy: dmz}
  meet: {type: google_meet}
"""


def test_every_entry_becomes_a_provider(tmp_path: Path) -> None:
    """Each kind of entry has its provider."""
    found = ground(tmp_path, more=MORE)
    config = found.loaded.config
    made = build_conferences(config, found.keystore, found.store, found.clock)
    assert [type(made[name]) for name in ("jitsi", "own-room", "webex")] == [
        JitsiRooms,
        TemplateRooms,
        WebexRooms,
    ]
    assert by_source(made["meet"])
    found.store.close()


def test_a_room_outlives_the_process(tmp_path: Path) -> None:
    """The key of room names rests in the keystore: the same order gives the same room after a restart."""
    found = ground(tmp_path, more=MORE)
    found.keystore.set("conference/jitsi", b"a shared secret of forty characters or so")
    rooms = build_conferences(found.loaded.config, found.keystore, found.store, found.clock)["jitsi"]
    first = rooms.make(order())
    found.store.close()
    again = ground(tmp_path, ManualClock(), more=MORE)
    made = build_conferences(again.loaded.config, again.keystore, again.store, again.clock)
    assert made["jitsi"].make(order()) == first
    again.store.close()


def test_a_directory_that_can_not_be_asked_is_tried_again(tmp_path: Path) -> None:
    """One without an account, and one whose servers are away: the keyword waits, with a reason."""
    away = MORE.replace("gc1.example.com", "127.0.0.1:9").replace("base: DC=x", "base: DC=x, bind: reader")
    for more, words in ((MORE, "names no account"), (away, "no server of the directory")):
        found = ground(tmp_path, more=more)
        found.keystore.set("directory/ad", b"secret")
        made = build_conferences(found.loaded.config, found.keystore, found.store, found.clock)
        with pytest.raises(Transient, match=f"conference-directory-unreadable: .*{words}"):
            made["own-room"].make(order())
        found.store.close()
