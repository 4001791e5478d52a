"""Threads started and stopped together, and what becomes of one that dies."""

from __future__ import annotations

import threading

from connector.app.appliance import Task
from connector.daemon.crew import Crew

PATIENCE = 20.0


class Alarmed:
    """Whoever is told that a thread died."""

    def __init__(self) -> None:
        self.rung = threading.Event()
        self.times = 0

    def __call__(self) -> None:
        self.times += 1
        self.rung.set()


def waits(stop: threading.Event) -> None:
    stop.wait()


def dies(_: threading.Event) -> None:
    raise RuntimeError("boom")


def ends(_: threading.Event) -> None:
    """Returns although nobody has stopped it."""


def test_all_run_under_their_names_until_stopped() -> None:
    """A planned end is no failure."""
    told, names, begun = Alarmed(), list[str](), threading.Semaphore(0)

    def named(stop: threading.Event) -> None:
        names.append(threading.current_thread().name)
        begun.release()
        stop.wait()

    crew = Crew(told)
    crew.start([Task("worker-0", named), Task("relay-sender", named)])
    assert all(begun.acquire(timeout=PATIENCE) for _ in range(2))
    crew.stop.set()
    assert crew.join(PATIENCE) == ()
    assert set(names) == {"worker-0", "relay-sender"}
    assert (crew.failure, told.times) == (None, 0)


def test_one_that_dies_is_told_with_its_reason() -> None:
    """The others are still at work: whoever was told has to stop them."""
    told = Alarmed()
    crew = Crew(told)
    crew.start([Task("good", waits), Task("bad", dies)])
    assert told.rung.wait(PATIENCE)
    assert isinstance(crew.failure, RuntimeError)
    assert str(crew.failure) == "boom"
    crew.stop.set()
    assert crew.join(PATIENCE) == ()


def test_one_that_ends_by_itself_has_died_too() -> None:
    """A thread of the census that is not there any more is a failure, however peacefully it went."""
    told = Alarmed()
    crew = Crew(told)
    crew.start([Task("watch-hq", ends)])
    assert told.rung.wait(PATIENCE)
    assert "the thread watch-hq ended by itself" in str(crew.failure)


def test_the_first_failure_is_kept() -> None:
    """What follows from it is not its cause."""
    told, gate = Alarmed(), threading.Event()

    def second(_: threading.Event) -> None:
        gate.wait(PATIENCE)
        raise ValueError("second")

    crew = Crew(told)
    crew.start([Task("first", dies), Task("second", second)])
    assert told.rung.wait(PATIENCE)
    gate.set()
    crew.join(PATIENCE)
    assert str(crew.failure) == "boom"
    assert told.times == 2


def test_an_error_while_stopping_is_no_failure() -> None:
    """A connection closed under its reader ends in an error as a rule."""
    told = Alarmed()

    def broken(stop: threading.Event) -> None:
        stop.wait()
        raise OSError("closed")

    crew = Crew(told)
    crew.start([Task("relay-receiver", broken)])
    crew.stop.set()
    assert crew.join(PATIENCE) == ()
    assert (crew.failure, told.times) == (None, 0)


def test_one_that_does_not_end_is_named() -> None:
    """After the time allowed for all of them together."""
    crew, release = Crew(Alarmed()), threading.Event()

    def stubborn(_: threading.Event) -> None:
        release.wait(PATIENCE)

    crew.start([Task("stubborn", stubborn), Task("good", waits)])
    crew.stop.set()
    assert crew.join(0.2) == ("stubborn",)
    release.set()
    assert crew.join(PATIENCE) == ()
