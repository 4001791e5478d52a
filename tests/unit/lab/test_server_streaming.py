"""Subscribe, GetStreamingEvents and Unsubscribe, without a network."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest
from lxml import etree

from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.edits import EDITS
from tests.lab.exchange.limits import Figures, Limits
from tests.lab.exchange.organisation import Organisation
from tests.lab.exchange.settings import StreamSettings
from tests.lab.exchange.soap import MESSAGES, TYPES, M, T
from tests.lab.exchange.streaming import Streaming, Visit
from tests.lab.exchange.waiting import Watch

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
ANNA, BERT = "anna@example.com", "bert@example.com"
HERE, THERE = "mbx1.a.lab", "mbx2.a.lab"
SHELF = Path(__file__).parents[4] / "shared/data/ews-schema/messages.xsd"

QUIET = StreamSettings(minute=0.05, heartbeat=60, notification="t")
"""A stream that ends by itself at once, so that everything it says can be collected."""


class Notifications:
    """A notification service with two mailboxes, and short words for what clients ask of it."""

    def __init__(self, settings: StreamSettings = QUIET, figures: Figures | None = None) -> None:
        self.organisation = Organisation(lambda: NOW)
        for address in (ANNA, BERT):
            self.organisation.add(address)
        self.limits = Limits(figures or Figures())
        self.service = Streaming(settings, self.limits)
        self.organisation.subscribe(self.service.subscriptions.publish)

    def visit(
        self, request: str, acting: str | None = ANNA, back_end: str = HERE, caller: str = "svc"
    ) -> Visit:
        element = etree.fromstring(request.replace(">", f' xmlns:m="{MESSAGES}" xmlns:t="{TYPES}">', 1))
        name = etree.QName(element).localname
        return Visit(Call(name, element, caller, acting, self.organisation, NOW), back_end, Watch())

    def subscribe(
        self,
        acting: str = ANNA,
        back_end: str = HERE,
        kinds: tuple[str, ...] = ("CreatedEvent", "ModifiedEvent"),
    ) -> str:
        types = "".join(f"<t:EventType>{kind}</t:EventType>" for kind in kinds)
        request = (
            '<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="calendar"/>'
            f"</t:FolderIds><t:EventTypes>{types}</t:EventTypes></m:StreamingSubscriptionRequest></m:Subscribe>"
        )
        response = self.service.subscribe(self.visit(request, acting, back_end))
        valid(response)
        found = response.findtext(f".//{M}SubscriptionId")
        assert found
        return found

    def open(
        self,
        *ids: str,
        acting: str | None = ANNA,
        back_end: str = HERE,
        caller: str = "svc",
        minutes: str = "1",
    ) -> Iterator[bytes]:
        listed = "".join(f"<t:SubscriptionId>{one}</t:SubscriptionId>" for one in ids)
        request = (
            f"<m:GetStreamingEvents><m:SubscriptionIds>{listed}</m:SubscriptionIds>"
            f"<m:ConnectionTimeout>{minutes}</m:ConnectionTimeout></m:GetStreamingEvents>"
        )
        documents, _ = self.service.open(self.visit(request, acting, back_end, caller))
        return documents

    def unsubscribe(self, subscription_id: str, caller: str = "svc") -> etree._Element:
        request = f"<m:Unsubscribe><m:SubscriptionId>{subscription_id}</m:SubscriptionId></m:Unsubscribe>"
        return self.service.unsubscribe(self.visit(request, caller=caller))

    def create(self, address: str = ANNA) -> None:
        EDITS["create"](self.organisation, mailbox=address, start="2026-11-23T10:00:00")


def valid(response: etree._Element) -> None:
    if SHELF.exists():
        schema().assertValid(response)


_SCHEMA: list[etree.XMLSchema] = []


def schema() -> etree.XMLSchema:
    if not _SCHEMA:
        _SCHEMA.append(etree.XMLSchema(etree.parse(SHELF)))
    return _SCHEMA[0]


def said(document: bytes) -> tuple[str, str, list[str], list[str]]:
    """Response code, connection status, ids in error and names of events of one document."""
    body = etree.fromstring(document)[1][0]
    valid(body)
    events = [etree.QName(el).localname for el in body.iter() if str(el.tag).endswith("Event")]
    ids = [el.text or "" for el in body.iterfind(f".//{M}ErrorSubscriptionIds/{T}SubscriptionId")]
    return (
        body.findtext(f".//{M}ResponseCode") or "",
        body.findtext(f".//{M}ConnectionStatus") or "",
        ids,
        events,
    )


def codes(documents: Iterator[bytes]) -> list[str]:
    """What each document of a whole connection is about: its code when it is an error, else status or `events`."""
    found = []
    for document in documents:
        code, status, _, events = said(document)
        found.append(code if code != "NoError" else status or f"{len(events)} events")
    return found


def test_a_stream_begins_with_ok_and_ends_closed() -> None:
    """ConnectionStatus is OK at once and Closed when ConnectionTimeout has passed."""
    lab = Notifications()
    assert codes(lab.open(lab.subscribe())) == ["OK", "Closed"]


def test_one_change_makes_several_events() -> None:
    """A creation is told as created, modified, and as a change of the folder."""
    lab = Notifications()
    subscription = lab.subscribe()
    lab.create()
    _, _, _, events = said(list(lab.open(subscription))[1])
    assert events.count("CreatedEvent") == 1
    assert events.count("ModifiedEvent") > 1


def test_events_wait_between_connections() -> None:
    """What happens while nobody listens is told at the next connection, once."""
    lab = Notifications()
    subscription = lab.subscribe()
    assert codes(lab.open(subscription)) == ["OK", "Closed"]
    lab.create()
    assert len(codes(lab.open(subscription))) == 3
    assert codes(lab.open(subscription)) == ["OK", "Closed"]


def test_only_the_wanted_kinds_are_told() -> None:
    """EventTypes filter."""
    lab = Notifications()
    subscription = lab.subscribe(kinds=("DeletedEvent",))
    lab.create()
    assert codes(lab.open(subscription)) == ["OK", "Closed"]


def test_a_moved_item_is_told_to_the_folder_it_left() -> None:
    """Deleting moves to Deleted Items; the calendar's subscribers see MovedEvent with the old ids."""
    lab = Notifications()
    subscription = lab.subscribe(kinds=("MovedEvent",))
    lab.create()
    item = next(iter(lab.organisation.mailbox(ANNA).items.values()))
    EDITS["delete"](lab.organisation, mailbox=ANNA, item=item.content.uid)
    _, _, _, events = said(list(lab.open(subscription))[1])
    assert events == ["MovedEvent"]


