"""Outbound to the hub, which carries messages it can't read (``connector.relay.carriage``): ask for requests, bring answers along."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version

import httpx
import structlog

from connector.errors import KeystoreError, Transient
from connector.keystore import files
from connector.kms.doors.counter import Counter
from connector.kms.settings import HubSettings
from connector.relay import carriage, strict
from connector.relay.carriage import Round, Service
from connector.tls import trusting

_log = structlog.get_logger(__name__)

LINES = 4
"""Requests held open at the hub at once."""
VIA = "hub"
LONGEST_SECONDS = 120
"""An answer that is not complete by then is given up."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
_TOKEN_BYTES = 4096
_TIMEOUT = httpx.Timeout(connect=10, read=carriage.HOLD_SECONDS + 15, write=30, pool=10)


@dataclass(slots=True)
class Health:
    """How the way to the hub is: told once when it changes. Shared by all lines."""

    up: bool | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def say(self, *, up: bool, reason: str = "") -> None:
        """Log a change."""
        with self._lock:
            changed, self.up = self.up != up, up
        if changed and up:
            _log.info("hub.reached")
        elif changed:
            _log.warning("hub.away", reason=reason)


class Uplink:
    """The key server's end. Raises ConfigError for files that can't be used."""

    def __init__(self, hub: HubSettings, host: str, counter: Counter) -> None:
        self._hub = hub
        self._url = hub.url.rstrip("/") + carriage.through_hub(host) + carriage.SERVE
        self._agent = f"calendar-connector-kms/{version('calendar-connector')} ({host})"
        self._counter = counter
        self._health = Health()
        self._client = httpx.Client(
            verify=trusting(hub.ca, setting="hub.ca"),
            proxy=hub.proxy or None,
            trust_env=False,
            follow_redirects=False,
            timeout=_TIMEOUT,
        )

    def start(self, stop: threading.Event) -> None:
        """Begin to serve; each line is a thread that ends with the process."""
        for number in range(LINES):
            threading.Thread(target=self.serve, args=(stop,), name=f"hub {number}", daemon=True).start()

    def serve(self, stop: threading.Event) -> None:
        """One line, until ``stop``. What the hub does wrong makes it wait, longer each time."""
        answers: Sequence[Round] = ()
        pause = FIRST_PAUSE
        while not stop.is_set():
            try:
                requests = self.exchange(answers)
            except Transient as trouble:
                self._health.say(up=False, reason=trouble.detail)
                answers = ()
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            self._health.say(up=True)
            pause = FIRST_PAUSE
            answers = self._answered(requests)

    def _answered(self, requests: Sequence[Round]) -> Sequence[Round]:
        """As at the other doors, a fault of ours costs the requests that met it their answer, and nobody else."""
        try:
            return self._counter.rounds(requests, VIA)
        except Exception as error:  # noqa: BLE001 - the line has to go on, whatever it is
            _log.error("door.fault", kind=type(error).__name__)
            return ()

    def exchange(self, answers: Sequence[Round]) -> tuple[Round, ...]:
        """Deliver answers, and wait for requests. Raises Transient."""
        service = Service(self._counter.static(), tuple(answers))
        body = strict.dump(carriage.write_service(service))
        try:
            with self._client.stream("POST", self._url, content=body, headers=self._headers()) as response:
                if response.status_code != 200:
                    raise Transient("unreachable", f"the hub answers {response.status_code}")
                return carriage.read_requests(_bounded(response))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError) as error:
            raise Transient("unreachable", type(error).__name__) from error

    def close(self) -> None:
        """Give up the connections."""
        self._client.close()

    def _headers(self) -> dict[str, str]:
        try:
            token = files.read_private(self._hub.token, _TOKEN_BYTES, mode=0o400) if self._hub.token else None
        except KeystoreError as error:
            raise Transient("credential-missing", str(error)) from error
        if token is None:
            raise Transient("credential-missing", f"there is no {self._hub.token}")
        return {
            "Authorization": f"Bearer {token.decode(errors='replace').strip()}",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": self._agent,
        }


def _bounded(response: httpx.Response) -> bytes:
    raw, ends = bytearray(), time.monotonic() + LONGEST_SECONDS
    for chunk in response.iter_raw():
        raw += chunk
        if len(raw) > strict.MAX_BODY or time.monotonic() > ends:
            raise strict.bad("the hub's answer does not end")
    return bytes(raw)
