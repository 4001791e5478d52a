"""Messages of the key service protocol through the hub: opaque, to whom they are meant for, and never kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from connector.hub.bells import Bells
from connector.hub.counters import BACK_SECONDS, MOST_WAITING, Counter
from connector.hub.problems import Refusal
from connector.hub.settings import Times
from connector.relay import carriage, strict
from connector.relay.carriage import Round, Service
from tests.unit.hub.office import House, Peer, code, house

KMS = "kms.example.com"
BASE = carriage.through_hub(KMS)
TOKEN = "aGVhZA..aXY.Y2lwaGVy.dGFn"
ANSWER = "aGVhZA..aXY.YW5zd2Vy.dGFn"
STATIC = {"kty": "RSA", "kid": f"kms://{KMS}"}


@pytest.fixture
def kms(hub: House) -> Peer:
    """A key service with its credential at a hub."""
    return hub.another_connector(KMS)


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[House]:
    """A hub that holds answers back for long."""
    with house(tmp_path, times=Times(hold=timedelta(seconds=15))) as made:
        yield made


def serve(kms: Peer, *answers: Round, wait: int = 0) -> tuple[Round, ...]:
    answer = kms.post(BASE + carriage.SERVE, carriage.write_service(Service(STATIC, answers, wait)))
    assert answer.status == 200
    return carriage.read_requests(answer.body)


async def somebody_waits(bells: Bells) -> None:
    while not bells.listened():  # noqa: ASYNC110 - bells tell those who listen, not who has begun to
        await asyncio.sleep(0)


def test_messages_go_down_and_answers_up(patient: House) -> None:
    """A client's request is held back until the key service, which polls, has answered it."""
    kms = patient.another_connector(KMS)
    assert serve(kms) == ()
    body = strict.dump(carriage.write_messages([TOKEN]))
    asked = patient.user().begin("POST", BASE + carriage.MESSAGES, body)
    (round_,) = serve(kms, wait=10)
    assert round_.messages == (TOKEN,)
    serve(kms, Round(round_.id, (ANSWER,)))
    answer = asked.result(10)
    assert (answer.status, carriage.read_messages(answer.body)) == (200, (ANSWER,))
    assert not patient.office.counters[KMS].answered


def test_the_static_key_is_what_the_service_said_last(hub: House, kms: Peer) -> None:
    """Nobody trusts it for coming from the hub."""
    assert code(hub.connector.ask("GET", BASE + carriage.STATIC)) == (503, "busy")
    serve(kms)
    assert hub.connector.ask("GET", BASE + carriage.STATIC).json() == STATIC


def test_a_service_that_does_not_answer_is_503_and_nothing_is_kept(hub: House, kms: Peer) -> None:
    """Also one that was never here."""
    messages = carriage.write_messages([TOKEN])
    assert code(hub.connector.post(BASE + carriage.MESSAGES, messages)) == (503, "busy")
    serve(kms)
    assert code(hub.connector.post(BASE + carriage.MESSAGES, messages)) == (503, "busy")
    assert serve(kms) == ()


def test_a_service_that_is_not_here_is_refused_at_once(patient: House) -> None:
    """The hub holds nothing back for a key service whose time to come back has passed, and says when to ask again."""
    kms = patient.another_connector(KMS)
    serve(kms)
    now = [0.0]
    counter = patient.office.counters[KMS]
    counter.clock, counter.expected_until = (lambda: now[0]), 0.0
    asked = patient.user().begin(
        "POST", BASE + carriage.MESSAGES, strict.dump(carriage.write_messages([TOKEN]))
    )
    answer = asked.result(5)
    assert code(answer) == (503, "busy")
    assert int(answer.headers["retry-after"]) > 0
    assert code(patient.user().ask("GET", BASE + carriage.STATIC)) == (503, "busy")
    serve(kms)
    assert patient.user().ask("GET", BASE + carriage.STATIC).status == 200
    now[0] = BACK_SECONDS
    assert not counter.connected


