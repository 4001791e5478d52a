"""A small network: a bridge in our own namespace, and a namespace with one address for each machine.

It is made inside ``unshare --net --mount``, so that all of it ends with us.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

OUTSIDE = "192.0.2.1"
"""Where we serve the lab; the addresses are those of RFC 5737, for documentation."""
_BRIDGE = "lab"


def lay(machines: dict[str, str]) -> None:
    """Join namespaces, by name with their address, to a bridge whose own address is ``OUTSIDE``."""
    Path("/run/netns").mkdir(exist_ok=True)
    _ip("link", "set", "lo", "up")
    _ip("link", "add", "name", _BRIDGE, "type", "bridge")
    _ip("address", "add", f"{OUTSIDE}/24", "dev", _BRIDGE)
    _ip("link", "set", _BRIDGE, "up")
    for name, address in machines.items():
        _ip("netns", "add", name)
        _ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "host0", "netns", name)
        _ip("link", "set", f"to-{name}", "master", _BRIDGE, "up")
        _ip("-n", name, "address", "add", f"{address}/24", "dev", "host0")
        _ip("-n", name, "link", "set", "host0", "up")
        _ip("-n", name, "link", "set", "lo", "up")


def cut(name: str) -> None:
    """Pull a machine's cable."""
    _ip("link", "set", f"to-{name}", "down")


def join(name: str) -> None:
    """Plug it in again."""
    _ip("link", "set", f"to-{name}", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
