"""Taking a stretch out of a body, or putting something into it, with every other letter left as it is."""

from __future__ import annotations

from connector.meeting.invitation.flow import Flow
from connector.meeting.invitation.markup import RAW, Sort, Token, ends

_STAYS = frozenset(["html", "head", "body"])


def cut(flow: Flow, begin: int, end: int, instead: str = "") -> str:
    """The body without what shows ``text[begin:end]``, with ``instead`` in its place.

    In HTML whole elements go; of an element that begins or ends elsewhere the tags stay, so that the rest is balanced.
    In plain text the blank line goes as well that ``insert`` put before it.
    """
    first, last = flow.begins(begin), flow.ends(end)
    if not flow.is_html:
        return _cut_text(flow.source, first, last, instead)
    return _Cutting(flow).cut(first, last, instead)


def _cut_text(source: str, first: int, last: int, instead: str) -> str:
    if instead:
        return source[:first] + instead + source[last:]
    line_end = _line_end(source[first:last])
    before, behind = source[:first], source[last:]
    if not before:
        return behind.removeprefix(line_end)
    return before.removesuffix(line_end).removesuffix(line_end) + behind


class _Cutting:
    """Cuts one page; knows which tags belong together."""

    def __init__(self, flow: Flow) -> None:
        self._source = flow.source
        self._marks = flow.marks
        self._ends = ends(flow.marks)

    def cut(self, first: int, last: int, instead: str) -> str:
        low = self._index(first)
        high = self._index(last - 1)
        begin, end = first, last
        left, right = low, high
        if self._blank(self._marks[low].start, first):
            left, right = self._widened(low, high, last)
        if left < low:
            begin = self._marks[left].start
        if right > high:
            end = self._marks[right].end
        kept = "".join(self._kept(index, left, right) for index in range(left, right + 1))
        return self._source[:begin] + instead + kept + self._source[end:]

    def _index(self, offset: int) -> int:
        """The token a place of the source belongs to."""
        low, high = 0, len(self._marks)
        while low + 1 < high:
            middle = (low + high) // 2
            low, high = (middle, high) if self._marks[middle].start <= offset else (low, middle)
        return low

    def _blank(self, start: int, end: int) -> bool:
        return not self._source[start:end].strip()

    def _widened(self, left: int, right: int, last: int) -> tuple[int, int]:
        """Take in the elements of which nothing is left outside the stretch."""
        if not self._blank(last, self._marks[right].end):
            return self._widened_left(left, right)
        for _ in range(len(self._marks)):
            wider_left, wider_right = self._next(left, -1), self._next(right, 1)
            opens = self._marks[wider_left] if wider_left >= 0 else None
            closes = self._marks[wider_right] if wider_right < len(self._marks) else None
            if opens and self._opens(opens) and self._ends[wider_left] <= right:
                left = wider_left
            elif closes and self._closes(closes) and left <= self._ends[wider_right] < wider_right:
                right = wider_right
            elif closes and self._closes(closes) and self._ends[wider_right] == wider_left:
                left, right = wider_left, wider_right
            else:
                break
        return left, right

    def _widened_left(self, left: int, right: int) -> tuple[int, int]:
        for _ in range(len(self._marks)):
            wider = self._next(left, -1)
            if wider < 0 or not self._opens(self._marks[wider]) or self._ends[wider] > right:
                break
            left = wider
        return left, right

    def _next(self, index: int, step: int) -> int:
        """The neighbour, blank text left out."""
        index += step
        while 0 <= index < len(self._marks) and self._is_blank(self._marks[index]):
            index += step
        return index

    def _is_blank(self, token: Token) -> bool:
        return token.sort is Sort.TEXT and self._blank(token.start, token.end)

    def _opens(self, token: Token) -> bool:
        return token.sort is Sort.OPEN and token.name not in _STAYS

    def _closes(self, token: Token) -> bool:
        return token.sort is Sort.CLOSE and token.name not in _STAYS

    def _kept(self, index: int, left: int, right: int) -> str:
        """A tag whose other half stays."""
        token = self._marks[index]
        partner = self._ends[index]
        if token.sort is Sort.OPEN:
            unclosed = partner == len(self._marks) or self._ends[partner] != index
            stays = partner > right and not (unclosed and partner == self._next(right, 1))
        elif token.sort is Sort.CLOSE:
            stays = partner < left
        else:
            stays = False
        return self._source[token.start : token.end] if stays else ""


def insert(flow: Flow, position: int, block: str) -> str:
    """The body with a block before the quotation at a position of the text, or at its end.

    In plain text a blank line is put before it.
    """
    source = flow.source
    if flow.is_html:
        where = _place(flow, position)
        return source[:where] + block + source[where:]
    if position >= len(flow.text):
        return f"{source}{_line_end(source) * 2 if source else ''}{block}"
    where = flow.begins(position)
    where -= 2 if source[:where].endswith("\r\n") else 1 if where else 0
    if not where and not source.startswith(("\n", "\r\n")):
        return f"{block}{_line_end(source)}{source}"
    return f"{source[:where]}{_line_end(source) * 2}{block}{source[where:]}"


def _line_end(source: str) -> str:
    return "\r\n" if "\r\n" in source else "\n"


def _place(flow: Flow, position: int) -> int:
    """Before the tags that open a quotation, or before those that end the page."""
    marks, source = flow.marks, flow.source
    if position < len(flow.text):
        where = flow.begins(position)
        index = next((i for i, token in enumerate(marks) if token.end > where), len(marks))
        if index < len(marks) and source[marks[index].start : where].strip():
            return where
        while index and marks[index - 1].sort is Sort.OPEN and marks[index - 1].name not in _STAYS:
            index -= 1
        return marks[index].start if index < len(marks) else len(source)
    for name in ("body", "html"):
        for token in reversed(marks):
            if token.sort is Sort.CLOSE and token.name == name:
                return token.start
    index = len(marks)
    while index and _hides_what_follows(marks[index - 1]):
        index -= 1
    return marks[index].start if index < len(marks) else len(source)


def _hides_what_follows(token: Token) -> bool:
    """What was put behind it might not be seen: it may never end."""
    return token.sort is Sort.HIDDEN or (token.sort is Sort.OPEN and token.name in RAW)
