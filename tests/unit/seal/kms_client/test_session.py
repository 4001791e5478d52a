"""The secure channel: whom it believes, when it shakes hands, and that no reset makes it run in circles."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from connector.errors import Transient
from connector.seal.kms_client.session import AHEAD, AWAY_PAUSE, RESET_PAUSE, Ask, Session
from connector.seal.kmswire import jose, sealed, signed
from connector.seal.kmswire.messages import Answer, Method
from connector.seal.kmswire.static import Anchor, StaticKey, fingerprint
from tests.fakes.kms import FakeKms
from tests.unit.seal.kms_client.house import ANCHOR, ENROLLED, House, session_of
from tests.unit.seal.kmswire.site import HOST, certificate, other_service, rsa_private, service_key

PING = Ask(Method.UPDATE, "/ping")
SECOND = timedelta(seconds=1)


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def session(house: House) -> Session:
    return session_of(house.kms, house.clock)


def pinged(session: Session) -> bool:
    (answer,) = session.ask([PING])
    return answer is not None and answer.good


def away(session: Session) -> str:
    with pytest.raises(Transient) as verdict:
        session.ask([PING])
    return verdict.value.code


def test_one_handshake_serves_many_requests(house: House, session: Session) -> None:
    """And the service says whom it takes us for."""
    assert session.user_id == ""
    assert all(pinged(session) for _ in range(3))
    assert (house.kms.handshakes(), session.user_id) == (1, "connector-1")


def test_the_key_is_renewed_ahead_of_its_end(house: House, session: Session) -> None:
    """Two minutes before, so that no request meets an expired one."""
    pinged(session)
    house.clock.forward(house.kms.life - AHEAD - SECOND)
    assert (pinged(session), house.kms.handshakes()) == (True, 1)
    house.clock.forward(SECOND)
    assert (pinged(session), house.kms.handshakes()) == (True, 2)
    assert "reset" not in house.kms.log


def test_a_renewal_that_fails_leaves_the_old_key_in_use(house: House, session: Session) -> None:
    """As long as it lives."""
    pinged(session)
    house.kms.enrolled.clear()
    house.clock.forward(house.kms.life - AHEAD)
    assert pinged(session)
    house.clock.forward(AHEAD)
    assert away(session) == "key-service-refuses"


def test_a_service_that_has_forgotten_us_is_greeted_anew_once(house: House, session: Session) -> None:
    """Its reset is obeyed, the request is asked again, and unbound keys are forgotten."""
    forgotten: list[bool] = []
    session.forgotten = lambda: forgotten.append(True)
    pinged(session)
    house.kms.forget_sessions()
    assert pinged(session)
    assert (house.kms.handshakes(), len(forgotten)) == (2, 1)


def test_a_recorded_reset_makes_no_loop(house: House, session: Session) -> None:
    """A transport that answers everything with an old, rightly signed reset causes one handshake, then a pause."""
    pinged(session)
    reset = signed.sign_reset("old", "old", service_key())
    house.kms.tamper = lambda tokens: tuple(one if sealed.is_signed(one) else reset for one in tokens)
    assert away(session) == "key-service-away"
    assert house.kms.handshakes() == 2
    house.clock.forward(AWAY_PAUSE)
    assert away(session) == "key-service-away"
    assert house.kms.handshakes() == 2
    house.clock.forward(RESET_PAUSE)
    house.kms.tamper = lambda tokens: tokens
    assert pinged(session)


def test_a_forged_reset_is_passed_over(house: House, session: Session) -> None:
    """Of another key, or with a changed body: as if nothing had come."""
    pinged(session)
    forged = signed.sign_reset("x", "x", other_service())
    house.kms.tamper = lambda _: (forged,)
    assert session.ask([PING]) == [None]
    assert house.kms.handshakes() == 1


def test_a_reset_beside_the_answer_changes_nothing(house: House, session: Session) -> None:
    """Who has answered has not forgotten us."""
    pinged(session)
    reset = signed.sign_reset("old", "old", service_key())
    house.kms.tamper = lambda tokens: (reset, *tokens)
    assert pinged(session)
    assert house.kms.handshakes() == 1


def test_our_own_request_sent_back_is_no_answer(house: House, session: Session) -> None:
    """Reflection."""
    pinged(session)
    carry = house.kms.carry
    house.kms.carry = tuple  # type: ignore[method-assign,assignment]
    assert session.ask([PING]) == [None]
    house.kms.carry = carry  # type: ignore[method-assign]
    assert pinged(session)


def test_yesterday_s_answer_is_no_answer(house: House, session: Session) -> None:
    """A replay: rightly sealed, but its requestId is not pending."""
    recorded: list[str] = []

    def recording(tokens: tuple[str, ...]) -> tuple[str, ...]:
        recorded.extend(tokens)
        return tokens

    house.kms.tamper = recording
    pinged(session)
    house.kms.tamper = lambda _: tuple(recorded[-1:])
    assert session.ask([PING]) == [None]


def test_answers_are_paired_by_what_is_sealed_in_them(house: House, session: Session) -> None:
    """In whatever order they come, and each at most once."""
    house.kms.tamper = lambda tokens: (*reversed(tokens), *tokens)
    asks = [Ask(Method.CREATE, "/keys", {"count": n}) for n in (1, 2, 3)]
    found = session.ask(asks)
    assert [len(one.members["keys"]) for one in found if one] == [1, 2, 3]


def test_a_dead_service_keeps_nobody_waiting_twice(house: House, session: Session) -> None:
    """After a failure others are told at once, for a few seconds; then one finds out."""
    house.kms.away = True
    assert away(session) == "key-service-away"
    house.kms.away = False
    assert away(session) == "key-service-away"
    house.clock.forward(AWAY_PAUSE)
    assert pinged(session)


def test_a_connector_that_is_not_enrolled_is_told_so(house: House, session: Session) -> None:
    """A state of its own, for a person has to enrol it."""
    house.kms.enrolled.clear()
    assert away(session) == "key-service-refuses"


def impostor() -> StaticKey:
    return other_service()


IMPOSTORS = {
    "its own key": impostor(),
    "the true chain": replace(impostor(), chain=service_key().chain),
    "its own authority": replace(
        impostor(), chain=(certificate(rsa_private(2).public_key(), issuer="Evil Root", number=3),)
    ),
    "another host": replace(
        impostor(),
        kid="kms://other.example.com",
        chain=(certificate(rsa_private(2).public_key(), "other.example.com"),),
    ),
}


@pytest.mark.parametrize("static", IMPOSTORS.values(), ids=IMPOSTORS)
@pytest.mark.parametrize("pinned", [False, True])
def test_a_hub_that_plays_the_key_service_gets_nothing(static: StaticKey, pinned: bool) -> None:
    """Whatever static key and chain it shows: not even an offer is made, so no credential leaves."""
    house = House()
    pin = Anchor(HOST, pins=frozenset({fingerprint(service_key().public.key)}))
    impostor = FakeKms(static, house.clock, {ENROLLED.fingerprint})
    session = session_of(impostor, house.clock, pin if pinned else ANCHOR)
    assert away(session) == "key-service-untrusted"
    assert (impostor.log, impostor.rides) == ([], [])


def test_a_hub_that_answers_the_handshake_itself_gets_nothing(house: House, session: Session) -> None:
    """It passes on the true static key, but it can't sign with it."""
    forged = signed.sign(Answer(201, "r", members={"key": {}}), other_service())
    house.kms.tamper = lambda _: (forged,)
    assert away(session) == "key-service-away"


def test_a_new_static_key_is_asked_for_when_the_old_one_no_longer_serves(
    house: House, session: Session
) -> None:
    """A renewed certificate needs no restart, as long as it leads to the same anchor."""
    pinned = Anchor(HOST, pins=frozenset(fingerprint(rsa_private(n).public_key()) for n in (0, 2)))
    session = session_of(house.kms, house.clock, pinned)
    pinged(session)
    house.kms.static_key = other_service()
    house.kms.forget_sessions()
    house.clock.forward(house.kms.life)
    assert pinged(session)
    assert house.kms.log[-3:] == ["reset", "handshake", "update ping"]


def test_nothing_of_an_oversized_answer_is_read(house: House, session: Session) -> None:
    """More than 4 MiB is no message."""
    pinged(session)
    house.kms.tamper = lambda _: ("a." * 2 + "a" * jose.MAX_SEALED + ".a.a",)
    assert session.ask([PING]) == [None]
