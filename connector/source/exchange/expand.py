"""From ids to meetings (design.md, "Delta to window").

Exchange's feed knows masters and exceptions, never plain occurrences, and does not say whether an exception is reported
under its own id or only its master's. So whatever id comes, its whole UID is expanded: times from one CalendarView over the
window, content from the master and the exceptions alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from connector.errors import Unreadable, Verdict
from connector.model import Expansion, Mailbox, Meeting, Quarantined, Series, Window
from connector.source.exchange import convert
from connector.source.exchange.convert import Item, Row
from connector.source.exchange.envelope import Element, local
from connector.source.exchange.reading import read
from connector.source.exchange.services import Services, Wanted
from connector.source.exchange.viewing import rows

_PLAIN = "Occurrence"
_SINGLE = "Single"


@dataclass(slots=True)
class _Findings:
    """What a step has learned: items by id, masters by UID, and what could not be had."""

    items: dict[str, Item] = field(default_factory=dict)
    masters: dict[str, Item] = field(default_factory=dict)
    gone: dict[str, None] = field(default_factory=dict)
    unreadable: dict[str, Quarantined] = field(default_factory=dict)

    def take(self, answers: dict[str, Element | Verdict]) -> None:
        """Sort the answers in; what is no CalendarItem does not belong in the list and counts as gone."""
        for item_id, answer in answers.items():
            if isinstance(answer, Verdict):
                self._refused(item_id, answer)
            elif local(answer) == "CalendarItem":
                self._read(item_id, answer)
            else:
                self.gone[item_id] = None

    def _refused(self, item_id: str, verdict: Verdict) -> None:
        if verdict.code == "item-not-found":
            self.gone[item_id] = None
        else:
            self.unreadable[item_id] = Quarantined(item_id, verdict.code)

    def _read(self, item_id: str, element: Element) -> None:
        try:
            found = convert.item(element)
        except Unreadable as verdict:
            self.unreadable[item_id] = Quarantined(verdict.item_id or item_id, verdict.code)
            return
        self.items[item_id] = found
        if found.master:
            self.masters.setdefault(found.meeting.uid, found)


class Expander:
    """Expands in one mailbox; made for one step and thrown away."""

    def __init__(self, services: Services, mailbox: Mailbox, window: Window) -> None:
        self._services = services
        self._mailbox = mailbox
        self._window = window
        self._found = _Findings()

    def dirty(self, ids: Sequence[str]) -> Expansion:
        """What the ids are now."""
        self._get(Wanted.item(each) for each in dict.fromkeys(ids))
        asked = list(self._found.items.values())
        plain = {item.meeting.uid: item.meeting for item in asked if not item.meeting.recurring}
        uids = {item.meeting.uid for item in asked if item.meeting.recurring}
        series = [self._single(meeting) for uid, meeting in plain.items() if uid not in uids]
        if uids:
            seen, broken = rows(self._services, self._mailbox, self._window)
            self._note(broken)
            series += self._series([row for row in seen if row.uid in uids], uids)
        return self._expansion(series)

    def everything(self) -> Expansion:
        """Every series and meeting that touches the window."""
        seen, broken = rows(self._services, self._mailbox, self._window)
        self._note(broken)
        return self._expansion(self._series(seen, {row.uid for row in seen}))

    def _series(self, seen: Sequence[Row], uids: set[str]) -> list[Series]:
        self._get(Wanted.item(row.item_id) for row in seen if row.kind != _PLAIN)
        of_series = [row for row in seen if row.kind != _SINGLE]
        self._get_masters({row.uid: row.item_id for row in of_series if row.uid not in self._found.masters})
        headless = {row.uid for row in of_series if row.uid not in self._found.masters}
        meetings: dict[str, list[Meeting]] = {uid: [] for uid in sorted(uids - headless)}
        for row in seen:
            if row.uid in meetings and (meeting := self._meeting(row)) is not None:
                meetings[row.uid].append(meeting)
        return [Series(uid, tuple(each)) for uid, each in meetings.items()]

    def _get(self, wanted: Iterable[Wanted]) -> None:
        missing = [each for each in wanted if each.item_id not in self._found.items]
        self._found.take(read(self._services, self._mailbox, missing))

    def _get_masters(self, occurrences: dict[str, str]) -> None:
        """Masters by the id of any occurrence; under the UID they are looked for, whatever they state themselves."""
        answers = read(
            self._services, self._mailbox, [Wanted.master_of(each) for each in occurrences.values()]
        )
        for uid, occurrence in occurrences.items():
            answer = answers[occurrence]
            if isinstance(answer, Verdict):
                self._found.unreadable[occurrence] = Quarantined(occurrence, answer.code)
                continue
            try:
                self._found.masters[uid] = convert.item(answer)
            except Unreadable as verdict:
                self._found.unreadable[occurrence] = Quarantined(verdict.item_id or occurrence, verdict.code)

    def _meeting(self, row: Row) -> Meeting | None:
        if row.kind == _PLAIN:
            return replace(self._found.masters[row.uid].occurrence(row), uid=row.uid)
        item = self._found.items.get(row.item_id)
        if item is None or row.kind == _SINGLE:
            return item.meeting if item else None
        return replace(item.meeting, uid=row.uid, home_id=self._found.masters[row.uid].meeting.item_id)

    def _single(self, meeting: Meeting) -> Series:
        inside = self._window.overlaps(meeting.start, meeting.end)
        return Series(meeting.uid, (meeting,) if inside else ())

    def _note(self, broken: Iterable[Quarantined]) -> None:
        self._found.unreadable |= {each.item_id: each for each in broken}

    def _expansion(self, series: Iterable[Series]) -> Expansion:
        found = self._found
        return Expansion(tuple(series), tuple(found.gone), tuple(found.unreadable.values()))
