"""The reference of every key, written from the models; docs/configure.md holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from connector.config.kinds import Form, Within
from connector.config.models import Config
from connector.config.provenance import written

BEGIN = "<!-- reference: begin -->"
END = "<!-- reference: end -->"


def reference() -> str:
    """Write a table for each section: its keys, what they take, their defaults and meaning."""
    return "\n".join(_section(Config, "", set())) + "\n"


def filled(page: str) -> str:
    """Put the current reference between the marks of a page."""
    head, _, rest = page.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{reference()}\n{END}{tail}"


def _section(model: type[BaseModel], path: str, told: set[type[BaseModel]]) -> Iterator[str]:
    told.add(model)
    yield f"### {_title(model, path)}"
    yield ""
    yield from _prose(model)
    yield "| key | takes | default | meaning |"
    yield "|---|---|---|---|"
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    yield from (_row(key, field) for key, field in fields.items())
    yield ""
    for key, field in fields.items():
        inner = f"{path}.{key}".lstrip(".")
        for part, below in _models(field.annotation, inner):
            if part not in told:
                yield from _section(part, below, told)


def _title(model: type[BaseModel], path: str) -> str:
    kind = model.model_fields.get("type")
    words = " or ".join(get_args(kind.annotation)) if kind else ""
    return f"`{path}`, `type: {words}`" if words else f"`{path}`" if path else "The file as a whole"


def _prose(model: type[BaseModel]) -> list[str]:
    return [(model.__doc__ or "").strip(), ""]


def _row(key: str, field: FieldInfo) -> str:
    cells = (f"`{key}`", takes(field.annotation, field.metadata), _default(field), field.description or "")
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None:
        return ""
    if isinstance(value, BaseModel):
        return ""
    if isinstance(value, Mapping | tuple):
        return f"`{', '.join(map(str, value))}`" if value else "none"
    return f"`{written(value)}`"


def takes(annotation: Any, metadata: list[Any] | tuple[Any, ...] = ()) -> str:
    """Say in words what may stand behind a key."""
    forms = [extra.words for extra in metadata if isinstance(extra, Form)]
    if forms:
        return forms[-1] + "".join(_range(extra) for extra in metadata if isinstance(extra, Within))
    if hasattr(annotation, "__metadata__"):
        return takes(get_args(annotation)[0], annotation.__metadata__)
    return _takes_bare(annotation)


def _range(within: Within) -> str:
    return f", from {within.low} to {within.high}"


def _takes_bare(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in arguments)
    if origin is tuple:
        return f"a list: {takes(arguments[0])}"
    if origin is Mapping:
        return f"a map by name: {takes(arguments[1])}"
    parts = [takes(argument) for argument in arguments if argument is not type(None)]
    return " or ".join(dict.fromkeys(parts)) if parts else "a section, below"


def _models(annotation: Any, path: str) -> Iterator[tuple[type[BaseModel], str]]:
    """Find the sections below a key, each with its path; NAME stands for the names of a map."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, path
    below = f"{path}.NAME" if get_origin(annotation) is Mapping else path
    for argument in get_args(annotation):
        yield from _models(argument, below)
