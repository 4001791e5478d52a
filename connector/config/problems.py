"""What pydantic found, as one sentence for each problem, at the place where it stands."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from connector.config.tree import Entries, Items, Path, Scalar, find
from connector.config.tree import Node as TreeNode
from connector.errors import Problem

_SECRET_WORD = re.compile(r"pass(word|wd|phrase)?|secret|token|credential|api_?key", re.IGNORECASE)
_UNKNOWN = "extra_forbidden"
_WITHHELD = re.compile(r"key'|user'")
_BARE = re.compile(r"[A-Za-z0-9_@:/-]+")


def spell(path: Path) -> str:
    """Write a path as it is spoken of: ``sources.hq.domains[1]``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else f'"{part}"')
    return text


def locate(tree: Entries, path: Path, sentence: str) -> Problem:
    """Tie a sentence to the place where ``path``, or the nearest part above it, is written."""
    mark, _ = find(tree, path)
    return Problem(f"{spell(path)}: {sentence}" if path else sentence, mark.file, mark.line, mark.column)


@dataclass(frozen=True, slots=True)
class Wrong:
    """A problem with its path; ``absent`` when it is that something is not written at all."""

    path: Path
    problem: Problem
    absent: bool


def explain(details: Iterable[ErrorDetails], tree: Entries, root: type[BaseModel]) -> Iterator[Wrong]:
    """Turn pydantic's validation errors into problems; a key that is only misspelt is not called missing."""
    found = [(_written(detail["loc"], tree), detail) for detail in details]
    misspelt = {
        (*path[:-1], _meant(path, tree, root)) for path, detail in found if detail["type"] == _UNKNOWN
    }
    for path, detail in found:
        problem = locate(tree, path, _sentence(detail, path, tree, root))
        if detail["type"] != "missing" or path not in misspelt:
            yield Wrong(path, problem, absent=detail["type"] in {"missing", "union_tag_not_found"})


def _written(loc: tuple[int | str, ...], tree: Entries) -> Path:
    """Drop from pydantic's location what is no part of the file: union tags and marks on keys."""
    path: list[int | str] = []
    node: TreeNode | None = tree
    for part in loc:
        if part == "[key]" or _is_tag(part, node):
            continue
        path.append(part)
        node = _child(node, part)
    return tuple(path)


def _is_tag(part: str | int, node: TreeNode | None) -> bool:
    return isinstance(node, Entries) and part not in node.nodes and _type_of(node) == part


def _child(node: TreeNode | None, part: str | int) -> TreeNode | None:
    if isinstance(node, Entries) and isinstance(part, str):
        return node.nodes[part][1] if part in node.nodes else None
    if isinstance(node, Items) and isinstance(part, int) and part < len(node.nodes):
        return node.nodes[part]
    return None


def _type_of(node: Entries) -> object:
    kind = node.nodes.get("type")
    return kind[1].value if kind and isinstance(kind[1], Scalar) else None


def _sentence(detail: ErrorDetails, path: Path, tree: Entries, root: type[BaseModel]) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    value = None if _WITHHELD.search(str(path[-1:])) else detail["input"]
    match kind:
        case "extra_forbidden":
            known = tuple(known_keys(root, path[:-1], tree))
            sentence = _unknown_key(path, known, _meant(path, tree, root))
        case "missing":
            field = known_keys(root, path[:-1], tree).get(str(path[-1]))
            sentence = (
                f"this key is missing; add it: {_uncapital(field.description)}" if field else "add this key"
            )
        case "value_error":
            sentence = _with_value(value, str(context.get("error", "")))
        case "literal_error":
            sentence = _with_value(value, f"write {_words(context)}", _nearest(value, context))
        case "union_tag_invalid" | "union_tag_not_found":
            sentence = _tag(kind, context)
        case _:
            sentence = _with_value(value, _shape(kind, value, detail["msg"], _models(root, path, tree)))
    return sentence


_SHAPES = {
    "string_type": 'write text; put quotes around what looks like a number or a boolean, such as "123"',
    "int_type": "write a whole number without quotes",
    "bool_type": "write true or false",
    "dict_type": "write a map by name: {NAME: ...}, or one indented line for each name",
    "mapping_type": "write a map by name: {NAME: ...}, or one indented line for each name",
}


def _shape(kind: str, value: Any, otherwise: str, models: list[type[BaseModel]]) -> str:
    if kind == "tuple_type":
        return f"write a list: [{_shown(value).strip(chr(34)) or 'one, two'}]"
    if kind in {"model_type", "model_attributes_type"}:
        keys = [key for model in models for key in _fields(model)]
        return f"write a map with keys such as {{{', '.join(f'{key}: ...' for key in keys[:3])}}}"
    return _SHAPES.get(kind, f"{otherwise}; see docs/configure.md")


