"""Conference providers from a configuration."""

from __future__ import annotations

from pathlib import Path

from connector.app.conferences import build_conferences, directory_of
from connector.conference.base import by_source
from connector.conference.jitsi import JitsiRooms
from connector.conference.template import TemplateRooms
from connector.conference.webex import WebexRooms
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
    """Each kind of entry has its provider, and says whose directory it needs."""
    found = ground(tmp_path, more=MORE)
    config = found.loaded.config
    made = build_conferences(config, found.keystore, found.clock)
    assert [type(made[name]) for name in ("jitsi", "own-room", "webex")] == [
        JitsiRooms,
        TemplateRooms,
        WebexRooms,
    ]
    assert by_source(made["meet"])
    assert [directory_of(config.conference[name]) for name in ("own-room", "webex")] == ["ad", None]
    found.store.close()


def test_a_room_outlives_the_process(tmp_path: Path) -> None:
    """The key of room names rests in the keystore: the same order gives the same room after a restart."""
    found = ground(tmp_path, more=MORE)
    found.keystore.set("conference/jitsi", b"a shared secret of forty characters or so")
    rooms = build_conferences(found.loaded.config, found.keystore, found.clock)["jitsi"]
    first = rooms.make(order())
    found.store.close()
    again = ground(tmp_path, ManualClock(), more=MORE)
    made = build_conferences(again.loaded.config, again.keystore, again.clock)
    assert made["jitsi"].make(order()) == first
    again.store.close()
