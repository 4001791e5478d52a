"""Rewritten links undone: mail gateways wrap the links of a message, and the wrapped one hides where it leads.

Only what can be read offline is undone. Mimecast keeps its targets to itself: such a link stays as it is.
"""

from __future__ import annotations

from connector.meeting.scan import Interest, Scan, cleaned
from connector.meeting.unwrap.wrappers import DOMAINS, HINTS, MIMECAST, rewrites, wrapped_by
from connector.meeting.weblink import LONGEST, WebLink, parse, suffixes

DEPTH = 8
"""Wrappers around wrappers that are undone."""

__all__ = ["DEPTH", "illegible", "is_closed", "rewrites", "unwrap", "unwrap_html", "unwrap_text"]

_REWRITTEN = Interest(rewrites, domains=DOMAINS, hints=HINTS)


def unwrap(address: str) -> str:
    """Where a rewritten link leads; the address itself when it is not rewritten, or can't be read.

    Wrappers inside wrappers are undone down to ``DEPTH``; what is undone last is kept where the next one is damaged.
    Only web addresses come out.
    """
    for _ in range(DEPTH):
        target = _once(address)
        if target is None or target == address:
            break
        address = target
    return address


def unwrap_text(text: str) -> str:
    """A running text with every rewritten link replaced by where it leads, all else as it was."""
    pieces, position = [], 0
    for span in Scan(text, _REWRITTEN).spans:
        target = unwrap(span.address)
        if target != span.address:
            pieces += [text[position : span.start], target]
            position = span.end
    return "".join([*pieces, text[position:]])


def unwrap_html(address: str) -> str:
    """The same for an address as it stands in the source of a page, where ``&`` is written ``&amp;``."""
    meant = cleaned(address)
    target = unwrap(meant)
    return address if target == meant else target


def is_closed(host: str) -> bool:
    """Whether links that lead to this host hide where they go."""
    return not MIMECAST.isdisjoint(suffixes(host))


def illegible(address: str) -> str | None:
    """What is known of a rewritten link that can't be undone offline: the domain it names, "" if none; else None."""
    link = parse(address)
    if link is None or not is_closed(link.host):
        return None
    return link.parameters().get("domain", "")


def _once(address: str) -> str | None:
    link = parse(address) or _without_scheme(address)
    wrapper = wrapped_by(link) if link else None
    target = wrapper(link) if link and wrapper else None
    return target if target is not None and _leads_somewhere(target) else None


def _without_scheme(address: str) -> WebLink | None:
    return parse(f"https://{address}") if len(address) < LONGEST and "://" not in address[:12] else None


def _leads_somewhere(target: str) -> bool:
    link = parse(target)
    return link is not None and link.scheme in {"http", "https"}
