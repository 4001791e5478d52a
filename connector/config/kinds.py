"""The kinds of value a key may hold. Each validator raises ValueError with the sentence to show."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    InstanceOf,
    Strict,
    model_validator,
)

from connector.config import units
from connector.config.frozen import FrozenMap
from connector.config.units import Hours, Percent, PercentRate, Rate, Size


class Section(BaseModel):
    """A part of the configuration. A key with nothing behind it counts as not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    def __eq__(self, other: object) -> bool:
        """Equal when every value is, written or by default."""
        return isinstance(other, Section) and type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    @model_validator(mode="before")
    @classmethod
    def _leave_out_what_is_empty(cls, data: Any) -> Any:
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            return data
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: value for key, value in data.items() if value is not None or key not in known}


@dataclass(frozen=True, slots=True)
class Form:
    """How a value is written, for the reference."""

    words: str


@dataclass(frozen=True, slots=True)
class Masked:
    """The value may carry a secret: it is shown only in outline."""


def _from_text(parse: Callable[[str], Any], kind: type, form: str) -> BeforeValidator:
    def read(value: object) -> Any:
        if isinstance(value, kind) and type(value) is not int:
            return value
        if not isinstance(value, str):
            raise ValueError(f"write {form}")  # noqa: TRY004 - pydantic turns only ValueError into a problem
        return parse(value)

    return BeforeValidator(read)


def quantity(parse: Callable[[str], Any], kind: type, form: str) -> tuple[BeforeValidator, Form]:
    """Read text with `parse`, let a `kind` through, and say `form` to everything else."""
    return _from_text(parse, kind, form), Form(form)


Duration = Annotated[timedelta, *quantity(units.parse_duration, timedelta, units.DURATION_FORM)]
ByteSize = Annotated[InstanceOf[Size], *quantity(units.parse_size, Size, units.SIZE_FORM)]
RateOf = Annotated[Rate, *quantity(units.parse_rate, Rate, units.RATE_FORM)]
Share = Annotated[Percent, *quantity(units.parse_percent, Percent, units.PERCENT_FORM)]
ShareRate = Annotated[PercentRate, *quantity(units.parse_percent_rate, PercentRate, units.PERCENT_RATE_FORM)]
DayHours = Annotated[Hours, *quantity(units.parse_hours, Hours, units.HOURS_FORM)]
"""Quantities with units (connector.config.units)."""


@dataclass(frozen=True, slots=True)
class Within:
    """The least and the greatest value that is taken, for the reference."""

    low: str
    high: str


def between(low: str, high: str) -> tuple[AfterValidator, Within]:
    """Keep a duration between two others, both included."""
    least, most = units.parse_duration(low), units.parse_duration(high)

    def check(span: timedelta) -> timedelta:
        if not least <= span <= most:
            raise ValueError(f"write a duration from {low} to {high}")
        return span

    return AfterValidator(check), Within(low, high)


def whole(low: int, high: int) -> tuple[AfterValidator, Within]:
    """Keep a whole number between two others, both included."""

    def check(number: int) -> int:
        if not low <= number <= high:
            raise ValueError(f"write a whole number from {low} to {high}")
        return number

    return AfterValidator(check), Within(f"{low}", f"{high}")


def _some(entries: Sized) -> Sized:
    if not entries:
        raise ValueError("it is empty; write at least one entry")
    return entries


at_least_one = AfterValidator(_some)

Whole = Annotated[int, Strict(), Form("a whole number")]
Switch = Annotated[bool, Strict(), Form("true or false")]


def _matched(pattern: str, sentence: str, *, fold: bool = False) -> AfterValidator:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        folded = text.lower() if fold else text
        if len(text) > 320 or not compiled.fullmatch(folded):
            raise ValueError(sentence)
        return folded

    return AfterValidator(check)


def _filled(text: str) -> str:
    if not text.strip():
        raise ValueError("it is empty; write a value or remove the key")
    return text


_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
HOST = rf"{_LABEL}(?:\.{_LABEL})*\.?"
_DOMAIN = rf"{_LABEL}(?:\.{_LABEL})+"
_DOMAIN_SENTENCE = "write a mail domain such as example.com (its xn-- form when it has letters beyond a to z)"

Name = Annotated[
    str,
    _matched(
        r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", "a name consists of letters, digits, - and _, at most 63 of them"
    ),
    Form("a name"),
]
Host = Annotated[
    str, _matched(HOST, "write a host name such as mail.example.com", fold=True), Form("a host name")
]
Domain = Annotated[str, _matched(_DOMAIN, _DOMAIN_SENTENCE, fold=True), Form("a mail domain")]
Address = Annotated[
    str,
    _matched(rf"[^\s@\"<>,;:]{{1,64}}@{_DOMAIN}", "write a mail address such as ada@example.com", fold=True),
    Form("a mail address"),
]
Keyword = Annotated[
    str,
    _matched(r"[@:#][^\s]{1,63}", 'a keyword begins with @, : or # and has no space, such as "@meet"'),
    Form("a keyword"),
]
Text = Annotated[str, AfterValidator(_filled), Form("text")]

_T = TypeVar("_T")
Named = Annotated[Mapping[Name, _T], AfterValidator(FrozenMap)]
"""Whatever there may be several of: a map by name, in the order of the file."""


def _file_path(value: object) -> Path:
    if isinstance(value, Path):
        return value
    if not isinstance(value, str) or not value.startswith("/"):
        raise ValueError("write a path that begins with /")
    return Path(value)


FilePath = Annotated[Path, BeforeValidator(_file_path), Form("a path that begins with /")]


def _word_or_path(word: str) -> BeforeValidator:
    def check(value: object) -> object:
        if value == word or isinstance(value, Path):
            return value
        if isinstance(value, str) and value.startswith("/"):
            return Path(value)
        raise ValueError(f"write {word} or a path that begins with /")

    return BeforeValidator(check)


Trust = Annotated[
    Path | Literal["system"],
    _word_or_path("system"),
    Form("system, or the path of a PEM file of CA certificates"),
]
MasterKey = Annotated[
    Path | Literal["credential"],
    _word_or_path("credential"),
    Form("credential (handed over by systemd), or the path of a file with mode 0400"),
]


def _day(value: object) -> date:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) and len(value) == 10 else "")
    except ValueError:
        raise ValueError("write a day such as 2027-03-01") from None


Day = Annotated[date, BeforeValidator(_day), Form("a day such as 2027-03-01")]
