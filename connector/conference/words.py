"""Templates of single values: a link, a video address, a title. Sandboxed; what is not there is never made up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from jinja2 import StrictUndefined, Template, TemplateError, UndefinedError, nodes
from jinja2.sandbox import SandboxedEnvironment

from connector.errors import Refused
from connector.model import Person

LONGEST = 2048
"""Characters of a finished value."""


class Attributes:
    """Attributes by name, in any case, as directories have it; an empty one counts as missing."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def __getitem__(self, name: object) -> str:
        value = self._values.get(str(name).lower(), "").strip()
        if not value:
            raise KeyError(name)
        return value


def person(one: Person) -> dict[str, str]:
    """What templates may say of the organizer: ``address``, ``name``, ``user`` and ``domain``."""
    user, _, domain = one.address.partition("@")
    return {"address": one.address, "name": one.name, "user": user, "domain": domain}


def _plain(value: Any) -> str:
    return str(value)


def _quoted(value: Any) -> str:
    """Percent-encoded, so that an attribute stays one part of a link whatever it holds."""
    return quote(str(value), safe="")


def _environment(finalize: Callable[[Any], str]) -> SandboxedEnvironment:
    return SandboxedEnvironment(undefined=StrictUndefined, finalize=finalize, autoescape=False)


_TEXTS = _environment(_plain)
_LINKS = _environment(_quoted)


def attributes_in(source: str) -> frozenset[str]:
    """The names of the directory attributes that a template reads."""
    tree = _TEXTS.parse(source)
    read = [(one.node, one.attr) for one in tree.find_all(nodes.Getattr)]
    read += [
        (one.node, one.arg.value) for one in tree.find_all(nodes.Getitem) if isinstance(one.arg, nodes.Const)
    ]
    return frozenset(name for node, name in read if isinstance(node, nodes.Name) and node.name == "directory")


def text(source: str) -> Template:
    """A template whose values are put in as they are."""
    return _TEXTS.from_string(source)


def link(source: str) -> Template:
    """A template of an address: values are put in percent-encoded."""
    return _LINKS.from_string(source)


def fill(template: Template, names: Mapping[str, object]) -> str:
    """The finished value. Raises Refused ``conference-attribute-missing`` or ``conference-template-fails``."""
    try:
        value = template.render(names).strip()
    except UndefinedError as error:
        raise Refused("conference-attribute-missing", str(error)) from error
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Refused("conference-template-fails", type(error).__name__) from error
    if len(value) > LONGEST or not value.isprintable():
        raise Refused("conference-template-fails", "too long, or control characters")
    return value
