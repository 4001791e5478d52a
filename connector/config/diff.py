"""What changes when one configuration takes the place of another, in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from connector.config.conferences import rooms
from connector.config.load import Loaded
from connector.config.models import Config
from connector.config.problems import spell
from connector.config.provenance import Leaf, leaves, written
from connector.config.show import outlined
from connector.config.tree import Path

_AT_START = ("instance", "state", "runtime", "keystore", "workers")
"""Sections that a running daemon does not take up."""

_ORDERED = (("roster", "from"), ("join_rules",))


def diff(old: Loaded, new: Loaded) -> list[str]:
    """Say what a reload from ``old`` to ``new`` changes, and what follows for mailboxes and rules."""
    return [
        *_entries(old.config, new.config),
        *_values(old.config, new.config),
        *_effects(old.config, new.config),
    ]


def _maps(part: Any, path: Path = ()) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Every map by name, from the outside in."""
    if isinstance(part, Mapping):
        yield path, part
    for name, value in _children(part):
        yield from _maps(value, (*path, name))


def _children(part: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(part, Mapping):
        return part.items()
    fields = type(part).model_fields if isinstance(part, BaseModel) else {}
    return [(field.alias or name, getattr(part, name)) for name, field in fields.items()]


def _entries(old: Config, new: Config) -> Iterator[str]:
    before, after = dict(_maps(old)), dict(_maps(new))
    for path in dict.fromkeys((*before, *after)):
        if path in before and path in after:
            gone, come = before[path], after[path]
            yield from (f"{spell((*path, name))} is gone" for name in gone if name not in come)
            yield from (f"{spell((*path, name))} is new" for name in come if name not in gone)
            yield from _order(path, list(gone), list(come))


def _order(path: Path, before: list[str], after: list[str]) -> Iterator[str]:
    kept = [name for name in after if name in before]
    if path in _ORDERED and kept != [name for name in before if name in after]:
        yield f"{spell(path)} is tried in another order: {', '.join(after)}"


def _values(old: Config, new: Config) -> Iterator[str]:
    after = {leaf.path: leaf for leaf in leaves(new)}
    for was in leaves(old):
        now = after.get(was.path)
        if now is not None and now.value != was.value:
            later = "; this takes effect when the daemon is started anew" if was.path[0] in _AT_START else ""
            yield f"{spell(was.path)}: {_change(was, now)}{later}"


def _change(before: Leaf, after: Leaf) -> str:
    if isinstance(before.value, tuple) and isinstance(after.value, tuple):
        gone = [f"without {written(item)}" for item in before.value if item not in after.value]
        come = [f"with {written(item)}" for item in after.value if item not in before.value]
        return ", ".join(gone + come) or "another order"
    return f"{_said(before)} becomes {_said(after)}"


def _said(leaf: Leaf) -> str:
    value = outlined(leaf)
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value in {None, ""} or value == {} else str(value)


def _join_rules(config: Config) -> tuple[object, ...]:
    return config.join_rules, config.dialling, rooms(config.conference)


def _effects(old: Config, new: Config) -> Iterator[str]:
    yield from _moves(_domains(old), _domains(new))
    for name, policy in new.policies.items():
        if name in old.policies and policy != old.policies[name]:
            yield f"mailboxes with policy {name} are read again, at low priority"
    if _join_rules(new) != _join_rules(old):
        yield "every mailbox is read again, at low priority, because join rules change"
    if any(getattr(new, part) != getattr(old, part) for part in ("keywords", "conference", "invitation")):
        yield "invitations already written stay as they are; see: calendar-connector meeting redecorate"
    for address in new.roster.exclude:
        if address not in old.roster.exclude:
            yield f"{address} is deactivated if it is active"
    if new.roster.from_ != old.roster.from_:
        yield "the next roster run may change mailboxes; see: calendar-connector roster plan"
    if (old.mode, new.mode) == ("observe", "active"):
        yield "calendars are written from now on, as policies allow"


def _moves(served: Mapping[str, str], still: Mapping[str, str]) -> Iterator[str]:
    for domain, source in served.items():
        if domain not in still:
            yield f"mailboxes in {domain} are no longer served"
        elif still[domain] != source:
            yield f"mailboxes in {domain} are looked for in {still[domain]} instead of {source}"


def _domains(config: Config) -> dict[str, str]:
    return {domain: name for name, source in config.sources.items() for domain in source.domains}
