"""Every value in force, with its path and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Literal

from pydantic import BaseModel

from connector.config.kinds import Masked
from connector.config.problems import spell
from connector.config.tree import Entries, Path, find
from connector.config.units import format_duration


@dataclass(frozen=True, slots=True)
class Origin:
    """The line of a file that sets a value."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


Source = Origin | Literal["default"]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that has no parts of its own: a scalar, a list, or an empty map."""

    path: Path
    value: Any
    masked: bool = False


def leaves(part: Any, path: Path = (), *, masked: bool = False) -> Iterator[Leaf]:
    """Walk a section in the order of its keys; keys as they stand in the file."""
    if isinstance(part, BaseModel):
        for name, field in type(part).model_fields.items():
            hidden = any(isinstance(extra, Masked) for extra in field.metadata)
            yield from leaves(getattr(part, name), (*path, field.alias or name), masked=hidden)
    elif isinstance(part, Mapping) and part:
        for name, value in part.items():
            yield from leaves(value, (*path, name))
    else:
        yield Leaf(path, part, masked)


def written(value: Any) -> Any:
    """Write a value the way it stands in the file: text, whole number, boolean, None, list or empty map."""
    match value:
        case timedelta():
            text = format_duration(value)
        case date():
            text = value.isoformat()
        case tuple():
            return [written(item) for item in value]
        case Mapping():
            return {}
        case _:
            return value if value is None or type(value) in {bool, int, str} else str(value)
    return text


def origins(part: BaseModel, tree: Entries) -> Mapping[str, Source]:
    """Say for every value in force which line sets it, or that it is the default."""
    found: dict[str, Source] = {}
    for leaf in leaves(part):
        mark, present = find(tree, leaf.path)
        found[spell(leaf.path)] = Origin(mark.file, mark.line) if present else "default"
    return found
