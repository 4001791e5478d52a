"""Whether people are there: the owner's automatic replies, and other people's free/busy times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from connector.errors import Refused, Transient, Verdict
from connector.model import Availability, BusySpan, Mailbox, Presence, ShowAs, Window
from connector.source.exchange import payloads
from connector.source.exchange.convert import SHOW_AS, moment
from connector.source.exchange.envelope import Element, local
from connector.source.exchange.errors import message_verdict
from connector.source.exchange.services import Services
from connector.source.exchange.text import plain_text

MOST_ADDRESSES = 100
_AWAY = {"Disabled": False, "Enabled": True, "Scheduled": True}


def presence(services: Services, mailbox: Mailbox) -> Presence:
    """The owner's out-of-office state as it is set; a schedule is passed on as its times, not judged by a clock.

    Raises:
        Transient: the answer has no state that we know.
    """
    response = services.ask(mailbox, payloads.get_oof(mailbox.address)).response
    _check(response)
    settings = response.find("{*}OofSettings")
    state = settings.findtext("{*}OofState", "") if settings is not None else ""
    if settings is None or state not in _AWAY:
        raise Transient("bad-answer", f"an out-of-office state of {state!r}")
    if not _AWAY[state]:
        return Presence(away=False)
    text = plain_text(settings.findtext("{*}InternalReply/{*}Message") or "")
    if state == "Enabled":
        return Presence(away=True, text=text)
    since, until = (settings.findtext(f"{{*}}Duration/{{*}}{name}", "") for name in ("StartTime", "EndTime"))
    try:
        return Presence(away=True, since=moment(since), until=moment(until), text=text)
    except ValueError as error:
        raise Transient("bad-answer", f"a scheduled absence without its times: {error}") from error


def availability(
    services: Services, acting: Mailbox, addresses: Sequence[str], window: Window
) -> tuple[Availability, ...]:
    """Free/busy of at most 100 addresses, one answer per address in their order.

    Raises:
        Refused: more addresses than one request may ask for.
    """
    if len(addresses) > MOST_ADDRESSES:
        raise Refused("request-refused", f"{len(addresses)} addresses in one free/busy request")
    if not addresses:
        return ()
    response = services.ask(acting, payloads.get_availability(addresses, window)).response
    answers = response.findall("{*}FreeBusyResponseArray/{*}FreeBusyResponse")
    if len(answers) != len(addresses):
        _check(response)
        raise Transient("bad-answer", f"{len(answers)} free/busy answers for {len(addresses)} addresses")
    return tuple(_one(address, answer) for address, answer in zip(addresses, answers, strict=True))


def _one(address: str, answer: Element) -> Availability:
    try:
        _check(answer)
        return Availability(address, tuple(_spans(answer)))
    except Verdict as verdict:
        return Availability(address, code=verdict.code)
    except ValueError:
        return Availability(address, code="bad-answer")


def _spans(answer: Element) -> Iterator[BusySpan]:
    for event in answer.iterfind("{*}FreeBusyView/{*}CalendarEventArray/{*}CalendarEvent"):
        shown = SHOW_AS.get(event.findtext("{*}BusyType", ""), ShowAs.BUSY)
        if shown is not ShowAs.FREE:
            start, end = event.findtext("{*}StartTime", ""), event.findtext("{*}EndTime", "")
            yield BusySpan(moment(start), moment(end), shown)


def _check(holder: Element) -> None:
    """Raise what the one response message tells of; it stands in the response or inside each answer."""
    message = next((each for each in holder.iter() if local(each) == "ResponseMessage"), None)
    if message is None:
        raise Transient("bad-answer", "an answer without a response message")
    if (verdict := message_verdict(message)) is not None:
        raise verdict
