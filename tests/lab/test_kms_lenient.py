"""What another maker's client believes and ours must not: PyPI's webex-message-handler checks no signature and pairs by order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import Transient
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.session import Session
from connector.seal.kms_client.verbs import Verbs
from connector.seal.kmswire.handshake import Binding
from connector.seal.kmswire.messages import Credential
from connector.seal.kmswire.static import Anchor, fingerprint
from tests.lab.lenient import HANDSHAKES, SWAPPED, USER, Hub, key_for
from tests.unit.kms.site import Site, site_at, token
from tests.unit.seal.kmswire.site import HOST

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = "webex-message-handler==0.6.17"
INSTALL_SECONDS = 180


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A key server."""
    made = site_at(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="session")
def library() -> Path:
    """The folder with the library, installed once beside ours and kept in the user's cache; skips where pip can't."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "calendar-connector-tests"
    folder = cache / LIBRARY.replace("==", "-")
    if not (folder / "webex_message_handler").is_dir():
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        try:
            done = subprocess.run(
                [*command, "--target", str(folder), LIBRARY],
                capture_output=True,
                text=True,
                check=False,
                timeout=INSTALL_SECONDS,
            )
        except subprocess.TimeoutExpired:
            pytest.skip(f"pip did not install {LIBRARY} in time")
        if done.returncode != 0:
            pytest.skip(f"pip can't install {LIBRARY}: {done.stderr.strip().splitlines()[-1:]}")
    return folder


class Ann:
    """The credentials of a user's own client of ours."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def handshake(self, _binding: Binding) -> Credential:
        """The token."""
        return self.request()

    def request(self) -> Credential:
        """The same."""
        return Credential(bearer=token(self._site.clock, USER))


def ours(hub: Hub) -> Verbs:
    """Our client, anchored to the true static key."""
    pins = frozenset({fingerprint(hub.site.desk.static.public.key)})
    session = Session(hub, Anchor(HOST, pins=pins), Ann(hub.site), "c", hub.site.clock)
    return Verbs(Convoy(session.ask).ask, HOST)


def test_the_library_believes_every_forgery(library: Path) -> None:
    """So the forgeries are such that a client can be deceived by them."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.lab.lenient", str(library)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == dict.fromkeys([*HANDSHAKES, SWAPPED], True)


def test_ours_is_good_friends_with_an_honest_hub(site: Site) -> None:
    """Nothing is refused for being carried."""
    ours(Hub(site)).ping()


@pytest.mark.parametrize("name", HANDSHAKES)
def test_ours_believes_none_of_them(site: Site, name: str) -> None:
    """No ephemeral key comes of it, so nothing is asked under one."""
    hub = Hub(site, HANDSHAKES[name])
    with pytest.raises(Transient, match="key-service-away"):
        ours(hub).ping()
    assert hub.swapped == []


def test_ours_takes_no_answer_to_another_request(site: Site) -> None:
    """The first key's answer for the second request is as if none had come."""
    client = site.client(USER, "c")
    first, second = key_for(client), key_for(client)
    verbs = ours(Hub(site))
    assert verbs.retrieve_key(first.uri).secret == first.secret
    with pytest.raises(Transient, match="key-service-away"):
        verbs.retrieve_key(second.uri)
