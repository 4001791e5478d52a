"""How monitoring sees a real daemon."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.site import Site

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A running site with one live mailbox, whose metrics are served."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as made:
        with made.config.open("a") as config:
            config.write(f'metrics: {{listen: "unix:{made.folder}/run/metrics.sock"}}\n')
        made.start()
        made.activate(made.exchange.address(1))
        yield made


def scraped(site: Site) -> str:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(f"{site.folder}/run/metrics.sock")
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


def test_figures_of_a_running_daemon(site: Site) -> None:
    """Mailboxes, hub and the process itself; nobody is named."""
    page = scraped(site)
    assert 'calendar_connector_mailboxes{state="active"} 1.0' in page
    assert "calendar_connector_hub_up 1.0" in page
    assert "process_resident_memory_bytes" in page
    assert site.exchange.address(1) not in page


def test_a_reload_keeps_the_figures(site: Site) -> None:
    """The socket is made anew; scrapes go on."""
    site.reload()
    site.wait(lambda: "calendar_connector_hub_up" in _maybe(site), "figures after the reload")


def _maybe(site: Site) -> str:
    try:
        return scraped(site)
    except OSError:
        return ""


def test_a_plugins_line(site: Site) -> None:
    """OK while all is well, CRITICAL when the daemon is stopped, UNKNOWN when nothing can be read."""
    site.wait(lambda: site.try_cli("status", "--nagios").returncode == 0, "all to be well")
    assert site.cli("status", "--nagios").startswith("OK: 1 mailboxes, the hub is reached | mailboxes=1")
    site.stop()
    stopped = site.try_cli("status", "--nagios")
    assert (stopped.returncode, stopped.stdout.split(" | ")[0]) == (
        2,
        "CRITICAL: the daemon is not running",
    )
    site.config.write_text("version: 9\n")
    broken = site.try_cli("status", "--nagios")
    assert (broken.returncode, broken.stdout.startswith("UNKNOWN: ")) == (3, True)


def test_a_bundle_for_support(tmp_path: Path) -> None:
    """Shown, then written for its owner alone; no password, token, person or meeting is in it, the rest is."""
    with Site(mailboxes=3, exchange={"hosts": "example.com"}) as made:
        made.start()
        address = made.exchange.address(1)
        made.activate(address)
        target = tmp_path / "bundle.txt"
        shown = made.cli("support-bundle", "--to", str(target), "--mailbox", address, "--yes")
        text = target.read_text()
        assert text in shown
        assert target.stat().st_mode & 0o777 == 0o600
        for wanted in ("=== versions", "cryptography", "=== configuration", '"running": true', "person-"):
            assert wanted in text
        for secret in (made.exchange.password, address, made.exchange.upn):
            assert secret not in text
        again = made.try_cli("support-bundle", "--to", str(target), "--yes")
        assert (again.returncode, "can't be written: File exists" in again.stderr) == (2, True)
