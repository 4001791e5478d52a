"""How much one credential may ask for."""

from __future__ import annotations

import pytest

from connector.hub import rates
from connector.hub.problems import Refusal
from connector.hub.rates import Rates


def test_a_burst_is_allowed_and_then_a_rate() -> None:
    """Ten seconds' worth at once; what was not used comes back with time, up to that."""
    now = 0.0
    spent = Rates(lambda: now)
    for _ in range(20):
        spent.spend("a", 2)
    with pytest.raises(Refusal):
        spent.spend("a", 2)
    spent.spend("b", 2)
    now = 1.0
    spent.spend("a", 2)
    now = 10_000.0
    for _ in range(20):
        spent.spend("a", 2)
    with pytest.raises(Refusal):
        spent.spend("a", 2)


def test_only_so_many_credentials_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that asked longest ago is forgotten first."""
    monkeypatch.setattr(rates, "REMEMBERED", 2)
    spent = Rates(lambda: 0.0)
    for name in ("a", "b", "c"):
        spent.spend(name, 1)
    assert list(spent._buckets) == ["b", "c"]


def test_held_answers_are_counted_while_they_are_held() -> None:
    """Also when the block raises."""
    spent = Rates()
    with spent.holding("a", 1), pytest.raises(Refusal), spent.holding("a", 1):
        pass
    with pytest.raises(ZeroDivisionError), spent.holding("a", 1):
        raise ZeroDivisionError
    with spent.holding("a", 1):
        pass
