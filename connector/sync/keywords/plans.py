"""What may be done for one place: the answers of ``planning``. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from connector.model import Conference, Intent, Wish


@dataclass(frozen=True, slots=True)
class Leave:
    """Nothing is done; ``code`` says why, "" where all is as it should be."""

    code: str = ""


@dataclass(frozen=True, slots=True)
class Make:
    """A conference is to be made for ``wish``."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Recall:
    """The item tells of a conference that the database has forgotten: it is to be known again, whatever becomes of it."""

    key: str
    wish: Wish


@dataclass(frozen=True, slots=True)
class Share:
    """The series' conference is this occurrence's too."""

    home: Intent


@dataclass(frozen=True, slots=True)
class Replace:
    """Another keyword stands there now: the conference made so far is to be ended."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Move:
    """The meeting got another time, rule or subject."""


@dataclass(frozen=True, slots=True)
class Put:
    """The block is to be written."""


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is asked for any more: the block is to be taken out where ``clean``, and the conference ended."""

    clean: bool


@dataclass(frozen=True, slots=True)
class Host:
    """The calendar system is to make the conference itself."""

    wish: Wish


@dataclass(frozen=True, slots=True)
class Await:
    """It was asked, under the write of this key, and has not made it yet."""

    wish: Wish
    key: str


@dataclass(frozen=True, slots=True)
class Adopt:
    """It has made it."""

    wish: Wish
    key: str
    conference: Conference


Plan = Leave | Recall | Make | Share | Replace | Move | Put | End | Host | Await | Adopt
