"""Templates in the configuration: whether they are ones, and name only what will be there."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

_ENVIRONMENT = Environment(autoescape=False)  # noqa: S701 - nothing is ever rendered here

_OTHER_FILES: tuple[type[nodes.Node], ...] = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)

Fields = Collection[str] | None
"""What a name holds; None where that is known only later, such as a directory's attributes."""


def check(text: str, names: dict[str, Fields]) -> None:
    """Raise ValueError with one sentence when ``text`` is no template or names something that is not in ``names``."""
    try:
        tree = _ENVIRONMENT.parse(text)
        _ENVIRONMENT.compile(text, raw=True)  # what only compiling finds: filters and tests that do not exist
    except TemplateSyntaxError as error:
        raise ValueError(f"this is no template ({error.message}); mend what stands in {{{{ }}}}") from None
    if any(tree.find(kind) for kind in _OTHER_FILES):
        raise ValueError("this is no template of one value, as it names other files; take that out")
    for name in sorted(meta.find_undeclared_variables(tree)):
        if name not in names:
            raise ValueError(f"{name} is not defined here; write {_choice(name, names)}")
    for name, field in _fields(tree):
        known = names.get(name)
        if known is not None and field not in known:
            raise ValueError(f"{name}.{field} is not defined; write {name}.{_choice(field, known)}")


def uses(text: str, name: str) -> bool:
    """Whether a template that holds names this."""
    return name in meta.find_undeclared_variables(_ENVIRONMENT.parse(text))


def _choice(wrong: str, known: Collection[str]) -> str:
    close = difflib.get_close_matches(wrong.lower(), known, n=1)
    return close[0] if close else "one of " + ", ".join(known)


def _fields(tree: nodes.Template) -> Iterator[tuple[str, str]]:
    for found in tree.find_all(nodes.Getattr):
        if isinstance(found.node, nodes.Name):
            yield found.node.name, found.attr
