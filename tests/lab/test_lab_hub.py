"""The hub as a process: what it acknowledged survives it, and it comes up again as it was."""

from __future__ import annotations

import gc
import json
import random
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from connector.errors import Transient
from connector.model import Queued
from connector.relay.base import Cloud
from connector.relay.far_end import FarEnd, tls_context
from connector.relay.http import HttpCloud
from tests.contract.cloud import INSTANCE, JWE, MAILBOX, NOW, Events, Listener, greet
from tests.lab.hub import LabHub, LabHubError
from tests.unit.hub.test_users import outcome

pytestmark = [
    pytest.mark.lab,
    # ssl.wrap_socket leaves the socket open when the peer goes away between connect and handshake (CPython's).
    pytest.mark.filterwarnings("ignore:.*ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What is left open is found in the test that left it."""
    yield
    gc.collect()


@pytest.fixture
def lab() -> Iterator[LabHub]:
    """A running hub."""
    with LabHub(times={"hold": "2s", "silent_after": "1s"}) as hub:
        yield hub


@pytest.fixture
def cloud(lab: LabHub) -> Iterator[Cloud]:
    """The connector's end, greeted."""
    token = lab.connector_token(INSTANCE)
    made = HttpCloud(
        FarEnd(lab.url, INSTANCE, "0.1.0", tls_context(lab.ca), lambda: token), lambda: NOW, downlink="poll"
    )
    greet(made, "run-1")
    yield made
    made.close()


def test_a_killed_hub_has_lost_nothing_that_it_acknowledged(lab: LabHub, cloud: Cloud) -> None:
    """Killed ten times at random moments while batches come in; what was not acknowledged is sent again."""
    events, luck = Events(), random.Random(7)  # noqa: S311 - which moment it is need not be a secret
    sent: set[str] = set()
    for round_ in range(10):
        killer = threading.Timer(luck.uniform(0, 0.15), lab.kill)
        killer.start()
        waiting = _send_until_it_dies(cloud, events, round_, sent)
        killer.join()
        assert waiting
        lab.start()
        greet(cloud, "run-1", 1, events.sequence)
        assert cloud.send(waiting).acknowledged == tuple(one.envelope.id for one in waiting)
        sent |= {str(one.envelope.meeting_id) for one in waiting}
        assert set(lab.meetings(MAILBOX)) == sent
    assert greet(cloud, "run-1", 1, events.sequence).sequence == events.sequence


def _send_until_it_dies(cloud: Cloud, events: Events, round_: int, sent: set[str]) -> list[Queued]:
    """The batch that got no answer; acknowledged meetings go into ``sent``."""
    for number in range(10_000):
        batch = [events.put(f"m{round_}.{number % 50}.{n}") for n in range(5)]
        try:
            receipt = cloud.send(batch)
        except Transient:
            return batch
        assert len(receipt.acknowledged) == len(batch)
        sent |= {str(one.envelope.meeting_id) for one in batch}
    return []


def test_a_restored_hub_is_found_out(lab: LabHub, cloud: Cloud, tmp_path: Path) -> None:
    """412 while the connector's run is in the copy, 428 when it is not; the mark is the copy's."""
    events = Events()
    lab.backup(tmp_path / "empty")
    cloud.send([events.put("m1")])
    lab.backup(tmp_path / "copy")
    cloud.send([events.put("m2")])
    lab.stop()
    lab.restore(tmp_path / "copy")
    lab.start()
    with pytest.raises(Transient, match="behind"):
        cloud.send([events.put("m3")])
    assert set(lab.meetings(MAILBOX)) == {"m1"}
    welcome = greet(cloud, "run-1", 1, events.sequence)
    assert (welcome.epoch, welcome.sequence) == (1, 1)
    younger_than_the_copy(lab, cloud, tmp_path / "empty")


def younger_than_the_copy(lab: LabHub, cloud: Cloud, copy: Path) -> None:
    """A copy from before the first event: the list is empty, and a new life fills it."""
    lab.stop()
    lab.restore(copy)
    lab.start()
    welcome = greet(cloud, "run-1", 1, 9)
    assert (welcome.epoch, welcome.sequence) == (0, 0)
    assert lab.meetings(MAILBOX) == {}
    life = Events(epoch=2)
    batch = [life.record(), life.begin("s"), life.put("m1"), life.end("s")]
    assert len(cloud.send(batch).acknowledged) == 4
    assert lab.list_of(MAILBOX)["snapshot"] == "complete"


def test_commands_survive_a_kill_and_outcomes_come_back(lab: LabHub, cloud: Cloud) -> None:
    """From user to connector and back, over a restart in between."""
    events = Events()
    cloud.send([events.record()])
    lab.send_command(MAILBOX, "c1", JWE)
    lab.kill()
    lab.start()
    listener = Listener(cloud)
    assert [one.id for one in listener.commands(1)] == ["c1"]
    listener.end()
    cloud.send([outcome(events, "c1")])
    assert lab.wait_outcome(MAILBOX, "c1")["encryptedOutcome"] == JWE


def test_a_change_wakes_its_reader(lab: LabHub, cloud: Cloud) -> None:
    """Also a reader who was there before the mailbox."""
    events = Events()
    cloud.send([events.put("m1")])
    before = lab.list_of(MAILBOX)
    timer = threading.Timer(0.2, cloud.send, [[events.put("m2")]])
    timer.start()
    after = lab.wait_for_change(MAILBOX, before["version"])
    timer.join()
    assert after
    assert {one["id"] for one in after["meetings"]} == {"m1", "m2"}


def test_a_silent_connectors_list_grows_stale_by_itself(lab: LabHub, cloud: Cloud) -> None:
    """With the times of the lab, after a second; connector list says it too."""
    cloud.send([Events().put("m1")])
    fresh = lab.list_of(MAILBOX)
    while not lab.list_of(MAILBOX)["stale"]:
        changed = lab.wait_for_change(MAILBOX, fresh["version"])
        assert changed
    assert [(one["name"], one["state"]) for one in lab.connectors()] == [(INSTANCE, "silent")]
    with pytest.raises(LabHubError):
        lab.command("status")


def test_a_stopping_hub_lets_go_of_everybody(cloud: Cloud) -> None:
    """Held answers and web sockets do not hold it up: it ends by itself, with code 0."""
    with LabHub() as lab:
        token = lab.connector_token(INSTANCE)
        end = FarEnd(lab.url, INSTANCE, "0.1.0", tls_context(lab.ca), lambda: token)
        ways = [HttpCloud(end, lambda: NOW, downlink=way) for way in ("websocket", "poll")]
        listeners = []
        for one in ways:
            greet(one, "run-1")
            one.send([Events().record()])
            listeners.append(Listener(one))
        lab.nudge(MAILBOX)
        assert lab.stop() == 0
        for listener in listeners:
            listener.stop.set()
            listener.join()
            assert listener.error is None or isinstance(listener.error, Transient)
        for one in ways:
            one.close()


def test_a_renewed_certificate_is_taken_up_without_a_restart(lab: LabHub) -> None:
    """SIGHUP; a file that is no certificate leaves the old one in force."""
    before = lab.certificate()
    lab.new_certificate()
    assert lab.certificate() != before
    renewed = lab.certificate()
    lab.new_certificate(content=b"no certificate")
    assert lab.certificate() == renewed


def test_older_tls_is_refused(lab: LabHub) -> None:
    """TLS 1.2 is the least."""
    context = ssl.create_default_context(cafile=str(lab.ca))
    assert lab.tls_version(context) in ("TLSv1.2", "TLSv1.3")
    with pytest.deprecated_call():
        context.minimum_version = ssl.TLSVersion.TLSv1_1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError, match=r"(?i)ssl|reset|protocol"):
        lab.tls_version(context)


def test_the_log_holds_opaque_ids_alone(lab: LabHub, cloud: Cloud) -> None:
    """Each line is JSON; neither data nor tokens are in it."""
    events = Events()
    old = events.put("m1")
    cloud.send([events.put("m1")])
    cloud.send([old])
    lab.stop()
    lines = [json.loads(line) for line in lab.log.read_text().splitlines()]
    assert {"connector.greeted", "event.refused"} <= {line["event"] for line in lines}
    text = lab.log.read_text()
    assert JWE not in text
    assert "cch_" not in text


def test_a_paused_hub_answers_when_it_goes_on(lab: LabHub, cloud: Cloud) -> None:
    """Nothing is lost by a machine that sleeps."""
    lab.pause()
    timer = threading.Timer(0.5, lab.resume)
    timer.start()
    batch = [Events().put("m1")]
    assert cloud.send(batch).acknowledged == (batch[0].envelope.id,)
    timer.join()
