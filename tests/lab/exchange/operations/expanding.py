"""ExpandDL: who stands behind a distribution list, one level deep."""

from lxml import etree

from tests.lab.exchange.call import Call, ResponseFault
from tests.lab.exchange.elements import m, t, text_at
from tests.lab.exchange.operations.addressing import acting_mailbox
from tests.lab.exchange.operations.batch import answer_each


def expand_list(call: Call) -> etree._Element:
    """Answers ExpandDL; an address that is no list fails with ErrorNameResolutionNoResults."""
    acting_mailbox(call)
    address = text_at(call.request, "m:Mailbox/t:EmailAddress").lower()

    def fill(made: etree._Element, asked: str) -> None:
        members = call.organisation.lists.get(asked)
        if members is None:
            raise ResponseFault("ErrorNameResolutionNoResults", "No results were found.")
        found = m(made, "DLExpansion")
        found.set("TotalItemsInView", str(len(members)))
        found.set("IncludesLastItemInRange", "true")
        for one in members:
            person = t(found, "Mailbox")
            t(person, "Name", one.partition("@")[0])
            t(person, "EmailAddress", one)
            t(person, "RoutingType", "SMTP")
            t(person, "MailboxType", "PublicDL" if one in call.organisation.lists else "Mailbox")

    return answer_each(call, [address], fill)
