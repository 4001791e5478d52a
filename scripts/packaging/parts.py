"""What the package is made of, as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/), so that flaws can be tracked.

Libraries that wheels carry in themselves (OpenSSL, libxml2) are parts too: their flaws would otherwise be missed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any

from cryptography.hazmat.backends.openssl import backend
from lxml import etree

_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
OURS = "calendar-connector"


def bill(library: Path, pins: Iterable[str], version: str, made: datetime) -> str:
    """JSON of every distribution found in ``library`` (site-packages); ``pins`` are the texts of requirement files."""
    hashes = {name: found for text in pins for name, found in pinned(text).items()}
    found = sorted(distributions(path=[str(library)]), key=lambda one: one.metadata["Name"].lower())
    parts = [_part(one, hashes) for one in found if one.metadata["Name"] != OURS]
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": made.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {
                "type": "application",
                "bom-ref": OURS,
                "name": OURS,
                "version": version,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            },
        },
        "components": [*parts, *_carried()],
        "dependencies": [{"ref": OURS, "dependsOn": [one["bom-ref"] for one in parts]}],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def pinned(text: str) -> dict[str, tuple[str, ...]]:
    """Name to SHA-256 sums, of a requirements file with hashes."""
    starts = list(_PINNED.finditer(text))
    ends = [one.start() for one in starts[1:]] + [len(text)]
    return {
        one[1].lower(): tuple(_HASH.findall(text[one.start() : end]))
        for one, end in zip(starts, ends, strict=True)
    }


def _part(one: Distribution, hashes: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    name = _normal(one.metadata["Name"])
    reference = f"pkg:pypi/{name}@{one.version}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": one.version,
        "purl": reference,
        "licenses": list(_licences(one)),
        "properties": [
            {"name": "calendar-connector:accepted-sha256", "value": value} for value in hashes.get(name, ())
        ],
    }


def _licences(one: Distribution) -> Iterator[dict[str, Any]]:
    """The expression of PEP 639, else what the classifiers or the old field say."""
    facts = one.metadata.json
    expression = facts.get("license_expression")
    if expression:
        yield {"expression": expression}
        return
    classified = [
        line.rpartition(" :: ")[2]
        for line in one.metadata.get_all("Classifier", [])
        if line.startswith("License")
    ]
    old = str(facts.get("license", "")).strip().splitlines()
    yield from ({"license": {"name": words}} for words in classified or old[:1] or ["see its .dist-info"])


def _carried() -> Iterator[dict[str, Any]]:
    """Libraries inside the wheels, by what they say of themselves."""
    openssl = backend.openssl_version_text().split()[1]
    yield _inside("openssl", openssl, "cryptography", f"cpe:2.3:a:openssl:openssl:{openssl}:*:*:*:*:*:*:*")
    for name, version in (("libxml2", etree.LIBXML_VERSION), ("libxslt", etree.LIBXSLT_VERSION)):
        spelt = ".".join(map(str, version))
        yield _inside(name, spelt, "lxml", f"cpe:2.3:a:xmlsoft:{name}:{spelt}:*:*:*:*:*:*:*")


def _inside(name: str, version: str, carrier: str, cpe: str) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": f"{carrier}/{name}@{version}",
        "name": name,
        "version": version,
        "cpe": cpe,
        "description": f"inside {carrier}",
    }


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