def test_who_prefers_to_wait_hears_when_the_service_comes(patient: House) -> None:
    """``Prefer: wait`` holds the static key back until the first line is open."""
    user = patient.user()
    headers = {**user.all_headers(), **carriage.write_patience(15)}
    asked = user.client.begin("GET", BASE + carriage.STATIC, headers, b"")
    kms = patient.another_connector(KMS)
    patient.client.run(somebody_waits(patient.office.bells))
    serve(kms)
    assert asked.result(5).json() == STATIC


def test_at_work_is_here_too() -> None:
    """A key service that took work is expected back for as long as its clients wait."""
    now = [0.0]
    counter = Counter(clock=lambda: now[0])
    seen = [counter.connected]
    with counter.line():
        seen.append(counter.connected)
    seen.append(counter.connected)
    counter.expect([Round("r", (TOKEN,))])
    for now[0] in (carriage.HOLD_SECONDS - 1, carriage.HOLD_SECONDS):
        seen.append(counter.connected)
    assert seen == [False, True, False, True, False]


@pytest.mark.parametrize(
    ("said", "seconds"),
    [("wait=7", 7), (" wait = 9999 ", carriage.HOLD_SECONDS), ("respond-async", 0), ("wait=-1", 0), ("", 0)],
)
def test_a_preference_is_read_or_ignored(said: str, seconds: int) -> None:
    """RFC 7240: one that is not understood is as if it were not there."""
    assert carriage.read_patience(said) == seconds


def test_an_answer_that_nobody_waits_for_is_dropped(hub: House, kms: Peer) -> None:
    """Of an id that was never given, or whose client has gone."""
    assert serve(kms, Round("unknown", (ANSWER,))) == ()
    assert hub.office.counters[KMS] == Counter(static=STATIC)


def test_only_the_service_itself_gets_its_clients_messages(hub: House) -> None:
    """Its credential is the token of its own name; a connector or a user has none."""
    body = carriage.write_service(Service(STATIC))
    assert code(hub.connector.post(BASE + carriage.SERVE, body)) == (403, "forbidden")
    assert code(hub.user().post(BASE + carriage.SERVE, body)) == (403, "forbidden")
    stranger = Peer(hub.client, "cch_0000000000000000_" + "A" * 43)
    for path in (carriage.SERVE, carriage.MESSAGES):
        assert code(stranger.post(BASE + path, body)) == (401, "credential-refused")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kmsMessages": "x"},
        {"kmsMessages": ["no token"]},
        {"kmsMessages": [TOKEN] * (carriage.MOST_MESSAGES + 1)},
    ],
)
def test_what_is_no_message_is_refused(hub: House, body: object) -> None:
    """Compact JOSE alone is carried, and so much at most."""
    assert code(hub.connector.post(BASE + carriage.MESSAGES, body)) == (400, "malformed")


def test_a_name_that_is_none_is_refused(hub: House) -> None:
    """Hosts are lower-case names."""
    assert code(hub.connector.post("/relay/v1/kms/K_1/messages", {})) == (400, "malformed")


def test_a_counter_holds_so_much_and_no_more() -> None:
    """A key service that is away does not fill the hub's memory."""
    counter = Counter()
    for _ in range(MOST_WAITING):
        counter.put((TOKEN,))
    with pytest.raises(Refusal):
        counter.put((TOKEN,))


def test_one_answer_takes_so_much_and_no_more() -> None:
    """What the key service gets at once fits into what it reads."""
    counter = Counter()
    for _ in range(3):
        counter.put(("a" * (strict.MAX_BODY // 3),))
    assert [len(counter.take()) for _ in range(4)] == [1, 1, 1, 0]
    for _ in range(carriage.MOST_ROUNDS + 1):
        counter.put((TOKEN,))
    assert [len(counter.take()) for _ in range(2)] == [carriage.MOST_ROUNDS, 1]
