"""The session pool without exchangelib's traps."""

import ssl

import pytest
from exchangelib.errors import SessionPoolMinSizeReached
from exchangelib.protocol import Protocol

from connector.errors import Transient
from connector.source.exchange.connections import Line
from connector.source.exchange.dialling import Ways
from connector.source.exchange.pool import Endpoint, OwnProtocol

URL = "https://mail.example.com"


def endpoint(lines: int = 2) -> Endpoint:
    """A place that is never dialled."""
    context = ssl.create_default_context()
    return Endpoint(URL, lines, 0.01, lambda: Line(Ways(context), "test"))


def test_pool_never_shrinks_under_its_own_lock() -> None:
    """decrease_poolsize refuses in place of hanging, with all lines in use (defect 1)."""
    pool = OwnProtocol(config=endpoint(3))
    lines = [pool.get_session(), pool.get_session()]
    with pytest.raises(SessionPoolMinSizeReached):
        pool.decrease_poolsize()
    for line in lines:
        pool.release_session(line)
    pool.discard()


def test_pool_makes_lines_up_to_its_size_and_then_waits_within_bounds() -> None:
    """Lines are made when they are needed; the one too many is a verdict."""
    pool = OwnProtocol(config=endpoint(2))
    one, two = pool.get_session(), pool.get_session()
    assert one is not two
    with pytest.raises(Transient, match="busy"):
        pool.get_session()
    pool.release_session(two)
    assert pool.get_session() is two
    pool.release_session(two)
    pool.release_session(one)
    pool.discard()


def test_two_sources_never_share_a_pool() -> None:
    """Same address and account, two pools: exchangelib would hand out the first one's (its key lacks the class)."""
    first, second = endpoint(), endpoint()
    assert OwnProtocol(config=first) is not OwnProtocol(config=second)
    assert OwnProtocol(config=first) is OwnProtocol(config=first)
    for each in (first, second):
        OwnProtocol(config=each).discard()


def test_discarded_pool_is_forgotten() -> None:
    """Nothing stays in exchangelib's global cache."""
    place = endpoint()
    OwnProtocol(config=place).discard()
    assert not [key for key in Protocol._protocol_cache if key[0] == id(place)]
