"""The list of parts names everything that is shipped."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from scripts.packaging import parts

PINS = """\
one==1.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
two-words==2.5 ; sys_platform == 'linux' \\
    --hash=sha256:{c}
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def shipped(folder: Path, name: str, version: str, *lines: str) -> None:
    """A distribution as pip leaves it."""
    place = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    place.mkdir(parents=True)
    facts = ("Metadata-Version: 2.4", f"Name: {name}", f"Version: {version}", *lines)
    (place / "METADATA").write_text("\n".join(facts) + "\n")


def test_pins_are_read_with_their_hashes() -> None:
    """Every name has all of its own sums and none of the next one's."""
    assert parts.pinned(PINS) == {"one": ("a" * 64, "b" * 64), "two-words": ("c" * 64,)}


def test_every_distribution_is_a_part(tmp_path: Path) -> None:
    """Name, version, package URL, licence and accepted sums of each, in whichever way the licence is written."""
    shipped(tmp_path, "one", "1.0", "License-Expression: MIT")
    shipped(tmp_path, "Two.Words", "2.5", "Classifier: License :: OSI Approved :: BSD License")
    shipped(tmp_path, "three", "3", "License: Custom\n        and more")
    shipped(tmp_path, "calendar-connector", "0.1.0", "License-Expression: Apache-2.0")
    bill = json.loads(parts.bill(tmp_path, [PINS], "0.1.0", datetime(2026, 11, 21, tzinfo=UTC)))
    found = {one["name"]: one for one in bill["components"] if "purl" in one}
    assert set(found) == {"one", "two-words", "three"}
    assert found["one"]["purl"] == "pkg:pypi/one@1.0"
    assert found["one"]["licenses"] == [{"expression": "MIT"}]
    assert found["two-words"]["licenses"] == [{"license": {"name": "BSD License"}}]
    assert found["three"]["licenses"] == [{"license": {"name": "Custom"}}]
    assert [one["value"] for one in found["one"]["properties"]] == ["a" * 64, "b" * 64]
    assert set(bill["dependencies"][0]["dependsOn"]) == {one["bom-ref"] for one in found.values()}


def test_libraries_inside_wheels_are_parts(tmp_path: Path) -> None:
    """OpenSSL and libxml2 come inside other people's wheels and are named with a CPE to look flaws up by."""
    bill = json.loads(parts.bill(tmp_path, [], "0.1.0", datetime(2026, 11, 21, tzinfo=UTC)))
    carried = {one["name"]: one["cpe"] for one in bill["components"] if "cpe" in one}
    assert set(carried) == {"openssl", "libxml2", "libxslt"}
    assert carried["openssl"].startswith("cpe:2.3:a:openssl:openssl:")
