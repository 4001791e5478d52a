"""A real keystore and database in a directory of the test's own, under a configuration that leads nowhere."""

from __future__ import annotations

from pathlib import Path

from connector.app.ground import Ground, open_ground
from connector.config import load
from tests.fakes.clock import ManualClock

NOWHERE = "https://127.0.0.1:9"
"""The discard port of this machine; nobody listens."""

TEXT = """\
version: 1
instance: cal-01.example.com
state: {root}/state
runtime: {root}/run
keystore: {{master_key: {root}/state/master.key}}
hub: {{url: "{nowhere}"}}
workers: 2
sources:
  hq:
    type: exchange
    domains: [example.com]
    url: {nowhere}/EWS/Exchange.asmx
    stream: "off"
    accounts: {{a: {{user: svc-a@example.com}}, b: {{user: svc-b@example.com, from: 2026-11-22}}}}
policies: {{staff: {{}}, room: {{write: []}}}}
"""


def write(root: Path, more: str = "", *, instead: tuple[str, str] | None = None) -> Path:
    """The configuration file; another text each time it is called."""
    text = TEXT.format(root=root, nowhere=NOWHERE)
    if instead is not None:
        assert instead[0] in text
        text = text.replace(*instead)
    path = root / "connector.yaml"
    path.write_text(text + more)
    return path


def ground(root: Path, clock: ManualClock | None = None, more: str = "") -> Ground:
    """Open it, as a daemon does."""
    return open_ground(load(write(root, more)), clock or ManualClock())
