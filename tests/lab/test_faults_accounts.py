"""Against the lab: a service account is refused and another takes over; absences are asked for by the batch."""

from datetime import UTC, datetime

import pytest

from connector.errors import CredentialRefused, Transient
from connector.model import Mailbox
from connector.source.base import Notice
from connector.source.exchange.account import Directory
from connector.source.exchange.redirects import RememberedRedirects, Trust
from connector.source.exchange.settings import Account, ExchangeSettings, ForgetfulRefusals, Limits
from connector.source.exchange.source import ExchangeSource
from connector.source.exchange.transport import Exchange
from tests.lab.exchange.launch import LabExchange

pytestmark = pytest.mark.lab

SECOND = "EXAMPLE\\svc-b"


def mailbox(lab: LabExchange, number: int) -> Mailbox:
    """One of the lab's."""
    return Mailbox(f"m{number}", "hq", lab.address(number), "staff", "manual")


def connect(lab: LabExchange, told: list[Notice]) -> ExchangeSource:
    """A source with two accounts; the second one's password is Right-2."""
    first = lab.password
    settings = ExchangeSettings(
        "hq",
        "i",
        lab.user,
        password=lambda: first,
        url=lab.url,
        ca=lab.ca,
        limits=Limits(connect=5, silence=20),
        others=(Account(SECOND, lambda: "Right-2"),),
    )
    exchange = Exchange(settings, ForgetfulRefusals(), tell=told.append)
    trust = Trust(frozenset(), RememberedRedirects(lambda: None, lambda _: None))
    return ExchangeSource(exchange, Directory(settings, exchange, trust, lambda: datetime.now(UTC)))


def bad_logons(lab: LabExchange) -> dict[str, int]:
    """As the directory counts."""
    return {account["name"]: account["bad_logons"] for account in lab.accounts()}


def test_takeover_needs_no_restart_and_no_full_read() -> None:
    """The password of the account in force changes behind our back: two bad logons settle it, the cursor still holds."""
    told: list[Notice] = []
    with LabExchange(mailboxes=3) as lab:
        lab.change_password("Right-2", "svc-b")
        source = connect(lab, told)
        owner = mailbox(lab, 1)
        cursor = source.delta(owner, None).cursor
        made = lab.edit("create", mailbox=owner.address, subject="One", start="2030-01-01T10:00:00Z")
        lab.change_password("Changed-1")
        with pytest.raises(Transient, match="front-end-refuses"):
            source.delta(owner, cursor)
        assert source.delta(owner, cursor).dirty == (made["item_id"],)
        lab.disconnect()
        for number in (1, 2, 3):
            assert source.delta(mailbox(lab, number), None).cursor
        assert told == [Notice("account-taken-over", lab.user, by=SECOND)]
        assert bad_logons(lab) == {lab.account: 2, "svc-b": 0}
        lab.change_password("Changed-2", "svc-b")
        with pytest.raises(Transient, match="front-end-refuses"):
            source.delta(owner, None)
        for _ in range(3):
            with pytest.raises(CredentialRefused):
                source.delta(owner, None)
        assert bad_logons(lab) == {lab.account: 2, "svc-b": 2}
        source.close()


def test_absences_of_many_cost_one_request() -> None:
    """Sixty people: the server's limit is asked for and kept, the absent one stands out, GetUserOofSettings is not asked."""
    with LabExchange(mailboxes=60) as lab:
        source = connect(lab, [])
        everybody = [mailbox(lab, number) for number in range(1, 61)]
        lab.edit(
            "set_out_of_office", mailbox=lab.address(7), state="Enabled", internal="Gone", external="Gone"
        )
        found = source.absences(everybody)
        assert [one for one, mark in found.items() if mark] == ["m7"]
        assert len(found) == 50
        found |= source.absences([one for one in everybody if one.id not in found])
        assert len(found) == 60
        asked = [entry["operation"] for entry in lab.log()]
        assert asked.count("GetMailTips") == 2
        assert asked.count("GetServiceConfiguration") == 1
        source.close()