def test_the_first_fifty_events_are_one_notification() -> None:
    """More than fifty waiting events come in several documents."""
    lab = Notifications()
    subscription = lab.subscribe(kinds=("CreatedEvent",))
    for _ in range(60):
        lab.create()
    assert codes(lab.open(subscription)) == ["OK", "50 events", "10 events", "Closed"]


def test_an_event_wakes_an_open_stream() -> None:
    """A change is told at once, not at the next heartbeat."""
    lab = Notifications(StreamSettings(minute=60, heartbeat=60, notification="t"))
    documents = lab.open(lab.subscribe())
    next(documents)
    lab.create()
    assert said(next(documents))[3]


def test_the_heartbeat_is_a_document_of_its_own() -> None:
    """A quiet stream says OK again and again."""
    lab = Notifications(StreamSettings(minute=60, heartbeat=0.01))
    documents = lab.open(lab.subscribe())
    assert codes(islice(documents, 4)) == ["OK"] * 4


def test_a_dead_id_silences_the_good_ones() -> None:
    """The error names the dead ids; the others stay without events until the call is repeated without them."""
    lab = Notifications()
    good, dead = lab.subscribe(), lab.subscribe()
    lab.unsubscribe(dead)
    lab.create()
    documents = list(lab.open(good, dead))
    assert said(documents[1])[:3] == ("ErrorSubscriptionNotFound", "", [dead])
    assert codes(iter(documents)) == ["OK", "ErrorSubscriptionNotFound", "Closed"]
    assert len(codes(lab.open(good))) == 3


