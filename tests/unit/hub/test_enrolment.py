"""How a connector becomes known by its key, keeps being known, and is forgotten."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.enrolment import proof as proofs
from connector.enrolment import wire
from connector.enrolment.proof import NotProved, new_key, prove, public_of, thumbprint
from connector.hub import enrolment, registry
from connector.relay import strict
from tests.contract.cloud import INSTANCE
from tests.unit.hub.asgi import Answer
from tests.unit.hub.office import START, House, Peer, code


def asked(hub: House, path: str, body: Any, credential: str = "") -> Answer:
    headers = {"Authorization": f"Bearer {credential}"} if credential else {}
    return hub.client.ask("POST", path, headers, strict.dump(body))


def offered(hub: House, key: str, name: str = INSTANCE) -> wire.NewKey:
    return wire.NewKey(public_of(key), prove(key, name, hub.clock()))


def enrol(hub: House, token: str, key: str, name: str = INSTANCE) -> Answer:
    return asked(hub, wire.ENROL_PATH, wire.write_enrolment(token, offered(hub, key, name)))


def greeted(hub: House, key: str, run: str = "run-9") -> int:
    peer = Peer(hub.client, prove(key, INSTANCE, hub.clock()), run)
    return peer.greet(run).status


def test_a_key_takes_the_place_of_the_token(hub: House) -> None:
    """The one-time token brings a public key in; proofs by it are accepted, the old token is not any more."""
    key = new_key()
    token = enrolment.offer(hub.database, INSTANCE, hub.clock())
    assert enrol(hub, token, key).json() == {"connector": INSTANCE}
    assert greeted(hub, key) == 200
    assert hub.connector.greet().status == 401


def test_a_token_is_good_once(hub: House) -> None:
    """The same key may ask again, as after a lost answer; another one is refused."""
    key, token = new_key(), enrolment.offer(hub.database, INSTANCE, hub.clock())
    assert [enrol(hub, token, key).status for _ in range(2)] == [200, 200]
    assert code(enrol(hub, token, new_key())) == (403, "enrolment-used")
    assert greeted(hub, key) == 200


def test_a_token_expires(hub: House) -> None:
    """After its hours it is refused with a code of its own."""
    token = enrolment.offer(hub.database, INSTANCE, hub.clock(), timedelta(hours=2))
    hub.clock.advance(hours=2)
    assert code(enrol(hub, token, new_key())) == (403, "enrolment-expired")


def test_another_name_or_secret_is_refused(hub: House) -> None:
    """A token speaks for one connector, and its secret is looked at."""
    token = enrolment.offer(hub.database, INSTANCE, hub.clock())
    other = token.rpartition("~")[0] + "~cal-99.example.com"
    assert code(enrol(hub, other, new_key(), "cal-99.example.com")) == (401, "credential-refused")
    wrong = token.replace(token[21:31], "A" * 10)
    assert code(enrol(hub, wrong, new_key())) == (401, "credential-refused")


def test_a_key_nobody_holds_is_refused(hub: House) -> None:
    """The public key of somebody else, without a proof by it, does not come in."""
    token, ours, theirs = enrolment.offer(hub.database, INSTANCE, hub.clock()), new_key(), new_key()
    mixed = wire.NewKey(public_of(theirs), prove(ours, INSTANCE, hub.clock()))
    assert code(asked(hub, wire.ENROL_PATH, wire.write_enrolment(token, mixed)))[0] == 401
    assert enrol(hub, token, ours).status == 200


def test_a_proof_is_good_for_minutes(hub: House) -> None:
    """An old one and one of the future are refused."""
    key = new_key()
    enrol(hub, enrolment.offer(hub.database, INSTANCE, hub.clock()), key)
    peer = Peer(hub.client, prove(key, INSTANCE, hub.clock()), "run-9")
    hub.clock.advance(minutes=6)
    assert peer.greet("run-9").status == 200
    hub.clock.advance(minutes=2)
    assert peer.greet("run-9").status == 401
    ahead = Peer(hub.client, prove(key, INSTANCE, hub.clock() + timedelta(minutes=3)), "run-9")
    assert ahead.greet("run-9").status == 401


def test_a_key_is_renewed_and_the_old_one_ends(hub: House) -> None:
    """Both are good until the connector says that it has kept the new one."""
    old, new = new_key(), new_key()
    enrol(hub, enrolment.offer(hub.database, INSTANCE, hub.clock()), old)
    body = wire.write_key(offered(hub, new))
    assert asked(hub, wire.RENEW_PATH, body, prove(old, INSTANCE, hub.clock())).status == 200
    assert (greeted(hub, old), greeted(hub, new)) == (200, 200)
    assert asked(hub, wire.CONFIRM_PATH, {}, prove(new, INSTANCE, hub.clock())).status == 200
    assert (greeted(hub, old), greeted(hub, new)) == (401, 200)


def test_renewals_never_confirmed_are_bounded(hub: House) -> None:
    """A connector can't fill the hub with keys."""
    key = new_key()
    enrol(hub, enrolment.offer(hub.database, INSTANCE, hub.clock()), key)
    answers = [
        asked(hub, wire.RENEW_PATH, wire.write_key(offered(hub, new_key())), prove(key, INSTANCE, START))
        for _ in range(enrolment.KEYS)
    ]
    assert [one.status for one in answers] == [200] * (enrolment.KEYS - 1) + [429]


