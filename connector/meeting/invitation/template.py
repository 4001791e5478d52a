"""The templates of a join block: shipped ones, and those of an administrator, tried before they are used.

Jinja2 in its immutable sandbox: a template reaches the words, the details and nothing else.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from connector.errors import ConfigError, Problem
from connector.meeting.invitation.details import SAMPLE, callable_number
from connector.meeting.invitation.shape import LONGEST_BLOCK, decorated
from connector.meeting.invitation.wording import Words
from connector.model import JoinDetails

LONGEST_INSIDE = LONGEST_BLOCK // 2
"""Characters a template may make."""

FAILURES = (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a template may end in, for it may call any method of a text."""

_BARE = JoinDetails(url=SAMPLE.url)
_METHODS = frozenset(["startswith", "endswith", "strip", "lower", "upper", "title", "split"])
_FILTERS = frozenset(
    [
        "capitalize",
        "default",
        "d",
        "escape",
        "e",
        "first",
        "float",
        "int",
        "join",
        "last",
        "length",
        "list",
        "lower",
        "replace",
        "reverse",
        "round",
        "select",
        "selectattr",
        "map",
        "reject",
        "rejectattr",
        "sort",
        "string",
        "sum",
        "title",
        "trim",
        "truncate",
        "unique",
        "upper",
        "urlencode",
    ]
)
_ISOLATE, _END = "\u2066", "\u2069"


@dataclass(frozen=True, slots=True)
class Text:
    """What a template is filled with, beside the join details."""

    words: Words
    header: str = ""
    footer: str = ""


class TooLong(ValueError):
    """A template made more than ``LONGEST_INSIDE`` characters."""


_KNOWN: Mapping[str, frozenset[str] | None] = {
    "details": frozenset(each.name for each in fields(JoinDetails)),
    "words": frozenset(each.name for each in fields(Words)),
    "header": None,
    "footer": None,
}
"""The variables of a template and their attributes."""


class _Environment(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset({"**", "*", "%"})

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of a text only what can't make a long one of it."""
        harmless = not isinstance(obj, str) or attr in _METHODS
        return harmless and super().is_safe_attribute(obj, attr, value)

    def call_binop(self, _context: object, operator: str, left: object, right: object) -> object:
        """Numbers alone: a text repeated or a power could fill the memory."""
        if operator == "**" or not (isinstance(left, int | float) and isinstance(right, int | float)):
            raise TypeError(f"{operator} is not allowed in templates")
        return left * right if operator == "*" else left % right


class BlockTemplate:
    """One template, compiled. ``name`` is that of its file; ``.html`` in it makes values escaped."""

    def __init__(self, source: str, name: str) -> None:
        """Raises ConfigError that names file and line of whatever is wrong with it."""
        self._name = name
        self._is_html = ".html" in name.rpartition("/")[2]
        environment = _environment(is_html=self._is_html)
        try:
            tree = environment.parse(source, name, name)
            code = environment.compile(tree, name, name)
        except TemplateSyntaxError as error:
            raise ConfigError(
                (Problem(f"this is no template ({error.message}); mend it", name, error.lineno),)
            ) from None
        if unknown := list(_unknown(environment.parse(source, name, name))):
            raise ConfigError(tuple(Problem(sentence, name, line) for line, sentence in unknown))
        self._template = Template.from_code(environment, code, {})

    def attempt(self, text: Text) -> None:
        """Fill it with samples. Raises ConfigError that names file and line."""
        for details in (SAMPLE, _BARE):
            try:
                inside = self.fill(details, text)
            except FAILURES as error:
                raise self._failed(error) from None
            if decorated(str(inside)):
                raise ConfigError(
                    (
                        Problem(
                            "the template makes ~-~, which marks where a join block begins and ends; take it out",
                            self._name,
                        ),
                    )
                )

    def fill(self, details: JoinDetails, text: Text) -> str:
        """The inside of a block. Raises one of ``FAILURES``; TooLong among them."""
        values = {
            "details": asdict(details),
            "words": asdict(text.words),
            "header": text.header,
            "footer": text.footer,
        }
        return _bounded(self._template, values)

    def _failed(self, error: Exception) -> ConfigError:
        line = next(
            (
                frame.lineno
                for frame in reversed(traceback.extract_tb(error.__traceback__))
                if frame.filename == self._name
            ),
            None,
        )
        return ConfigError(
            (Problem(f"the template can't be filled ({error}); mend it", self._name, line or 0),)
        )


def _environment(*, is_html: bool) -> _Environment:
    made = _Environment(
        autoescape=is_html, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, cache_size=0
    )
    made.globals.clear()
    made.filters = {name: each for name, each in made.filters.items() if name in _FILTERS}
    made.filters |= {"tel": callable_number, "ltr": isolated, "lines": lines}
    return made


def isolated(value: object, direction: str = "rtl") -> str:
    """A number or address that reads from left to right among words from right to left (UAX 9, 2.5)."""
    return f"{_ISOLATE}{value}{_END}" if direction == "rtl" else str(value)


def lines(value: object) -> Markup:
    """Text in HTML with its line breaks."""
    return Markup("<br>").join(escape(line) for line in str(value).splitlines())


def _bounded(template: Template, values: Mapping[str, object]) -> str:
    pieces, length = [], 0
    for piece in template.generate(values):
        length += len(piece)
        if length > LONGEST_INSIDE:
            raise TooLong(f"it makes more than {LONGEST_INSIDE} characters")
        pieces.append(piece)
    return "".join(pieces)


def _unknown(tree: nodes.Template) -> Iterator[tuple[int, str]]:
    """Names a template uses that nobody defines, by line."""
    own = {name.name for name in tree.find_all(nodes.Name) if name.ctx in {"store", "param"}}
    own |= {macro.name for macro in tree.find_all(nodes.Macro)}
    own |= {name.name for macro in tree.find_all(nodes.Macro) for name in macro.args} | {
        "loop",
        "caller",
        "varargs",
        "kwargs",
    }
    for name in tree.find_all(nodes.Name):
        if name.name not in _KNOWN and name.name not in own:
            yield name.lineno, f"there is no {name.name}; a template may name {', '.join(sorted(_KNOWN))}"
    for part in tree.find_all(nodes.Getattr):
        whole = part.node.name if isinstance(part.node, nodes.Name) and part.node.name not in own else ""
        known = _KNOWN.get(whole)
        if known is not None and part.attr not in known:
            yield part.lineno, f"there is no {whole}.{part.attr}; {whole} has {', '.join(sorted(known))}"


def shipped(form: str) -> str:
    """The template that is used where an administrator gives none; ``form`` is html or txt."""
    return (
        files("connector.meeting.invitation")
        .joinpath("templates", f"block.{form}.jinja")
        .read_text(encoding="utf-8")
    )
