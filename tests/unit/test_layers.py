"""Who may import whom: the layers, kept by walking the imports of every module."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PURE = ("connector.model", "connector.errors", "connector.reasons")

PORTS = (
    "connector.source.base",
    "connector.store.base",
    "connector.seal.base",
    "connector.relay.base",
    "connector.roster.base",
    "connector.conference.base",
)
SEALING = (
    "connector.seal.fields",
    "connector.seal.envelope",
    "connector.seal.digest",
    "connector.seal.commands",
    "connector.seal.jwe",
    "connector.seal.opening",
)
TLS = ("connector.tls",)
"""What every adapter that opens a connection trusts."""
WIRE = ("connector.relay.wire", "connector.relay.strict", "connector.relay.carriage")
PURE_SYNC = (
    "connector.sync.state",
    "connector.sync.reconcile",
    "connector.sync.window",
    "connector.sync.agenda",
)
IMPURE = {
    "socket",
    "threading",
    "subprocess",
    "sqlite3",
    "os",
    "pathlib",
    "time",
    "logging",
    "structlog",
    "httpx",
}


@dataclass(frozen=True)
class Layer:
    """Modules under ``prefix`` may import of ours only what begins with one of ``allowed``."""

    prefix: str
    allowed: tuple[str, ...]


LAYERS = [
    Layer("connector.model", ("connector.model",)),
    Layer("connector.errors", ()),
    Layer("connector.reasons", ()),
    *(Layer(port, (*PURE, *PORTS)) for port in PORTS),
    *(Layer(module, (*PURE, "connector.relay.base", "connector.relay.strict")) for module in WIRE),
    *(Layer(module, (*PURE, *SEALING)) for module in SEALING),
    *(Layer(module, PURE) for module in PURE_SYNC),
    Layer("connector.sync.orders", PURE),
    Layer("connector.sync.roster", PURE),
    Layer("connector.meeting", (*PURE, "connector.meeting")),
    Layer("connector.sync", (*PURE, *PORTS, *SEALING, *WIRE, "connector.sync", "connector.meeting")),
    Layer("connector.relay.sender", (*PURE, *PORTS, *WIRE, "connector.relay.backoff")),
    Layer("connector.relay.receiver", (*PURE, *PORTS, *WIRE, "connector.relay.backoff")),
    Layer("connector.tls", PURE),
    Layer("connector.relay", (*PURE, *TLS, "connector.relay")),
    Layer("connector.seal.kmswire", (*PURE, "connector.seal.kmswire")),
    Layer("connector.seal.kms_client", (*PURE, *WIRE, "connector.seal")),
    Layer("connector.seal.state", (*PURE, "connector.store.base", "connector.seal")),
    Layer("connector.seal", (*PURE, "connector.seal")),
    Layer("connector.store", (*PURE, "connector.store", "connector.source.base")),
    Layer("connector.source.exchange", (*PURE, *TLS, "connector.source.base", "connector.source.exchange")),
    Layer("connector.source.google", (*PURE, *TLS, "connector.source.base", "connector.source.google")),
    Layer("connector.conference", (*PURE, *TLS, "connector.conference")),
    Layer("connector.server", (*PURE, "connector.server")),
    Layer(
        "connector.kms.cli",
        (*PURE, "connector.kms", "connector.cli", "connector.daemon.hardening", "connector.server"),
    ),
    Layer(
        "connector.kms",
        (
            *PURE,
            *TLS,
            *WIRE,
            "connector.relay.base",
            "connector.seal.kmswire",
            "connector.kms",
            "connector.server",
            "connector.log",
            "connector.keystore.files",
        ),
    ),
    Layer("connector.source.memory_calendar", PURE),
    Layer("connector.source.memory_answers", (*PURE, "connector.source.memory_calendar")),
    Layer(
        "connector.source.memory",
        (
            *PURE,
            "connector.source.base",
            "connector.source.memory_answers",
            "connector.source.memory_calendar",
        ),
    ),
    Layer("connector.roster", (*PURE, *TLS, "connector.roster")),
    Layer("connector.hub.cli", (*PURE, "connector.hub", "connector.cli", "connector.server")),
    Layer(
        "connector.hub",
        (
            *PURE,
            *WIRE,
            "connector.relay.base",
            "connector.enrolment.proof",
            "connector.enrolment.wire",
            "connector.hub",
            "connector.server",
        ),
    ),
    Layer("connector.enrolment.proof", PURE),
    Layer("connector.enrolment.wire", (*PURE, *WIRE, "connector.enrolment.proof")),
    Layer(
        "connector.enrolment",
        (*PURE, *TLS, *WIRE, "connector.relay.answers", "connector.relay.far_end", "connector.enrolment"),
    ),
    Layer("connector.config", (*PURE, "connector.config")),
    Layer("connector.doctor", (*PURE, "connector.doctor")),
    Layer("connector.keystore", (*PURE, "connector.keystore")),
    Layer("connector.metrics", (*PURE, "connector.metrics")),
    Layer("connector.backup", (*PURE, "connector.backup", "connector.keystore.files")),
]

HOMES = {
    "exchangelib": "connector.source.exchange",
    "yaml": "connector.config",
    "sqlite3": ("connector.store", "connector.server", "connector.hub", "connector.kms"),
    "h11": "connector.source.exchange",
    "httpx": (
        "connector.relay.http",
        "connector.enrolment.client",
        "connector.alarms.webhook",
        "connector.conference",
        "connector.source.google",
        "connector.seal.kms_client",
        "connector.kms",
    ),
    "httpcore": "connector.source.google",
    "websockets": ("connector.relay.websocket", "connector.kms"),
    "google": "connector.source.google",
    "ldap3": "connector.roster",
    "prometheus_client": "connector.metrics",
    "joserfc": ("connector.backup", "connector.conference", "connector.seal", "connector.kms"),
    "jinja2": ("connector.conference", "connector.meeting.invitation", "connector.config.placeholders"),
    "pkcs11": "connector.kms",
    "starlette": "connector.hub",
    "uvicorn": "connector.hub",
    "apscheduler": "connector.daemon.jobs",
    "click": ("connector.cli", "connector.hub.cli", "connector.kms.cli"),
}
"""One library, one home."""


def modules() -> dict[str, Path]:
    """Every module of the product by its dotted name."""
    found = {}
    for path in sorted((ROOT / "connector").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(path: Path) -> Iterator[str]:
    """Dotted names that a file imports, those inside functions included."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def inside(name: str, prefix: str) -> bool:
    """Whether a module is the prefix or lies below it."""
    return name == prefix or name.startswith(prefix + ".")