def test_a_dead_id_may_close_the_connection() -> None:
    """The other way a server may behave."""
    lab = Notifications(StreamSettings(minute=60, heartbeat=60, dead_id="close"))
    good, dead = lab.subscribe(), lab.subscribe()
    lab.unsubscribe(dead)
    assert codes(lab.open(good, dead)) == ["OK", "ErrorSubscriptionNotFound", "Closed"]


def test_another_back_end_does_not_know_the_subscription() -> None:
    """Without the cookie a connection may reach a server that cannot read the events."""
    lab = Notifications()
    subscription = lab.subscribe(back_end=THERE)
    assert codes(lab.open(subscription)) == ["OK", "ErrorReadEventsFailed", "Closed"]
    assert codes(lab.open(subscription, back_end=THERE)) == ["OK", "Closed"]


def test_affinity_may_be_switched_off() -> None:
    """Servers that only resemble Exchange have none."""
    lab = Notifications(StreamSettings(minute=0.05, affinity=False))
    assert codes(lab.open(lab.subscribe(back_end=THERE))) == ["OK", "Closed"]


def test_what_is_no_id_is_an_invalid_subscription() -> None:
    """Only ids of the right form can be not found."""
    assert codes(Notifications().open("nonsense!")) == ["OK", "ErrorInvalidSubscription", "Closed"]


def test_the_service_account_owns_the_subscription() -> None:
    """Any connection of the same account may carry it, whoever it acts for; another account may not."""
    lab = Notifications()
    subscription = lab.subscribe()
    assert codes(lab.open(subscription, acting=BERT)) == ["OK", "Closed"]
    assert codes(lab.open(subscription, acting=None)) == ["OK", "Closed"]
    assert codes(lab.open(subscription, caller="other"))[1] == "ErrorSubscriptionAccessDenied"
    with pytest.raises(ResponseFault, match="ErrorSubscriptionAccessDenied"):
        lab.unsubscribe(subscription, caller="other")


def test_the_impersonated_mailbox_may_own_it_instead() -> None:
    """As in gromox: one stream then carries ids of one mailbox only."""
    lab = Notifications(StreamSettings(minute=0.05, owner="mailbox"))
    anna, bert = lab.subscribe(), lab.subscribe(BERT)
    assert codes(lab.open(anna, bert))[1] == "ErrorSubscriptionAccessDenied"


def test_missed_events_leave_the_subscription_alive() -> None:
    """ErrorMissedNotificationEvents names the ids; later events of the same connection are told."""
    lab = Notifications(StreamSettings(minute=60, heartbeat=60, notification="t"))
    subscription = lab.subscribe()
    documents = lab.open(subscription)
    next(documents)
    assert lab.service.subscriptions.miss(ANNA) == 1
    assert said(next(documents))[:3] == ("ErrorMissedNotificationEvents", "", [subscription])
    lab.create()
    assert said(next(documents))[3]


def test_a_newer_connection_takes_the_ids_over() -> None:
    """The older one is told and closed; the newer one gets the events."""
    lab = Notifications(StreamSettings(minute=60, heartbeat=60, notification="t"))
    subscription = lab.subscribe()
    older = lab.open(subscription)
    next(older)
    newer = lab.open(subscription)
    assert codes(older) == ["ErrorNewEventStreamConnectionOpened", "Closed"]
    lab.create()
    assert said(list(islice(newer, 2))[1])[3]


