"""Free/busy of people who may live in different calendar systems: one question, an answer for each.

The acting user asks his own system. Whoever is activated in another one is asked about there, with his own rights over his own
calendar: the acting user has none in that system, and nobody else's are lent to him.
"""

from __future__ import annotations

from collections.abc import Sequence

from connector.errors import Verdict
from connector.model import Availability, Mailbox, Window
from connector.sync.visit import Visit


def ask(visit: Visit, addresses: Sequence[str], window: Window) -> tuple[Availability, ...]:
    """One answer per address, in their order. Raises verdicts of the acting user's own source."""
    found = (visit.store.find_mailbox(address) for address in addresses)
    elsewhere = {
        address: mailbox
        for address, mailbox in zip(addresses, found, strict=True)
        if mailbox is not None and mailbox.source != visit.mailbox.source
    }
    own = [address for address in addresses if address not in elsewhere]
    asked = visit.source.availability(visit.mailbox, own, window) if own else ()
    answers = dict(zip(own, asked, strict=True))
    answers |= {address: _at_home(visit, mailbox, window) for address, mailbox in elsewhere.items()}
    return tuple(answers[address] for address in addresses)


def _at_home(visit: Visit, mailbox: Mailbox, window: Window) -> Availability:
    """What somebody's own system says; trouble there is this one's answer, not everybody's."""
    source = visit.context.sources.get(mailbox.source)
    if source is None:
        return Availability(mailbox.address, code="no-free-busy")
    try:
        (answer,) = source.availability(mailbox, [mailbox.address], window)
    except Verdict as verdict:
        return Availability(mailbox.address, code=verdict.code)
    return answer
