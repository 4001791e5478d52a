"""Requests of many threads ride together."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from connector.errors import Transient
from connector.seal.kms_client.convoy import Convoy
from connector.seal.kms_client.session import Ask
from connector.seal.kmswire.messages import Answer, Method


def ask(number: int) -> Ask:
    return Ask(Method.RETRIEVE, f"/keys/{number}")


def echo(asks: Sequence[Ask]) -> list[Answer | None]:
    return [Answer(200, "", one.uri) for one in asks]


def test_a_single_request_rides_at_once() -> None:
    """Nobody waits for company."""
    assert Convoy(echo).ask(ask(7)).reason == "/keys/7"


def test_those_who_come_while_the_road_is_busy_ride_together() -> None:
    """Each gets its own answer; the second ride has all who waited, fifty at most."""
    rides: list[int] = []
    first, go = threading.Event(), threading.Event()

    def slow(asks: Sequence[Ask]) -> list[Answer | None]:
        rides.append(len(asks))
        if len(rides) == 1:
            first.set()
            assert go.wait(10)
        return echo(asks)

    convoy = Convoy(slow)
    with ThreadPoolExecutor(61) as pool:
        asked = [pool.submit(convoy.ask, ask(0))]
        assert first.wait(10)
        asked += [pool.submit(convoy.ask, ask(number)) for number in range(1, 61)]
        while len(convoy._waiting) < 60:
            threading.Event().wait(0.001)
        go.set()
        found = [one.result(10).reason for one in asked]
    assert found == [f"/keys/{number}" for number in range(61)]
    assert rides == [1, 50, 10]


def test_a_verdict_is_everybody_s_and_the_road_is_free_again() -> None:
    """Whoever rode along gets it, and the next may try."""
    verdicts = [Transient("key-service-away", "once")]

    def failing(asks: Sequence[Ask]) -> list[Answer | None]:
        if verdicts:
            raise verdicts.pop()
        return echo(asks)

    convoy = Convoy(failing)
    with pytest.raises(Transient):
        convoy.ask(ask(1))
    assert convoy.ask(ask(2)).good


def test_a_request_without_an_answer_is_a_service_that_is_away() -> None:
    """Only for that one."""
    convoy = Convoy(lambda asks: [None for _ in asks])
    with pytest.raises(Transient) as verdict:
        convoy.ask(ask(1))
    assert verdict.value.code == "key-service-away"
