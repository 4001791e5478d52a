"""Requests and answers of Webex against the published field lists, where they are at hand, and against our own short ones."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

SHELF = Path(__file__).resolve().parents[4] / "shared" / "data" / "joinlinks" / "webex_api.json"
"""Field names, types and enumerations of webex/webex-openapi-specs; absent outside the house."""

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "number": (int, float),
    "array": list,
    "object": dict,
}

OWN: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("POST", "/meetings"): {
        "body": {
            "title": {"type": "string", "required": True},
            "start": {"type": "string", "required": True},
            "end": {"type": "string", "required": True},
            "timezone": {"type": "string"},
            "recurrence": {"type": "string"},
            "hostEmail": {"type": "string"},
            "siteUrl": {"type": "string"},
            "sendEmail": {"type": "boolean"},
            "integrationTags": {"type": "array", "items": "string"},
        }
    },
    ("PATCH", "/meetings/{meetingId}"): {
        "body": {
            "title": {"type": "string"},
            "start": {"type": "string"},
            "end": {"type": "string"},
            "timezone": {"type": "string"},
            "recurrence": {"type": "string"},
            "hostEmail": {"type": "string"},
            "sendEmail": {"type": "boolean"},
        }
    },
    ("GET", "/meetings"): {
        "query": ("integrationTag", "hostEmail", "siteUrl", "meetingType", "from", "to", "max")
    },
    ("DELETE", "/meetings/{meetingId}"): {"query": ("hostEmail", "sendEmail")},
    ("GET", "/meetingPreferences/personalMeetingRoom"): {"query": ("userEmail", "siteUrl")},
}
"""What this product may use of each operation, written down by hand."""


class Shapes:
    """Knows every operation that may be called; ``published`` is the content of the shelf's file, None without it."""

    def __init__(self, published: Mapping[str, Any] | None = None) -> None:
        listed = published["operations"] if published else ()
        self._published = {(one["method"], one["path"]): one for one in listed}

    def operation(self, method: str, path: str) -> tuple[str, str] | None:
        """The operation a request is for, None when there is none."""
        for known in OWN:
            pattern = re.sub(r"\{[^}]*\}", "[^/]+", known[1])
            if known[0] == method and re.fullmatch(pattern, path):
                return known
        return None

    def wrong_request(
        self, operation: tuple[str, str], query: Mapping[str, str], body: Mapping[str, Any] | None
    ) -> list[str]:
        """Everything in a request that the interface does not know."""
        own = OWN[operation]
        wrong = [f"query {name}" for name in query if name not in own.get("query", ())]
        wrong += list(_wrong(body or {}, own.get("body", {}), "body"))
        if published := self._published.get(operation):
            names = {one["name"] for one in published["params"] if one["in"] == "query"}
            wrong += [f"query {name} is not published" for name in query if name not in names]
            wrong += list(_wrong(body or {}, published.get("body") or {}, "published body"))
        return wrong

    def wrong_answer(self, operation: tuple[str, str], data: Mapping[str, Any]) -> list[str]:
        """Everything in an answer of the fake that Webex would not send, or would send besides."""
        published = self._published.get(operation)
        fields = (published or {}).get("responses", {}).get("200")
        return list(_wrong(data, fields, "answer")) if fields else []


def at_hand() -> Mapping[str, Any] | None:
    """The published field lists, where the shelf is."""
    return json.loads(SHELF.read_text()) if SHELF.exists() else None


def _wrong(data: Mapping[str, Any], fields: Mapping[str, Any], path: str) -> Iterator[str]:
    yield from (f"{path}.{name} is unknown" for name in data if name not in fields)
    for name, field in fields.items():
        if name in data:
            yield from _wrong_value(data[name], field, f"{path}.{name}")
        elif field.get("required"):
            yield f"{path}.{name} is missing"


def _wrong_value(value: Any, field: Mapping[str, Any], path: str) -> Iterator[str]:
    if not isinstance(value, _TYPES[field["type"]]):
        yield f"{path} is no {field['type']}"
    elif "enum" in field and value not in field["enum"]:
        yield f"{path} is not one of {field['enum']}"
    elif isinstance(value, dict) and "fields" in field:
        yield from _wrong(value, field["fields"], path)
    elif isinstance(value, list) and isinstance(field.get("items"), dict):
        for one in value:
            yield from _wrong(one, field["items"], path)
    elif isinstance(value, list) and field.get("items") == "string":
        yield from (f"{path} holds no string" for one in value if not isinstance(one, str))
