"""The join block in an invitation's body: written, found again, replaced, taken out, all else left as it was.

A block stands between two lines of wavy ornament, the upper one around a title. It is found again by that visible
shape and told by the digest of its words, which the item holds in a property; markup of any kind plays no part, for
mail programs rewrite it. All of it is pure: bodies in, bodies out.
"""

from connector.meeting.invitation.block import Block, Standing
from connector.meeting.invitation.details import Parts
from connector.meeting.invitation.invitations import Invitations, Left, Written

__all__ = ["Block", "Invitations", "Left", "Parts", "Standing", "Written"]
