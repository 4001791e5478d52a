"""Which occurrences of a series have words of their own.

Google's expansion does not say. The change feed names exceptions; beside their series they are known by what differs; without it
most of a series' occurrences in the window say what all of it says. Where that tells nothing, none counts as one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from connector.source.google.services import Document

_WORDS = ("summary", "location", "description", "visibility", "transparency", "hangoutLink")
FEWEST = 3
"""So many occurrences at least are needed for a majority to tell."""


def exceptions(
    events: Iterable[Document], masters: Mapping[str, Document], told: Collection[str]
) -> frozenset[str]:
    """Ids of those with words of their own; ``masters`` are the series at hand, ``told`` what the feed has named."""
    series: dict[str, list[Document]] = defaultdict(list)
    for event in events:
        if home := event.get("recurringEventId"):
            series[str(home)].append(event)
    found = {one for one in told if one}
    for home, occurrences in series.items():
        usual = _words(masters[home]) if home in masters else _majority(occurrences)
        if usual is not None:
            found |= {str(one.get("id")) for one in occurrences if _words(one) != usual}
    return frozenset(found)


def _majority(occurrences: list[Document]) -> Any:
    if len(occurrences) < FEWEST:
        return None
    words, count = Counter(map(_words, occurrences)).most_common(1)[0]
    return words if 2 * count > len(occurrences) else None


def _words(event: Document) -> tuple[object, ...]:
    people = event.get("attendees")
    listed = [one for one in people if isinstance(one, Mapping)] if isinstance(people, list) else []
    answers = sorted((str(one.get("email")), str(one.get("responseStatus"))) for one in listed)
    return (*(str(event.get(name) or "") for name in _WORDS), *answers)
