"""The man pages: of a program, from its own commands; of connector.yaml, from the models that read it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import click

from connector.config.reference import reference
from scripts.packaging import roff

_CELL = re.compile(r"(?<!\\)\|")
_SHARED = frozenset(
    {"config_path", "config", "database", "as_json", "quiet", "no_color", "debug", "help", "version"}
)
"""Options of every command; told once."""


@dataclass(frozen=True, slots=True)
class About:
    """What a program's page says besides its commands."""

    name: str
    brief: str
    description: str
    files: Mapping[str, str]
    see_also: str


def program(about: About, command: click.Group, version: str, day: date) -> str:
    """The page of section 1."""
    return roff.page(about.name, 1, day, version, _program(about, command))


def _program(about: About, command: click.Group) -> Iterator[str]:
    context = click.Context(command, info_name=about.name)
    leaves = list(_leaves(command, context))
    yield from roff.part("name", f"{about.name} - {about.brief}")
    yield from roff.part("synopsis", f"`{about.name}` COMMAND [OPTIONS]")
    yield from roff.part("description", *_paragraphs(about.description))
    yield ".SH COMMANDS"
    for leaf, inner in leaves:
        yield from _command(leaf, inner)
    yield ".SH OPTIONS OF EVERY COMMAND"
    yield from _shared(leaves)
    yield ".SH EXIT STATUS"
    for code, meaning in {
        "0": "done, or healthy",
        "1": "failed, or unhealthy",
        "2": "wrong usage or configuration",
    }.items():
        yield from roff.item(code, meaning)
    yield ".SH FILES"
    for path, meaning in about.files.items():
        yield from roff.item(path, meaning)
    yield from roff.part("see also", about.see_also)


def _leaves(command: click.Command, context: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    if not isinstance(command, click.Group):
        yield command, context
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield from _leaves(found, click.Context(found, parent=context, info_name=name))


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    usage = " ".join(command.collect_usage_pieces(context))
    path = context.command_path.partition(" ")[2]
    yield from roff.below(
        f"{path} {usage.replace('[OPTIONS]', '').strip()}".strip(), *_paragraphs(command.help or "")
    )
    for term, meaning in _options(command, context, shared=False):
        yield from roff.item(term, meaning)


def _paragraphs(text: str) -> list[str]:
    return re.split(r"\n\s*\n", text.replace("\b", "").strip())


def _options(command: click.Command, context: click.Context, *, shared: bool) -> Iterator[tuple[str, str]]:
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record and (option.name in _SHARED) == shared:
            yield record


def _shared(leaves: list[tuple[click.Command, click.Context]]) -> Iterator[str]:
    told: dict[str, str] = {}
    for leaf, context in leaves:
        for term, meaning in _options(leaf, context, shared=True):
            told.setdefault(term, meaning)
    for term, meaning in told.items():
        yield from roff.item(term, meaning)


def configuration(version: str, day: date) -> str:
    """connector.yaml(5)."""
    return roff.page("connector.yaml", 5, day, version, _configuration())


def _configuration() -> Iterator[str]:
    yield from roff.part("name", "connector.yaml - configuration of calendar-connector")
    yield from roff.part(
        "synopsis", "`/etc/calendar-connector/connector.yaml`", "`/etc/calendar-connector/conf.d/*.yaml`"
    )
    yield from roff.part(
        "description",
        "The files below conf.d are read after connector.yaml, in the order of their names; maps merge by name, lists"
        " replace what stood before. Passwords never stand here: see `secret set` in calendar-connector(1)."
        " `calendar-connector config check` names every problem with file and line.",
        "Quantities carry their unit: durations 30s, 15m, 2h, 7d; sizes 10MB; rates 20/s; shares 2%."
        " Only true and false are booleans.",
    )
    yield ".SH KEYS"
    for line in reference().splitlines():
        yield from _reference(line)
    yield from roff.part("see also", "calendar-connector(1), /usr/share/doc/calendar-connector/configure.md")


def _reference(line: str) -> Iterator[str]:
    """One line of the reference, which is written in Markdown: a heading, a row of a table, or prose."""
    if line.startswith("#"):
        yield from roff.below(line.lstrip("# ").replace("`", ""))
    elif line.startswith("| `"):
        key, takes, default, meaning = (
            cell.strip().replace("\\|", "|") for cell in _CELL.split(line.strip()[1:-1])
        )
        note = f"Takes {takes}." + (f" Default: {default}." if default not in {"", "required"} else "")
        yield from roff.item(key.strip("`"), meaning, note + (" Required." if default == "required" else ""))
    elif line and not line.startswith("|"):
        yield roff.text(line)
