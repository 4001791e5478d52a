"""Join blocks by the rules of one configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from markupsafe import escape

from connector.errors import ConfigError, Problem
from connector.meeting.enrich import join_rules
from connector.meeting.invitation import foreign, quoted, splice
from connector.meeting.invitation.block import Block, Standing, own_block
from connector.meeting.invitation.details import Parts, chosen, is_safe
from connector.meeting.invitation.flow import Flow, of_html, of_text
from connector.meeting.invitation.shape import EDGE, FOOT, digest, may_hold
from connector.meeting.invitation.template import FAILURES
from connector.meeting.invitation.texts import known, texts
from connector.meeting.invitation.wording import FALLBACK, best
from connector.meeting.joinlink import JoinRules
from connector.model import JoinDetails

LONGEST = 1 << 20
"""Bytes of a body in UTF-8, the block included; longer ones are left alone."""

NO_FILES: Mapping[str, str] = MappingProxyType({})


class Left(StrEnum):
    """Why a body was left as it is. The values are codes of ``connector.reasons``."""

    TOO_LARGE = "body-too-large"
    EDITED = "block-edited"
    LINK_THERE = "link-there"
    UNSAFE = "details-unsafe"
    TEMPLATE = "template-failed"


@dataclass(frozen=True, slots=True)
class Written:
    """A body with its join block, and what the item's marker has to hold.

    ``digest`` is a SHA-256 in hexadecimal. ``body`` equals the body that was given where the block stood there already.
    """

    body: str
    digest: str


class Invitations:
    """Writes, finds and takes out join blocks. Immutable; all threads may share one.

    A body is the whole source of the item's body, HTML unless ``is_html=False`` says it is plain text. A marker is the
    digest that the item's property holds, None where it holds none.
    """

    def __init__(
        self,
        *,
        language: str | None = None,
        templates: Mapping[str, str] = NO_FILES,
        folder: str = "",
        parts: Parts = Parts(),  # noqa: B008 - frozen
        existing_link: Literal["keep", "replace"] = "keep",
        rules: JoinRules | None = None,
    ) -> None:
        """``language`` is the organisation's, for all; None lets each meeting speak its own.

        ``templates`` are the files of the templates folder, name to content (``texts.texts``), ``folder`` its path for
        messages. ``rules`` tell join details of others. Raises ConfigError naming the file and line, or the language.
        """
        self._texts = texts(templates, folder)
        self._language = best(language, self._texts.words) if language else None
        if language and self._language is None:
            sentence = f"invitation.language: there is no language {language}; {known(self._texts.words)}"
            raise ConfigError((Problem(sentence),))
        self._parts = parts
        self._replaces = existing_link == "replace"
        self._rules = rules or join_rules()

    def language_for(self, culture: str | None, mailbox_locale: str | None) -> str:
        """The language of a meeting's block: the organisation's, else that of the item, else the mailbox's, else English.

        ``culture`` is the item's Culture (``sv-SE``), ``mailbox_locale`` that of the mailbox; unknown ones are passed over.
        """
        words = self._texts.words
        return self._language or best(culture, words) or best(mailbox_locale, words) or FALLBACK

    def put(
        self,
        body: str,
        details: JoinDetails,
        language: str,
        *,
        marker: str | None = None,
        is_html: bool = True,
    ) -> Written | Left:
        """Write the block, in the place of the own one where there is one, or why not.

        Without one it goes to the end, before a quoted mail. An edited block is left alone. Join details of others are
        left alone, or give way to ours, as configured: those between fences of their own are taken out; before others,
        which stay, ours goes to the beginning.
        """
        if too_large(body):
            return Left.TOO_LARGE
        if not is_safe(details):
            return Left.UNSAFE
        try:
            block = self._block(chosen(details, self._parts), self._known(language), is_html=is_html)
        except FAILURES:
            return Left.TEMPLATE
        found = self._placed(body, block, marker, is_html=is_html)
        if isinstance(found, Left):
            return found
        return Left.TOO_LARGE if too_large(found) else Written(found, _digest(block, is_html=is_html))

    def find(self, body: str, marker: str | None = None, *, is_html: bool = True) -> Block | None:
        """The own block of a body, told by its visible shape and the marker; None where there is none.

        A body that is too large is not looked at.
        """
        if too_large(body) or not may_hold(body):
            return None
        return own_block(_flow(body, is_html=is_html), marker)

    def remove(self, body: str, marker: str | None = None, *, is_html: bool = True) -> str:
        """The body without the own block; the same body where there is none or somebody edited it."""
        block = self.find(body, marker, is_html=is_html)
        if block is None or block.standing is Standing.EDITED:
            return body
        return splice.cut(_flow(body, is_html=is_html), block.begin, block.end)

    def foreign(self, body: str, marker: str | None = None, *, is_html: bool = True) -> str | None:
        """The service of join details in a body that are not ours, by its name in the join rules; None without any.

        Video addresses that are nobody's we know are ``sip``. What stands in a quoted mail does not count.
        """
        if too_large(body):
            return None
        flow = _flow(self._without_own(body, marker, is_html=is_html), is_html=is_html)
        return self._foreign(flow)

    def digest(self, details: JoinDetails, language: str) -> str:
        """The digest of the block that ``put`` would write into an HTML body; raises ValueError where it would not."""
        if not is_safe(details):
            raise ValueError("these join details can't be written")
        return _digest(
            self._block(chosen(details, self._parts), self._known(language), is_html=True), is_html=True
        )

    def _known(self, language: str) -> str:
        return best(language, self._texts.words) or FALLBACK

    def _placed(self, body: str, block: str, marker: str | None, *, is_html: bool) -> str | Left:
        own = self.find(body, marker, is_html=is_html)
        if own is None:
            return self._added(_flow(body, is_html=is_html), block)
        if own.standing is Standing.EDITED:
            return Left.EDITED
        if own.digest == _digest(block, is_html=is_html):
            return body
        return splice.cut(
            _flow(body, is_html=is_html), own.begin, own.end, _in_style_of(body, block, is_html=is_html)
        )

    def _added(self, flow: Flow, block: str) -> str | Left:
        there = self._foreign(flow) is not None
        if there and not self._replaces:
            return Left.LINK_THERE
        if there:
            flow = self._without_fenced(flow)
            there = self._foreign(flow) is not None
        position = quoted.first_line(flow.text) if there else quoted.first_quotation(flow)
        return splice.insert(flow, position, _in_style_of(flow.source, block, is_html=flow.is_html))

    def _foreign(self, flow: Flow) -> str | None:
        limit = quoted.first_quotation(flow)
        own_words = flow.source[: flow.begins(limit)] if limit < len(flow.text) else flow.source
        return foreign.service_in(own_words, self._rules, is_html=flow.is_html)

    def _without_fenced(self, flow: Flow) -> Flow:
        stretch = foreign.fenced(flow, self._rules, quoted.first_quotation(flow))
        return flow if stretch is None else _flow(splice.cut(flow, *stretch), is_html=flow.is_html)

    def _without_own(self, body: str, marker: str | None, *, is_html: bool) -> str:
        block = self.find(body, marker, is_html=is_html)
        return body if block is None else splice.cut(_flow(body, is_html=is_html), block.begin, block.end)

    def _block(self, details: JoinDetails, language: str, *, is_html: bool) -> str:
        """The whole block, edges included. Raises one of ``FAILURES``."""
        text = self._texts.text(language)
        inside = self._texts.template(language, is_html=is_html).fill(details, text)
        if not is_html:
            return "\n".join([f"{EDGE} {text.words.title} {EDGE}", inside.strip("\n"), FOOT])
        return (
            f'<div dir="{text.words.direction}" lang="{language}" style="font-family:Calibri,Arial,sans-serif">'
            f'<p style="margin:0">{EDGE} {escape(text.words.title)} {EDGE}</p>{inside}<p style="margin:0">{FOOT}</p></div>'
        )


def too_large(body: str) -> bool:
    """Whether a body is longer than ``LONGEST`` and left alone."""
    return len(body) > LONGEST or (
        len(body) * 4 > LONGEST and len(body.encode("utf-8", "surrogatepass")) > LONGEST
    )


def _flow(body: str, *, is_html: bool) -> Flow:
    return of_html(body) if is_html else of_text(body)


def _digest(block: str, *, is_html: bool) -> str:
    return digest(_flow(block, is_html=is_html).text.strip())


def _in_style_of(body: str, block: str, *, is_html: bool) -> str:
    """With the line ends of the body."""
    return block if is_html or "\r\n" not in body else block.replace("\n", "\r\n")
