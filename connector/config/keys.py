"""Who makes and keeps the content keys: this appliance, or a key server that is trusted by what stands here alone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, model_validator

from connector.config.addresses import KeyServiceName
from connector.config.frozen import FrozenMap
from connector.config.kinds import Duration, FilePath, Form, Host, Name, Named, Section, Text, between

_WAY = "hub, https://host of the key service, or unix:/path of its socket"
_DIGITS = re.compile(r"[0-9a-f]{64}")


def _way(text: str) -> str:
    if text != "hub" and not text.startswith(("https://", "unix:/")):
        raise ValueError(f"write {_WAY}")
    return text.rstrip("/")


def _pin(text: str) -> str:
    digits = text.strip().lower().removeprefix("sha256:").replace(":", "")
    if not _DIGITS.fullmatch(digits):
        raise ValueError("write sha256: and the 64 hexadecimal digits of the key's fingerprint")
    return f"sha256:{digits}"


Way = Annotated[str, AfterValidator(_way), Form(_WAY)]
Pin = Annotated[str, AfterValidator(_pin), Form("sha256: and 64 hexadecimal digits")]


class Keys(Section):
    """Who makes and keeps the content keys.

    A key server is believed because its static key leads to ``ca`` or is one of ``pins``; nothing that the hub or the key server
    itself says can take their place.
    """

    service: KeyServiceName = "local"
    """The key service."""

    rotate: Annotated[Duration, *between("1h", "3650d")] = timedelta(days=30)
    """A mailbox gets a new content key when its key is so old."""

    via: Way = "hub"
    """How a key server is reached: through the hub, which carries what it can't read, or directly."""

    host: Host | None = None
    """Name of the key server in its certificate; only with service hub, or to read old keys after a return to local."""

    ca: FilePath | None = None
    """PEM file with the certificate authorities that the key server's static key may come from."""

    pins: tuple[Pin, ...] = ()
    """Fingerprints of the key server's static key, in place of ca; two while it is being replaced."""

    proxy: Name | None = None
    """Name of the proxy to go through to an https:// address in via; direct when left out."""

    readers: Named[tuple[Text, ...]] = FrozenMap()
    """By policy, who else may read its mailboxes' meetings, by the names the key server knows them by; the owner always may."""

    @property
    def server(self) -> str | None:
        """Host of the key server, None when none is configured."""
        if self.service.startswith("kms://"):
            return self.service.removeprefix("kms://").partition("/")[0].lower()
        return self.host

    @model_validator(mode="after")
    def _anchored(self) -> Keys:
        if self.service.startswith("kms://") and self.host is not None:
            raise ValueError("host stands in service already; remove it")
        if self.service == "hub" and self.host is None:
            raise ValueError("with service hub, write the key server's name as host")
        if self.server is not None and not (self.ca or self.pins):
            raise ValueError(
                "say how the key server is recognised: ca (a PEM file) or pins (its key's fingerprint)"
            )
        return self