def layer_of(name: str) -> Layer | None:
    """The first, that is the most special, layer a module belongs to."""
    return next((layer for layer in LAYERS if inside(name, layer.prefix)), None)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_imports_only_what_its_layer_may(name: str) -> None:
    """A core that knew an adapter, or an adapter that knew another, could not be read alone."""
    layer = layer_of(name)
    if layer is None:
        pytest.skip("the composition root and the programs may import everything")
    ours = [one for one in imports(MODULES[name]) if inside(one, "connector") and one != name]
    wrong = [one for one in ours if not any(inside(one, allowed) for allowed in layer.allowed)]
    assert wrong == []


KMSWIRE = [name for name in MODULES if inside(name, "connector.seal.kmswire")]


@pytest.mark.parametrize(
    "name", [*PURE_SYNC, "connector.sync.orders", "connector.sync.roster", *SEALING, *KMSWIRE]
)
def test_a_pure_module_touches_no_clock_file_thread_or_log(name: str) -> None:
    """What decides is a function of what it is given."""
    found = {one.partition(".")[0] for one in imports(MODULES[name])}
    assert found & IMPURE == set()


@pytest.mark.parametrize("library", HOMES)
def test_one_library_has_one_home(library: str) -> None:
    """Replacing a library means reading one folder."""
    homes = HOMES[library]
    homes = (homes,) if isinstance(homes, str) else homes
    users = [
        name
        for name, path in MODULES.items()
        if any(inside(one, library) for one in imports(path))
        and not any(inside(name, home) for home in homes)
    ]
    assert users == []


def test_only_the_composition_root_imports_adapters() -> None:
    """Which adapter stands behind a port is decided in one place."""
    adapters = (
        "connector.source.exchange.source",
        "connector.store.sqlite",
        "connector.seal.local",
        "connector.seal.kms_client",
        "connector.relay.http",
        "connector.roster.csvfile",
    )
    wrong = [
        (name, one)
        for name, path in MODULES.items()
        if not inside(name, "connector.app")
        for one in imports(path)
        for adapter in adapters
        if inside(one, adapter) and not inside(name, adapter.rpartition(".")[0])
    ]
    assert wrong == []
