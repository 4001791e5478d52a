"""Who makes the content keys, as it is configured."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.texts import loaded, problems

PIN = "sha256:" + "ab" * 32


def keys(text: str) -> str:
    return f"keys: {text}\n"


def test_a_key_server_of_one_s_own() -> None:
    """Its name stands in the address; it is reached through the hub unless said otherwise."""
    made = loaded(keys(f"{{service: kms://KMS.example.com, pins: ['{PIN.upper()}']}}")).config.keys
    assert (made.server, made.via, made.pins) == ("kms.example.com", "hub", (PIN,))


def test_a_key_server_of_the_hub_is_named_here() -> None:
    """The hub does not say whom to trust."""
    made = loaded(keys(f"{{service: hub, host: kms.hub.example.net, pins: ['{PIN}']}}")).config.keys
    assert made.server == "kms.hub.example.net"


def test_a_pin_may_have_colons(tmp_path: Path) -> None:
    """As openssl writes it."""
    pin = ":".join(["AB"] * 32)
    assert loaded(keys(f"{{service: kms://k.example.com, pins: ['{pin}']}}")).config.keys.pins == (PIN,)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{service: kms://kms.example.com}", "say how the key server is recognised"),
        (f"{{service: hub, pins: ['{PIN}']}}", "write the key server's name as host"),
        (f"{{service: kms://k.example.com, host: k.example.com, pins: ['{PIN}']}}", "remove it"),
        ("{service: kms://k.example.com, pins: ['sha1:ab']}", "64 hexadecimal digits"),
        (f"{{service: kms://k.example.com, pins: ['{PIN}'], via: 'http://k.example.com'}}", "write hub"),
        (f"{{service: kms://k.example.com, pins: ['{PIN}'], proxy: none}}", "proxies"),
        (f"{{service: kms://k.example.com, pins: ['{PIN}'], readers: {{nobody: [a]}}}}", "not in policies"),
    ],
)
def test_a_key_server_without_an_anchor_is_refused(text: str, sentence: str) -> None:
    """And whatever else can't be meant."""
    said = problems(keys(text) + "policies: {staff: {}}\n")
    assert any(sentence in one for one in said), said


def test_the_authorities_file_is_looked_at(tmp_path: Path) -> None:
    """A path that leads nowhere is said before the daemon starts."""
    said = problems(keys(f"{{service: kms://k.example.com, ca: {tmp_path}/none.pem}}"))
    assert len(said) == 1
    assert "there is no file" in said[0]
