"""A map that can't be changed, hashes by its content and keeps its order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

_T = TypeVar("_T")


class FrozenMap(Mapping[str, _T]):
    """A read-only map by name; order counts among its kind, as the first match often wins."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, _T] | None = None) -> None:
        self._entries = dict(entries or {})

    def __getitem__(self, name: str) -> _T:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, FrozenMap):
            return list(self._entries.items()) == list(other._entries.items())
        return super().__eq__(other)

    def __hash__(self) -> int:
        return hash(tuple(self._entries.items()))

    def __repr__(self) -> str:
        return repr(self._entries)

    def __deepcopy__(self, memo: dict[int, Any]) -> FrozenMap[_T]:
        return self