def test_a_full_queue_is_the_end() -> None:
    """A subscription whose queue overflows is dead."""
    lab = Notifications(StreamSettings(minute=0.05, queue=5))
    subscription = lab.subscribe()
    for _ in range(5):
        lab.create()
    assert codes(lab.open(subscription)) == ["OK", "ErrorSubscriptionNotFound", "Closed"]


def test_a_subscription_nobody_listens_to_expires() -> None:
    """Its idle time counts from the last connection."""
    lab = Notifications(StreamSettings(minute=0.05, idle=-1))
    assert codes(lab.open(lab.subscribe())) == ["OK", "ErrorSubscriptionNotFound", "Closed"]


def test_a_restart_ends_open_streams_ids() -> None:
    """An open stream is told that its subscriptions are gone."""
    lab = Notifications(StreamSettings(minute=60, heartbeat=60, dead_id="close"))
    documents = lab.open(lab.subscribe())
    next(documents)
    assert lab.service.subscriptions.forget() == 1
    assert codes(documents) == ["ErrorSubscriptionNotFound", "Closed"]


def test_at_most_two_hundred_ids_a_connection() -> None:
    """201 ids are refused, 200 are served."""
    lab = Notifications()
    ids = [lab.subscribe() for _ in range(201)]
    with pytest.raises(ResponseFault, match="ErrorInvalidRequest"):
        lab.open(*ids)
    assert codes(lab.open(*ids[:200])) == ["OK", "Closed"]


@pytest.mark.parametrize("minutes", ["0", "31", "", "x"])
def test_the_timeout_is_one_to_thirty_minutes(minutes: str) -> None:
    """What the schema forbids is ErrorSchemaValidation."""
    lab = Notifications()
    with pytest.raises(ResponseFault, match="ErrorSchemaValidation"):
        lab.open(lab.subscribe(), minutes=minutes)


def test_open_streams_are_charged_to_the_mailbox_acted_for() -> None:
    """The eleventh connection of one charged account is refused, another account's is not; an end gives room."""
    lab = Notifications(StreamSettings(minute=60, heartbeat=60))
    held = [lab.open(lab.subscribe()) for _ in range(10)]
    with pytest.raises(ResponseFault, match="ErrorExceededConnectionCount"):
        lab.open(lab.subscribe())
    other = lab.open(lab.subscribe(), acting=BERT)
    held[0].close()  # type: ignore[attr-defined]  # it is a generator
    assert lab.limits.report()["hanging"] == {ANNA: 9, BERT: 1}
    del other


def test_subscriptions_are_counted_by_mailbox() -> None:
    """More than EWSMaxSubscriptions of one mailbox are refused."""
    lab = Notifications(figures=Figures(subscriptions=2))
    lab.subscribe()
    lab.subscribe()
    lab.subscribe(BERT)
    with pytest.raises(ResponseFault, match="ErrorExceededSubscriptionCount"):
        lab.subscribe()


def test_unsubscribe_ends_it() -> None:
    """The second time it is not found."""
    lab = Notifications()
    subscription = lab.subscribe()
    valid(lab.unsubscribe(subscription))
    with pytest.raises(ResponseFault, match="ErrorSubscriptionNotFound"):
        lab.unsubscribe(subscription)


def test_a_foreign_folder_is_not_watched() -> None:
    """Without impersonation and without rights there is nothing to subscribe to."""
    lab = Notifications()
    request = (
        '<m:Subscribe><m:StreamingSubscriptionRequest><t:FolderIds><t:DistinguishedFolderId Id="calendar">'
        f"<t:Mailbox><t:EmailAddress>{BERT}</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId></t:FolderIds>"
        "<t:EventTypes><t:EventType>CreatedEvent</t:EventType></t:EventTypes>"
        "</m:StreamingSubscriptionRequest></m:Subscribe>"
    )
    for acting, code in ((ANNA, "ErrorAccessDenied"), (None, "ErrorAccessDenied")):
        with pytest.raises(ResponseFault, match=code):
            lab.service.subscribe(lab.visit(request, acting))
    lab.service.subscribe(lab.visit(request, BERT))
