"""What only the rest of the program can tell of a configuration: patterns that could run away, languages, templates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from connector.config import Config, Loaded
from connector.errors import ConfigError, Problem
from connector.meeting.enrich import join_rules
from connector.meeting.invitation import Invitations, Parts
from connector.meeting.joinlink import JoinRules
from connector.rules import joining

MOST_FILES = 500
LARGEST_FILE = 1 << 18
"""Bytes of a file of the templates folder."""


def invitations(config: Config, rules: JoinRules) -> Invitations:
    """Join blocks as configured. Raises ConfigError for an unknown language, and for files of the templates folder."""
    section = config.invitation
    return Invitations(
        language=section.language,
        templates=_texts(section.templates) if section.templates else {},
        folder=str(section.templates or ""),
        parts=Parts(phone=section.parts.phone, video=section.parts.devices),
        existing_link=section.existing_link,
        rules=rules,
    )


def examine(loaded: Loaded) -> None:
    """Raises ConfigError with every such problem, at its file and line."""
    problems: list[Problem] = []
    rules = _tried(lambda: joining(loaded.config), problems)
    _tried(lambda: invitations(loaded.config, rules or join_rules()), problems)
    if problems:
        raise loaded.placed(ConfigError(tuple(problems)))


def _tried(build: Callable[[], JoinRules | Invitations], problems: list[Problem]) -> JoinRules | None:
    try:
        built = build()
    except ConfigError as error:
        problems += error.problems
        return None
    return built if isinstance(built, JoinRules) else None


def _texts(folder: Path) -> dict[str, str]:
    """The files of the templates folder, name to content. Raises ConfigError for what can't be read."""
    try:
        files = sorted(one for one in folder.iterdir() if one.is_file())
    except OSError as error:
        raise ConfigError(
            (Problem(f"the directory can't be read: {error.strerror}", str(folder)),)
        ) from error
    if len(files) > MOST_FILES:
        raise ConfigError((Problem(f"there are more than {MOST_FILES} files here", str(folder)),))
    return dict(_named(files))


def _named(files: list[Path]) -> Iterator[tuple[str, str]]:
    for file in files:
        try:
            with file.open("rb") as opened:
                yield file.name, opened.read(LARGEST_FILE).decode()
        except UnicodeDecodeError as error:
            sentence = "the file is not UTF-8; save it as UTF-8"
            raise ConfigError((Problem(sentence, str(file)),)) from error
        except OSError as error:
            sentence = f"the file can't be read: {error.strerror}"
            raise ConfigError((Problem(sentence, str(file)),)) from error