def _with_value(value: Any, sentence: str, guess: str = "") -> str:
    shown = _shown(value)
    return (
        f"{shown} does not fit; {sentence}{guess}"
        if shown and sentence.startswith("write")
        else sentence + guess
    )


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and "://" not in value and len(value) <= 40:
        return f'"{value}"' if value else "nothing"
    return ""


def _words(context: Mapping[str, Any]) -> str:
    return str(context.get("expected", "")).replace("'", "")


def _nearest(value: Any, context: Mapping[str, Any]) -> str:
    words = re.findall(r"'([^']*)'", str(context.get("expected") or context.get("expected_tags", "")))
    close = difflib.get_close_matches(value.lower(), words, n=1) if isinstance(value, str) else []
    return f" (perhaps {close[0]})" if close else ""


def _tag(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "union_tag_not_found":
        return "the key type is missing or no word; add it, such as type: exchange for a source"
    words = str(context.get("expected_tags", "")).replace("'", "")
    tag = str(context.get("tag"))
    return f"type: {tag:.40} is not known; write one of {words}{_nearest(tag, context)}"


def _meant(path: Path, tree: Entries, root: type[BaseModel]) -> str:
    """Guess which key an unknown one stands for; "" when it is like none."""
    key = str(path[-1])
    close = difflib.get_close_matches(key.lower(), known_keys(root, path[:-1], tree), n=1)
    return close[0] if close and not _SECRET_WORD.search(key) else ""


def _unknown_key(path: Path, known: tuple[str, ...], meant: str) -> str:
    if _SECRET_WORD.search(str(path[-1])):
        return f"passwords never stand in this file; remove it, and run: calendar-connector secret set {_secret(path)}"
    if meant:
        return f"unknown key; write {meant} instead"
    return f"unknown key; write one of {', '.join(known)}" if known else "unknown key; remove it"


def _secret(path: Path) -> str:
    match path:
        case ("sources", str(source), "accounts", str(account), *_):
            return f"exchange/{source}/{account}"
        case ("proxies", str(proxy), *_):
            return f"proxy/{proxy}"
        case ("directories", str(directory), *_):
            return f"directory/{directory}"
        case ("hub", *_):
            return "hub"
        case ("conference", str(entry), *keys):
            return _secret_of_conference(entry, [str(key) for key in keys])
        case _:
            return "NAME"


def _secret_of_conference(entry: str, keys: list[str]) -> str:
    if keys[:1] == ["token"]:
        return f"conference/{entry}"
    return "webex/ACCOUNT/refresh-token" if "refresh" in keys[-1] else "webex/ACCOUNT/client"


def known_keys(root: type[BaseModel], path: Path, tree: Entries) -> Mapping[str, FieldInfo]:
    """List the keys that the section at ``path`` may have; empty when there is no section."""
    return {key: field for model in _models(root, path, tree) for key, field in _fields(model).items()}


def _models(root: type[BaseModel], path: Path, tree: Entries) -> list[type[BaseModel]]:
    sections: list[Any] = [root]
    node: TreeNode | None = tree
    for part in path:
        sections = [inner for section in sections for inner in _step(section, part)]
        node = _child(node, part)
    kind = _type_of(node) if isinstance(node, Entries) else None
    models = [section for section in sections if isinstance(section, type) and issubclass(section, BaseModel)]
    return [model for model in models if _is_of_type(model, kind)]


def _fields(model: type[BaseModel]) -> Mapping[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _uncapital(text: str | None) -> str:
    return text[:1].lower() + text[1:].removesuffix(".") if text else "see docs/configure.md"


def _is_of_type(model: type[BaseModel], kind: object) -> bool:
    field = model.model_fields.get("type")
    return field is None or kind in get_args(field.annotation)


def _step(section: Any, part: str | int) -> list[Any]:
    """Go one key down: from a model to a field's annotation, from a map by name to what it maps to."""
    if isinstance(section, type) and issubclass(section, BaseModel):
        fields = _fields(section)
        return _opened(fields[str(part)].annotation) if part in fields else []
    return [inner for argument in get_args(section)[-1:] for inner in _opened(argument)]


def _opened(annotation: Any) -> list[Any]:
    """Look through Annotated and unions; keep models and maps."""
    if hasattr(annotation, "__metadata__"):
        return _opened(get_args(annotation)[0])
    if isinstance(annotation, type):
        return [annotation]
    arguments = get_args(annotation)
    if getattr(annotation, "__origin__", None) is Mapping:
        return [annotation]
    return [inner for argument in arguments for inner in _opened(argument)]
