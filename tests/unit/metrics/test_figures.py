"""Figures: by Prometheus's conventions, of what status shows, and named the same in everything that is shipped."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from connector.alarms.kinds import KINDS
from connector.errors import UserError
from connector.metrics.figures import FIGURES, LABELLED, PREFIX, text
from connector.metrics.serve import MetricsServer

ROOT = Path(__file__).resolve().parents[3]
FACTS: dict[str, Any] = {
    "instance": "cal-01.example.com",
    "version": "1.2.3",
    "mode": "active",
    "healthy": False,
    "started": "2026-11-21T09:00:00+00:00",
    "mailboxes": {"active": 12, "error": 1},
    "loading": None,
    "lag_seconds": 7,
    "outbox": {"waiting": 3, "dead_letters": 1, "oldest_seconds": 20},
    "epoch": 2,
    "hub": {"up": True},
    "streams": [{"source": "hq", "streams": 1, "streamed": 10, "polled": 2}],
    "held": [{"source": "hq"}, {"source": "hq"}],
    "budgets": [{"source": "brand", "minute": {"used": 555}, "day": {"used": 800_000}}],
    "alarms": [{"number": 305, "count": 0}, {"number": 203, "count": 4}],
    "workers": {"all": 16, "busy": 2},
    "writes": "flowing",
    "steps": 99,
    "database_bytes": 4096,
    "alarm_kinds": [(one.number, one.name, str(one.severity)) for one in KINDS],
}


def samples(body: bytes) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def test_figures_are_what_status_shows() -> None:
    """Numbers, states and alarms; a kind of alarm that does not stand is a 0, so that its end shows."""
    found = samples(text(lambda: FACTS))
    assert found[PREFIX + "healthy", ()] == 0
    assert found[PREFIX + "hub_up", ()] == 1
    assert found[PREFIX + "mailboxes", (("state", "active"),)] == 12
    assert found[PREFIX + "held_servers", (("source", "hq"),)] == 2
    assert found[PREFIX + "requests_of_the_last_minute", (("source", "brand"),)] == 555
    assert found[PREFIX + "requests_of_the_last_day", (("source", "brand"),)] == 800_000
    assert found[PREFIX + "steps_total", ()] == 99
    alarms = {dict(labels)["number"]: value for (name, labels), value in found.items() if "alarms" in name}
    assert (alarms["203"], alarms["305"], alarms["101"]) == (4, 1, 0)


def test_names_keep_to_the_conventions() -> None:
    """One prefix, base units, snake case, a help text for each."""
    for name in [one.name for one in FIGURES] + list(LABELLED):
        assert re.fullmatch(r"[a-z][a-z_]*[a-z]", name)
        assert not name.endswith(("_total", "_ms", "_minutes", "_kb"))
    for family in text_string_to_metric_families(text(lambda: FACTS).decode()):
        assert family.documentation


def named(shipped: str) -> set[str]:
    return set(re.findall(rf"{PREFIX}[a-z_]+", shipped))


@pytest.mark.parametrize(
    "path", ["packaging/monitoring/grafana-dashboard.json", "packaging/monitoring/alert-rules.yaml"]
)
def test_what_is_shipped_names_figures_that_there_are(path: str) -> None:
    """A dashboard or rule over a figure that does not exist would be silent for ever."""
    shipped = (ROOT / path).read_text()
    json.loads(shipped) if path.endswith("json") else yaml.safe_load(shipped)
    there = {name for name, _ in samples(text(lambda: FACTS))}
    assert named(shipped) <= there
    assert named(shipped)


def test_every_figure_is_documented() -> None:
    """docs/operate.md has a row for each."""
    page = (ROOT / "docs/operate.md").read_text()
    for name in [one.name for one in FIGURES] + list(LABELLED):
        assert f"`{PREFIX}{name}" in page


@contextmanager
def serving(listen: str) -> Iterator[MetricsServer]:
    server, stop = MetricsServer(listen, lambda: text(lambda: FACTS)), threading.Event()
    thread = threading.Thread(target=server.run, args=(stop,))
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        thread.join(10)


def asked(connection: socket.socket, path: str) -> bytes:
    with connection:
        connection.settimeout(10)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_over_a_unix_socket(tmp_path: Path) -> None:
    """Readable for its owner and the groups only; gone when the server is."""
    path = tmp_path / "metrics.sock"
    with serving(f"unix:{path}"):
        assert path.stat().st_mode & 0o777 == 0o660
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        answer = asked(connection, "/metrics")
        assert answer.startswith(b"HTTP/1.0 200")
        assert samples(answer.partition(b"\r\n\r\n")[2])[PREFIX + "epoch", ()] == 2
    assert not path.exists()


def test_over_a_port_of_this_machine() -> None:
    """One path only; nonsense does not end it."""
    with serving("127.0.0.1:0") as server:
        for request, status in (("/", b"404"), ("x" * 70000, b"414"), ("/metrics?a=b", b"200")):
            connection = socket.create_connection(("127.0.0.1", server.port))
            assert asked(connection, request).split(b" ")[1] == status


def test_where_it_can_not_listen(tmp_path: Path) -> None:
    """One sentence with the address."""
    with pytest.raises(UserError, match="metrics can't be served at unix:"):
        MetricsServer(f"unix:{tmp_path}/nowhere/m.sock", lambda: b"")
