"""Network addresses: URLs that keep what they carry from strangers, numeric endpoints, places to listen."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from connector.config.kinds import HOST, Form, quantity


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A numeric address and a TCP port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


_ENDPOINT_FORM = '"192.0.2.10:443" or "[2001:db8::10]:443"'


def _endpoint(text: str) -> Endpoint:
    address, _, port = text.rpartition(":")
    try:
        parsed = ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))
    except ValueError:
        raise ValueError(f"write an address and a port: {_ENDPOINT_FORM}") from None
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise ValueError(f"the port is missing or not from 1 to 65535; write {_ENDPOINT_FORM}")
    return Endpoint(str(parsed), int(port))


HostEndpoint = Annotated[Endpoint, *quantity(_endpoint, Endpoint, _ENDPOINT_FORM)]


def _address_of(schemes: tuple[str, ...], text: str, example: str) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"write {example}") from None
    if "https" in schemes and parts.scheme == "http" and "http" not in schemes:
        raise ValueError("http:// would send this in the clear and is refused; write https://")
    if parts.scheme == "ldap":
        raise ValueError("ldap:// would send the password in the clear and is refused; write ldaps://")
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise ValueError(f"write {example}")
    if not re.fullmatch(HOST, parts.hostname) and not _is_ip(parts.hostname):
        raise ValueError(f"{parts.hostname} is no host name; write {example}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(
            "remove what stands before the @; passwords are kept by: calendar-connector secret set"
        )
    return text


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _url(*schemes: str, example: str, bare: bool = False) -> AfterValidator:
    def check(text: str) -> str:
        clean = _address_of(schemes, text, example).rstrip("/")
        if re.search(r"[\s\\]", text) or "#" in text or (bare and "?" in text):
            raise ValueError(f"write {example}, without ?, # or spaces")
        if bare and urlsplit(clean).path:
            raise ValueError(f"nothing may follow the host and port; write {example}")
        return clean

    return AfterValidator(check)


HttpsUrl = Annotated[str, _url("https", example="https://host/path"), Form("an https:// address")]
ProxyUrl = Annotated[
    str,
    _url("http", "https", example="http://proxy.example.com:8080", bare=True),
    Form("http://host:port or https://host:port of the proxy"),
]
LdapsUrl = Annotated[
    str, _url("ldaps", example="ldaps://gc1.example.com:3269", bare=True), Form("ldaps://host:port")
]


def _key_service(text: str) -> str:
    if text in {"local", "hub"}:
        return text
    sentence = "local, hub, or the address of a key service such as kms://kms.example.com"
    if not text.startswith("kms://"):
        raise ValueError(f"write {sentence}")
    return _address_of(("kms",), text, sentence)


KeyServiceName = Annotated[
    str, AfterValidator(_key_service), Form("local, hub, or kms://host of a key service of your own")
]


def _receive(text: str) -> str:
    form = '"unix:/path/of/the/socket", or an address and port of this machine such as "127.0.0.1:8085"'
    if text.startswith("unix:/"):
        return text
    try:
        _endpoint(text)
    except ValueError:
        raise ValueError(f"write {form}") from None
    return text


ReceiveAt = Annotated[
    str,
    AfterValidator(_receive),
    Form("unix:/path, or an address and port of this machine such as 127.0.0.1:8085"),
]


def _listen(text: str) -> str:
    form = '"unix:/path/of/the/socket", or a port of this machine such as "127.0.0.1:9464"'
    if text.startswith("unix:/"):
        return text
    try:
        endpoint = _endpoint(text)
    except ValueError:
        raise ValueError(f"write {form}") from None
    if not ipaddress.ip_address(endpoint.address).is_loopback:
        raise ValueError(f"that can be reached from outside this machine; write {form}")
    return text


Listen = Annotated[
    str, AfterValidator(_listen), Form("unix:/path, or a port of this machine such as 127.0.0.1:9464")
]
