"""The words of a join block in every language, and which language a meeting speaks."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from connector.errors import ConfigError, Problem
from connector.meeting.invitation.shape import LONGEST_TITLE, decorated

LONGEST_WORDS = 200
"""Characters of one label."""

FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """The labels of one language, without colons; ``mail_from`` and ``mail_subject`` are those of a forwarded mail."""

    language: str
    direction: Literal["ltr", "rtl"]
    title: str
    join: str
    meeting_id: str
    passcode: str
    phone: str
    access_code: str
    global_numbers: str
    video: str
    sip: str
    h323: str
    mail_from: tuple[str, ...]
    mail_subject: tuple[str, ...]


_LABELS = tuple(
    each.name
    for each in fields(Words)
    if each.name not in {"language", "direction", "mail_from", "mail_subject"}
)
_ALIASES = {"no": "nb", "nn": "nb", "iw": "he", "in": "id", "zh": "zh-hans", "zh-cn": "zh-hans", "zh-sg": "zh-hans"} | {
    "zh-tw": "zh-hant", "zh-hk": "zh-hant", "zh-mo": "zh-hant"
}  # fmt: skip


def words_of(language: str, text: str, file: str, base: Words | None = None) -> Words:
    """Read one language's file; what it leaves out is taken from ``base``. Raises ConfigError naming file and line."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line ([0-9]+)", str(error))
        where = int(line[1]) if line else text.count("\n") + 1
        raise _refused(f"this is no TOML ({error}); mend it", file, where) from None
    known: dict[str, Any] = {"direction": "ltr", "mail_from": (), "mail_subject": ()}
    known |= {each.name: getattr(base, each.name) for each in fields(Words)} if base else {}
    for name, value in raw.items():
        known[name] = _checked(name, value, file, _line_of(text, name))
    known |= {"language": language}
    if missing := [name for name in _LABELS if name not in known]:
        raise _refused(
            f"this language lacks {', '.join(missing)}; write them, or begin with a language that is shipped",
            file,
        )
    return Words(**known)


def _checked(name: str, value: object, file: str, line: int) -> object:
    if name in {"mail_from", "mail_subject"}:
        if isinstance(value, list) and all(isinstance(each, str) and each.strip() for each in value):
            return tuple(value)
        raise _refused(f'{name} is a list of labels, such as ["From"]', file, line)
    if name == "direction":
        if value in {"ltr", "rtl"}:
            return value
        raise _refused("direction is ltr or rtl", file, line)
    if name not in _LABELS:
        raise _refused(f"{name} is no label of a join block; there are {', '.join(_LABELS)}", file, line)
    most = LONGEST_TITLE if name == "title" else LONGEST_WORDS
    if not isinstance(value, str) or not value.strip() or len(value) > most or not value.isprintable():
        raise _refused(f"{name} is a text of 1 to {most} characters on one line", file, line)
    if "~" in value or decorated(value):
        raise _refused(
            f"{name} holds ~, which marks where a join block begins and ends; take it out", file, line
        )
    return value


def _line_of(text: str, name: str) -> int:
    found = re.search(rf"^[ \t]*{re.escape(name)}[ \t]*=", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 0


def _refused(sentence: str, file: str, line: int = 0) -> ConfigError:
    return ConfigError((Problem(sentence, file, line),))


def _shipped() -> Mapping[str, Words]:
    found = {}
    for entry in sorted(
        files("connector.meeting.invitation").joinpath("languages").iterdir(), key=lambda one: one.name
    ):
        if entry.name.endswith(".toml"):
            name = entry.name.removesuffix(".toml")
            found[name] = words_of(name, entry.read_text(encoding="utf-8"), entry.name)
    return MappingProxyType(found)


SHIPPED: Mapping[str, Words] = _shipped()
"""By language tag as their files are named, such as ``sv`` or ``pt-BR``."""


def best(tag: str | None, languages: Mapping[str, Words]) -> str | None:
    """The language for a tag such as ``sv-SE``, ``pt_BR.UTF-8`` or ``zh-TW`` (BCP 47, RFC 4647 look-up); None if none fits."""
    known = {name.lower(): name for name in languages}
    parts = re.split(r"[-_.@]", (tag or "").strip().lower()[:64])
    for count in range(len(parts), 0, -1):
        wanted = "-".join(parts[:count])
        for each in (wanted, _ALIASES.get(wanted)):
            if each is not None and each in known:
                return known[each]
    return None
