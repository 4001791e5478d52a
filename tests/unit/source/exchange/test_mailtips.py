"""Who is away, asked for many at once."""

import pytest
from lxml import etree

from connector.errors import AccessDenied, Refused, Transient, Verdict
from connector.model import Mailbox
from connector.source.exchange.envelope import local
from connector.source.exchange.mailtips import USUAL, MailTips
from connector.source.exchange.transport import Answer, Call
from tests.lab.exchange.administration import set_out_of_office
from tests.unit.source.exchange.room import Room

T = "{http://schemas.microsoft.com/exchange/services/2006/types}"
M = "{http://schemas.microsoft.com/exchange/services/2006/messages}"


class Ward(Room):
    """A room of many people; ``most`` recipients a request, ``refusals`` by acting address."""

    def __init__(self, people: int = 3, most: int | None = None) -> None:
        super().__init__()
        self.people = [
            Mailbox(f"m{n}", "hq", f"p{n:03}@example.com", "staff", "manual") for n in range(people)
        ]
        for one in self.people:
            self.organisation.add(one.address)
        self.most = most
        self.refusals: dict[str, Verdict] = {}
        self.configuration = True
        self.tips = MailTips(self.services)

    def call(self, call: Call) -> Answer:
        if verdict := self.refusals.get(call.acting):
            raise verdict
        name = local(call.payload)
        if name == "GetServiceConfiguration" and not self.configuration:
            raise Refused("request-refused", "ErrorInvalidRequest")
        if name == "GetMailTips" and self.most is not None and self._recipients(call) > self.most:
            self.asked.append(call.payload)
            raise Refused("request-refused", "ErrorInvalidArgument")
        return super().call(call)

    def _recipients(self, call: Call) -> int:
        return len(call.payload.findall(f"{M}Recipients/{T}Mailbox"))

    def away(self, number: int, text: str = "Gone", state: str = "Enabled", **times: str) -> None:
        address = self.people[number].address
        set_out_of_office(self.organisation, mailbox=address, state=state, internal=text, **times)


def test_one_request_tells_of_many() -> None:
    """Present people are "", an absent one has a mark; one GetMailTips, and the limit is asked once."""
    ward = Ward()
    ward.away(1)
    found = ward.tips.absences(ward.people)
    assert (found["m0"], found["m2"]) == ("", "")
    assert found["m1"]
    ward.tips.absences(ward.people)
    assert ward.operations == ["GetServiceConfiguration", "GetMailTips", "GetMailTips"]


def test_mark_changes_with_text_and_times() -> None:
    """Another text or another schedule is another mark; the same state the same one."""
    ward = Ward(1)
    marks = []
    for text, until in (
        ("Gone", "2026-03-09T00:00:00Z"),
        ("Gone", "2026-03-09T00:00:00Z"),
        ("Back soon", "2026-03-09T00:00:00Z"),
        ("Gone", "2026-03-10T00:00:00Z"),
    ):
        ward.away(0, text, "Scheduled", start="2026-03-01T00:00:00Z", end=until)
        marks.append(ward.tips.absences(ward.people)["m0"])
    assert marks[0] == marks[1]
    assert len(set(marks)) == 3


def test_pending_tips_are_unknown_not_back() -> None:
    """PendingMailTips says that the server does not know yet."""
    ward = Ward(2)
    ward.organisation.mailbox(ward.people[0].address).tips_pending = True
    assert ward.tips.absences(ward.people) == {"m0": None, "m1": ""}


def test_only_as_many_as_the_server_takes() -> None:
    """The limit of GetServiceConfiguration is kept; the rest is missing from the answer."""
    ward = Ward(60)
    assert list(ward.tips.absences(ward.people)) == [one.id for one in ward.people[:50]]


def test_usual_limit_where_the_server_does_not_tell() -> None:
    """A server without GetServiceConfiguration is asked for fifty."""
    ward = Ward(60)
    ward.configuration = False
    assert len(ward.tips.absences(ward.people)) == USUAL


def test_refused_batch_is_halved_until_it_fits() -> None:
    """A smaller server setting is found by asking for less; nothing is answered meanwhile."""
    ward = Ward(60, most=12)
    answered = [len(ward.tips.absences(ward.people)) for _ in range(4)]
    assert answered == [0, 0, 12, 12]


def test_server_without_mail_tips_is_said_so() -> None:
    """When even one recipient is refused there are no mail tips here."""
    ward = Ward(1, most=0)
    with pytest.raises(Refused):
        ward.tips.absences(ward.people)


def test_one_who_does_not_let_us_ask_costs_nobody_else() -> None:
    """Another of the batch is acted for; three refusals in a row are the batch's."""
    ward = Ward(5)
    denied = AccessDenied("impersonation-denied")
    ward.refusals = {ward.people[0].address: denied}
    ward.configuration = True
    assert len(ward.tips.absences(ward.people)) == 5
    ward.refusals = {one.address: denied for one in ward.people[:3]}
    with pytest.raises(AccessDenied):
        ward.tips.absences(ward.people)


def test_answer_of_another_length_is_not_believed() -> None:
    """Tips are matched by place; one too few would be another person's."""
    ward = Ward(2)

    def cut(request: etree._Element, response: etree._Element) -> etree._Element:
        messages = response.find(f"{M}ResponseMessages")
        if local(request) == "GetMailTips" and messages is not None:
            messages.remove(messages[0])
        return response

    ward.tamper = cut
    with pytest.raises(Transient, match="bad-answer"):
        ward.tips.absences(ward.people)


def test_nobody_is_asked_about_nobody() -> None:
    """An empty batch costs no request."""
    ward = Ward()
    assert ward.tips.absences([]) == {}
    assert ward.operations == []
