"""Group commit: one transaction for all who wait, each with an effect and a fault of its own."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connector.kms.commits import MOST, Commits, Deed, Effect
from connector.kms.database import Database
from connector.seal.kmswire import sealed, signed
from connector.seal.kmswire.messages import RESET, Answer
from tests.unit.kms.site import Client, Site, fresh

GOOD = Answer(200, "r")


@dataclass
class Counting:
    """A database that counts its transactions, and loses them from the moment it is told to."""

    database: Database
    begun: int = 0
    loses: bool = False
    held: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction, counted."""
        self.begun += 1
        with self.database.writing() as connection:
            yield connection
            if self.loses:
                raise sqlite3.OperationalError("disk I/O error")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Counting]:
    """With a table of its own."""
    made = Database(tmp_path / "kms.db")
    with made.writing() as connection:
        connection.execute("CREATE TABLE done (what INTEGER PRIMARY KEY)")
    yield Counting(made)
    made.close()


def doing(what: int, undone: list[int] | None = None) -> Deed:
    """A deed that writes a number down."""

    def deed(connection: sqlite3.Connection) -> Effect:
        connection.execute("INSERT INTO done VALUES (?)", (what,))
        return Effect(GOOD, (lambda: undone.append(what),) if undone is not None else ())

    return deed


def done_in(database: Counting) -> list[int]:
    """What is written down."""
    with database.database.reading() as connection:
        return [row["what"] for row in connection.execute("SELECT what FROM done ORDER BY what")]


def commits_of(database: Counting) -> Commits:
    """Over the counting database."""
    return Commits(database)  # type: ignore[arg-type]


def test_what_came_together_is_one_transaction(database: Counting) -> None:
    """Fifty deeds, fifty answers, one commit; nothing to do is none."""
    commits = commits_of(database)
    assert commits.carry_out([doing(n) for n in range(50)]) == [GOOD] * 50
    assert commits.carry_out([]) == []
    assert (database.begun, len(done_in(database))) == (1, 50)


def test_more_than_the_limit_are_several_transactions(database: Counting) -> None:
    """Nobody waits for an endless transaction."""
    assert len(commits_of(database).carry_out([doing(n) for n in range(MOST + 1)])) == MOST + 1
    assert database.begun == 2


def test_threads_that_wait_ride_together(database: Counting) -> None:
    """While one commits, others gather; the next transaction takes them all."""
    commits, inside, on = commits_of(database), threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection) -> Effect:
        inside.set()
        assert on.wait(10)
        return doing(0)(connection)

    with ThreadPoolExecutor(9) as pool:
        first = pool.submit(commits.carry_out, [slow])
        assert inside.wait(10)
        others = [pool.submit(commits.carry_out, [doing(n)]) for n in range(1, 9)]
        while len(commits._waiting) < 8:
            threading.Event().wait(0.001)
        on.set()
        assert [one.result() for one in (first, *others)] == [[GOOD]] * 9
    assert (database.begun, done_in(database)) == (2, list(range(9)))


def test_a_deed_that_fails_fails_alone(database: Counting) -> None:
    """A constraint of the database undoes one deed with all that it did; its neighbours are on disk."""

    def twice(connection: sqlite3.Connection) -> Effect:
        doing(7)(connection)
        return doing(1)(connection)

    first, second, third = commits_of(database).carry_out([doing(1), twice, doing(2)])
    assert (first, third) == (GOOD, GOOD)
    assert isinstance(second, sqlite3.IntegrityError)
    assert done_in(database) == [1, 2]


def test_a_fault_of_ours_is_raised_to_whom_it_concerns(database: Counting) -> None:
    """Anything but the database's own error comes out of the call that brought the deed; it left nothing behind."""

    def wrong(connection: sqlite3.Connection) -> Effect:
        doing(7)(connection)
        raise ZeroDivisionError

    commits = commits_of(database)
    with pytest.raises(ZeroDivisionError):
        commits.carry_out([doing(1), wrong])
    assert done_in(database) == [1]
    assert commits.carry_out([doing(2)]) == [GOOD]


def test_a_commit_that_fails_takes_everything_back(database: Counting) -> None:
    """No answer is given, nothing is on disk, and what was noted in memory is undone, the last first."""
    undone: list[int] = []
    database.loses = True
    found = commits_of(database).carry_out([doing(1, undone), doing(2, undone)])
    assert all(isinstance(one, sqlite3.OperationalError) for one in found)
    assert (done_in(database), sorted(undone)) == ([], [1, 2])


# --- at the desk ---------------------------------------------------------------------------------


def requests(client: Client, *asked: tuple[str, str, str]) -> list[str]:
    """Sealed requests by method, place and requestId."""
    return [sealed.seal_request(client.request(*one), client.key) for one in asked]


def test_a_request_that_comes_twice_in_one_ride_is_done_once(site: Site) -> None:
    """The second gets the answer of the first, in the same transaction."""
    client = site.client()
    tokens = requests(client, ("create", "/keys", fresh())) * 2
    first, second = (sealed.open_answer(one, client.key) for one in site.desk.answers(tokens, "test"))
    assert first.status == 201
    assert first.members == second.members
    assert site.audit().count(("create /keys", 201)) == 2


def test_nothing_is_answered_under_a_key_deleted_in_the_same_ride(site: Site) -> None:
    """The deletion is answered, what follows it gets a reset, and no key leaves."""
    client = site.client()
    tokens = requests(client, ("delete", client.key.uri, fresh()), ("create", "/keys", fresh()))
    first, second = site.desk.answers(tokens, "test")
    assert sealed.open_answer(first, client.key).status == 204
    assert signed.open_signed(second, site.desk.static.public).status == RESET
    assert [status for _, status in site.audit()] == [201, 204, RESET]


def test_a_ride_that_is_not_on_disk_never_happened(site: Site) -> None:
    """A commit fails: the deleted key is in force again, the requestId may be used again, the handshake is forgotten."""
    client, request_id = site.client(), fresh()
    tokens = requests(client, ("create", "/keys", request_id), ("delete", client.key.uri, fresh()))
    with site.house.database.writing() as connection:
        connection.execute("CREATE TABLE there (it INTEGER PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE lost (it INTEGER REFERENCES there (it) DEFERRABLE INITIALLY DEFERRED)"
        )
        connection.execute("CREATE TRIGGER t AFTER INSERT ON audit BEGIN INSERT INTO lost VALUES (1); END")
    answers = [sealed.open_answer(one, client.key) for one in site.desk.answers(tokens, "test")]
    assert [(one.status, one.members) for one in answers] == [(503, {})] * 2
    assert Client(site, client.credentials, "c").offer().status == 503
    assert len(site.desk.lines) == 1
    with site.house.database.writing() as connection:
        connection.execute("DROP TRIGGER t")
    assert client.send(client.request("create", "/keys", request_id)).status == 201
