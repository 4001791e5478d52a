"""Workers: turns handed out once, waits that end, and faults that pass through."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest

from connector.errors import StoreError
from connector.sync.agenda import Turn
from connector.sync.scheduler import Next, Scheduler
from tests.fakes.clock import ManualClock

SECOND = timedelta(seconds=1)


class Bench:
    """A scheduler whose turns are noted; ``work`` may be replaced."""

    def __init__(self, workers: int = 4) -> None:
        self.clock = ManualClock()
        self.turns: list[Turn] = []
        self.answer: Callable[[Turn], Next] = lambda _turn: Next(None)
        self.scheduler = Scheduler(self.work, self.clock, workers)

    def work(self, turn: Turn) -> Next:
        self.turns.append(turn)
        return self.answer(turn)


def test_a_turn_says_when_the_next_is() -> None:
    """Never, at a time, or at a time that no nudge shortens."""
    bench = Bench()
    bench.scheduler.put("m1", "g", bench.clock())
    bench.answer = lambda _: Next(bench.clock() + 10 * SECOND)
    assert bench.scheduler.run_due()
    assert not bench.scheduler.run_due()
    bench.clock.forward(10 * SECOND)
    bench.answer = lambda _: Next(None)
    assert bench.scheduler.run_due()
    assert bench.scheduler.next_due() is None
    assert bench.scheduler.load() == (0, 0)
    assert bench.scheduler.turns == 2


def test_reasons_given_back_come_again() -> None:
    """A mailbox that was held finds at its next turn what had woken it."""
    bench = Bench()
    bench.scheduler.put("m1", "g", bench.clock() + 99 * SECOND)
    bench.scheduler.wake("m1", "stream")
    bench.answer = lambda turn: Next(bench.clock() + 5 * SECOND, held=True, reasons=turn.reasons)
    bench.scheduler.run_due()
    bench.scheduler.wake("m1", "hub")
    assert not bench.scheduler.run_due()
    bench.clock.forward(5 * SECOND)
    bench.scheduler.run_due()
    assert bench.turns[1].reasons == {"stream", "hub"}


def test_a_released_back_off_is_over() -> None:
    """Its cause is known to be gone."""
    bench = Bench()
    bench.scheduler.put("m1", "g", bench.clock() + 99 * SECOND, held=True)
    bench.scheduler.release("m1")
    assert bench.scheduler.run_due()


def test_who_was_forgotten_comes_no_more() -> None:
    """Not even when it was at work just then."""
    bench = Bench()
    bench.scheduler.put("m1", "g", bench.clock())

    def forget(_: Turn) -> Next:
        bench.scheduler.forget("m1")
        return Next(bench.clock())

    bench.answer = forget
    bench.scheduler.run_due()
    assert bench.scheduler.load() == (0, 0)
    bench.scheduler.wake("m1", "stream")
    assert not bench.scheduler.run_due()


def test_at_most_half_of_the_workers_are_inside_one_server() -> None:
    """A slow server leaves the others room; the lone worker of a tiny machine may work all the same."""
    for workers, share in ((4, 2), (1, 1)):
        bench = Bench(workers)
        inside: list[int] = []

        def deeper(_: Turn, bench: Bench = bench, inside: list[int] = inside) -> Next:
            inside.append(bench.scheduler.load()[1])
            bench.scheduler.run_due()
            return Next(None)

        bench.answer = deeper
        for number in range(6):
            bench.scheduler.put(f"m{number}", "g", bench.clock())
        bench.scheduler.run_due()
        assert max(inside) == share


def test_workers_do_what_is_put_and_end_when_stopped() -> None:
    """Waiting ones are woken by new work and by the end."""
    bench, done = Bench(), threading.Semaphore(0)

    def count(_: Turn) -> Next:
        done.release()
        return Next(None)

    bench.answer = count
    workers = [threading.Thread(target=bench.scheduler.run_worker) for _ in range(4)]
    for worker in workers:
        worker.start()
    for number in range(50):
        bench.scheduler.put(f"m{number}", f"g{number % 5}", bench.clock())
    assert all(done.acquire(timeout=20) for _ in range(50))
    bench.scheduler.stop()
    for worker in workers:
        worker.join(20)
    assert not any(worker.is_alive() for worker in workers)
    assert {turn.key for turn in bench.turns} == {f"m{number}" for number in range(50)}


def test_whoever_is_alone_with_a_session_meets_no_worker() -> None:
    """What is due meanwhile is done when he is gone; other mailboxes go on."""
    bench = Bench()
    bench.scheduler.put("m1", "g", bench.clock())
    bench.scheduler.put("m2", "g2", bench.clock())
    with bench.scheduler.alone("m1", timedelta(seconds=20)) as free:
        assert free
        bench.scheduler.wake("m1", "stream")
        assert bench.scheduler.run_due()
        assert not bench.scheduler.run_due()
    assert bench.scheduler.run_due()
    assert [turn.key for turn in bench.turns] == ["m2", "m1"]
    assert bench.scheduler.load()[1] == 0


def test_whoever_would_be_alone_waits_for_the_end_of_a_step() -> None:
    """Where that takes too long he is told, and the step goes on; a mailbox that is not there is nobody's."""
    bench = Bench()
    begun, go_on = threading.Event(), threading.Event()

    def slow(_: Turn) -> Next:
        begun.set()
        go_on.wait(20)
        return Next(None)

    bench.answer = slow
    bench.scheduler.put("m1", "g", bench.clock())
    worker = threading.Thread(target=bench.scheduler.run_due)
    worker.start()
    assert begun.wait(20)
    with bench.scheduler.alone("m1", timedelta()) as free:
        assert not free
    go_on.set()
    with bench.scheduler.alone("m1", timedelta(seconds=20)) as free:
        assert free
    worker.join(20)
    assert bench.scheduler.load() == (0, 0)


def test_no_two_workers_are_ever_on_one_mailbox() -> None:
    """However often it is woken meanwhile."""
    bench, lock, done = Bench(), threading.Lock(), threading.Semaphore(0)
    twice: list[str] = []
    at_work: set[str] = set()

    def alone(turn: Turn) -> Next:
        with lock:
            twice.extend([turn.key] if turn.key in at_work else [])
            at_work.add(turn.key)
        bench.scheduler.wake(turn.key, "stream")
        with lock:
            at_work.discard(turn.key)
        done.release()
        return Next(bench.clock() + SECOND)

    bench.answer = alone
    for number in range(3):
        bench.scheduler.put(f"m{number}", f"g{number}", bench.clock())
    workers = [threading.Thread(target=bench.scheduler.run_worker) for _ in range(4)]
    for worker in workers:
        worker.start()
    assert all(done.acquire(timeout=20) for _ in range(300))
    bench.scheduler.stop()
    for worker in workers:
        worker.join(20)
    assert twice == []


def test_a_fault_of_ours_ends_the_worker() -> None:
    """Whoever runs it learns of it; nothing goes on as if nothing had been."""
    bench = Bench()

    def broken(_: Turn) -> Next:
        raise StoreError("The disk is full.")

    bench.answer = broken
    bench.scheduler.put("m1", "g", bench.clock())
    with pytest.raises(StoreError):
        bench.scheduler.run_worker()
