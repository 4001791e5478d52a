"""Join blocks in the bodies of items, by the rules of one configuration. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connector.errors import Refused
from connector.meeting.invitation import Invitations, Left, Standing, Written
from connector.model import BodyKind, JoinDetails, WholeItem


@dataclass(frozen=True, slots=True)
class Blocks:
    """``digest`` is that of the block our marker tells of, None without a marker."""

    invitations: Invitations
    replaces: bool = False
    """Whether our block goes beside, or in place of, join details that are there already."""

    def digest(self, item: WholeItem, digest: str | None) -> str:
        """The digest of our block as it stands now, "" where there is none."""
        found = self.invitations.find(item.body, digest, is_html=_is_html(item))
        return found.digest if found else ""

    def names(self, item: WholeItem, details: JoinDetails, digest: str | None) -> bool:
        """Whether our block in the item is of these details."""
        return details.url in item.meeting.body or self.put(item, details, digest).body == item.body

    def standing(self, item: WholeItem, digest: str | None) -> Standing | None:
        """What became of our block, None where there is none."""
        found = self.invitations.find(item.body, digest, is_html=_is_html(item))
        return found.standing if found else None

    def shown(self, text: str) -> bool:
        """Whether a block of ours stands in a body that was read as plain text."""
        return self.invitations.find(text, is_html=False) is not None

    def put(self, item: WholeItem, details: JoinDetails, digest: str | None) -> Written:
        """The body with a block of these details, in place of ours if one stands there. Raises Refused with why not."""
        language = self.invitations.language_for(item.culture or None, None)
        put = self.invitations.put(item.body, details, language, marker=digest, is_html=_is_html(item))
        if isinstance(put, Left):
            raise Refused(put.value)
        return put

    def take_out(self, item: WholeItem, digest: str | None) -> str:
        """The body without our block."""
        return self.invitations.remove(item.body, digest, is_html=_is_html(item))

    def taken(self, item: WholeItem, digest: str | None) -> bool:
        """Whether somebody else's join details stand in the item and are to be kept."""
        if self.replaces:
            return False
        there = self.invitations.foreign(item.body, digest, is_html=_is_html(item))
        return there is not None or bool(item.meeting.online)


def _is_html(item: WholeItem) -> bool:
    return item.kind is BodyKind.HTML