def test_a_revoked_connector_is_out(hub: House) -> None:
    """Revoking takes keys and unused tokens too, also from a connection that stands."""
    key = new_key()
    enrol(hub, enrolment.offer(hub.database, INSTANCE, hub.clock()), key)
    unused = enrolment.offer(hub.database, INSTANCE, hub.clock())
    registry.revoke(hub.database, INSTANCE, erase=False)
    assert greeted(hub, key) == 401
    assert enrol(hub, unused, new_key()).status == 401


def test_taking_leave(hub: House) -> None:
    """After the end nothing speaks for the connector, and it is listed as revoked."""
    key = new_key()
    enrol(hub, enrolment.offer(hub.database, INSTANCE, hub.clock()), key)
    assert asked(hub, wire.END_PATH, {}, prove(key, INSTANCE, hub.clock())).status == 200
    assert greeted(hub, key) == 401
    with hub.database.reading() as connection:
        (listed,) = registry.connectors(connection, hub.clock(), timedelta(minutes=15))
    assert (listed.state, listed.credentials) == ("revoked", 0)


@pytest.mark.parametrize("body", [{}, {"token": "x", "key": "y", "proof": "z"}, [], {"token": 1}])
def test_what_is_no_enrolment(hub: House, body: Any) -> None:
    """Nonsense is a 400, and never a fault."""
    assert code(asked(hub, wire.ENROL_PATH, body)) == (400, "malformed")


@given(st.text(alphabet="ABCabc019_-.", max_size=300) | st.text(max_size=50))
def test_no_text_upsets_the_reader_of_proofs(text: str) -> None:
    """Whatever comes is a proof or NotProved."""
    try:
        proofs.check(proofs.read(text), "A" * 43, START)
    except NotProved:
        return
    raise AssertionError("a made up proof was believed")


@pytest.mark.parametrize("place", [10, 100, -10])
def test_an_altered_proof_is_refused(place: int) -> None:
    """One letter is enough, wherever it stands."""
    key = new_key()
    whole = prove(key, INSTANCE, START)
    letter = "A" if whole[place] != "A" else "B"
    at = place % len(whole)
    with pytest.raises(NotProved):
        proofs.check(proofs.read(whole[:at] + letter + whole[at + 1 :]), public_of(key), START)


def test_the_thumbprint_is_the_standards() -> None:
    """RFC 8037 appendix A.3."""
    public = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert thumbprint(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
