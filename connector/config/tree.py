"""YAML text as a tree that remembers where everything stood.

A deliberately small YAML: one document, no tags, only ``true`` and ``false`` are booleans, dates and
``off`` stay words, keys are unique. Every read is bounded, so that no text can use up memory or stack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from connector.config.syntax import in_plain_words, place
from connector.errors import Problem

MAX_BYTES = 1 << 20
MAX_DEPTH = 24
MAX_NODES = 100_000
"""Counts every node once for each place it stands in, so that aliases of aliases can't multiply."""

Path = tuple[str | int, ...]

_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value: text, a whole or decimal number, a boolean, or None for nothing written."""

    value: str | int | float | bool | None
    mark: Mark
    size: int = 1


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    nodes: tuple[Node, ...]
    mark: Mark
    size: int


@dataclass(frozen=True, slots=True)
class Entries:
    """A map; each key with the place where it was written."""

    nodes: dict[str, tuple[Mark, Node]]
    mark: Mark
    size: int


Node = Scalar | Items | Entries


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Parsed:
    """One document; an empty tree that is not ``whole`` when it could not be read to its end."""

    tree: Entries
    problems: tuple[Problem, ...]
    whole: bool


def parse(raw: bytes, file: str) -> Parsed:
    """Read one document. Never raises: whatever is wrong stands among the problems."""
    reader = _Reader(file)
    try:
        tree = reader.document(_text(raw, file))
    except _Refused as refused:
        return Parsed(reader.empty(), (*reader.problems, refused.problem), whole=False)
    return Parsed(tree, tuple(reader.problems), whole=True)


def _text(raw: bytes, file: str) -> str:
    if len(raw) > MAX_BYTES:
        raise _Refused(
            Problem(f"the file is larger than {MAX_BYTES >> 20} MiB; keep lists of people in a CSV", file)
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _Refused(Problem("the file is not UTF-8 here; save it as UTF-8", file, line)) from None


class _Reader:
    """Builds the tree of one file from the parser's events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._anchors: dict[str, Node] = {}
        self._size = 0

    def document(self, text: str) -> Entries:
        try:
            return self._document(yaml.parse(text, Loader=yaml.SafeLoader))
        except yaml.MarkedYAMLError as error:
            raise self._syntax(error) from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            sentence = "this line holds a character that can't be shown; remove it"
            raise _Refused(Problem(sentence, self.file, line)) from None
        except (
            ValueError,
            OverflowError,
        ):  # what the scanner lets through: escapes and versions out of range
            sentence = (
                "the file holds an escape or a directive that is out of range; write the character itself"
            )
            raise _Refused(Problem(sentence, self.file)) from None

    def empty(self) -> Entries:
        return Entries({}, Mark(self.file, 1, 1), 1)

    def _document(self, events: Iterator[Any]) -> Entries:
        root: Entries | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise self._refused(event, "a second document begins here; keep one, without a line ---")
                root = self._root(events)
        return root or self.empty()

    def _root(self, events: Iterator[Any]) -> Entries:
        event = next(events)
        node = self._node(event, events, 0)
        if isinstance(node, Entries):
            return node
        if isinstance(node, Scalar) and node.value is None:
            return self.empty()
        raise self._refused(event, "the file must consist of lines such as: instance: cal-01.example.com")

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self._refused(event, f"this is nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            self._complain(event, f"remove the tag {_tag(event.tag)}; the value alone is enough")
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._items(event, events, depth)
        else:
            node = self._entries(event, events, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Scalar:
        self._count(event, 1)
        text: str = event.value
        if _UNSHOWABLE.search(text):
            self._complain(event, "this value holds a character that can't be shown; remove it")
            text = _UNSHOWABLE.sub("?", text)
        return Scalar(resolve(text) if event.style is None else text, self._mark(event))

    def _items(self, start: Any, events: Iterator[Any], depth: int) -> Items:
        self._count(start, 1)
        nodes: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            nodes.append(self._node(event, events, depth + 1))
        return Items(tuple(nodes), self._mark(start), 1 + sum(node.size for node in nodes))

    def _entries(self, start: Any, events: Iterator[Any], depth: int) -> Entries:
        self._count(start, 1)
        nodes: dict[str, tuple[Mark, Node]] = {}
        size = 1
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            key = self._key(event, events, depth)
            node = self._node(next(events), events, depth + 1)
            size += 1 + node.size
            if key is None:
                continue
            if key in nodes:
                before = nodes[key][0].line
                self._complain(
                    event, f"{_short(key)} stands here a second time (first in line {before}); keep one"
                )
                continue
            nodes[key] = (self._mark(event), node)
        return Entries(nodes, self._mark(start), size)

    def _key(self, event: Any, events: Iterator[Any], depth: int) -> str | None:
        if isinstance(event, yaml.ScalarEvent) and event.value:
            self._scalar(event)
            return None if _UNSHOWABLE.search(event.value) else str(event.value)
        self._node(event, events, depth + 1)
        self._complain(event, "a key must be a single word; write: key: value")
        return None

    def _alias(self, event: Any) -> Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            raise self._refused(
                event, f"there is no &{event.anchor} above; put quotes around a value that begins with *"
            )
        self._count(event, node.size)
        return node

    def _count(self, event: Any, size: int) -> None:
        self._size += size
        if self._size > MAX_NODES:
            raise self._refused(
                event, f"more than {MAX_NODES} values up to here; keep lists of people in a CSV"
            )

    def _mark(self, event: Any) -> Mark:
        return Mark(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _problem(self, event: Any, sentence: str) -> Problem:
        mark = self._mark(event)
        return Problem(sentence, mark.file, mark.line, mark.column)

    def _complain(self, event: Any, sentence: str) -> None:
        self.problems.append(self._problem(event, sentence))

    def _refused(self, event: Any, sentence: str) -> _Refused:
        return _Refused(self._problem(event, sentence))

    def _syntax(self, error: yaml.MarkedYAMLError) -> _Refused:
        mark = place(error.context or "", error.context_mark, error.problem_mark)
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        sentence = in_plain_words(error.context or "", error.problem or "")
        return _Refused(Problem(sentence, self.file, line, column))


def resolve(text: str) -> str | int | float | bool | None:
    """Say what a plain, unquoted word stands for: only true and false are booleans, only null is nothing."""
    if text in {"", "null", "~"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _tag(tag: str) -> str:
    return _short(tag.replace("tag:yaml.org,2002:", "!!"))


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def merge(under: Entries, over: Entries) -> Entries:
    """Lay one file over another: maps merge by name, everything else is replaced, first order stays."""
    nodes = dict(under.nodes)
    for key, (mark, node) in over.nodes.items():
        before = nodes[key][1] if key in nodes else None
        if isinstance(before, Entries) and isinstance(node, Entries):
            nodes[key] = (mark, merge(before, node))
        else:
            nodes[key] = (mark, node)
    return Entries(nodes, under.mark, 1 + sum(1 + node.size for _, node in nodes.values()))


def plain(node: Node) -> Any:
    """Turn the tree into dictionaries, lists and scalars."""
    if isinstance(node, Entries):
        return {key: plain(value) for key, (_, value) in node.nodes.items()}
    if isinstance(node, Items):
        return [plain(item) for item in node.nodes]
    return node.value


def find(tree: Entries, path: Path) -> tuple[Mark, bool]:
    """Say where ``path`` is written, and whether all of it is; otherwise the place of its last part that is."""
    node: Node = tree
    mark = tree.mark
    for part in path:
        if isinstance(node, Entries) and part in node.nodes:
            mark, node = node.nodes[str(part)]
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.nodes):
            node = node.nodes[part]
            mark = node.mark
        else:
            return mark, False
    return mark, True
