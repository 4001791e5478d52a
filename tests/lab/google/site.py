"""A whole site on loopback whose calendars are at Google, or at both: lab, hub, and the real daemon between them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from tests.lab.google.launch import LabGoogle
from tests.lab.site import INSTANCE, Site, _utc

SOURCE = """\
  brand:
    type: google
    domains: [{domain}, resource.calendar.google.com]
    reader: {reader}
    push: "{push}"
    keys: {keys}
    ca: {ca}
    resolve: {resolve}
    timing: {{debounce: 200ms, poll: {poll}, sweep: {sweep}, out_of_office: 1s}}
    limits: {{first_load: 100/s}}
{more}"""


class GoogleSite(Site):
    """Use as a context manager. With ``both`` the lab Exchange is there as well; ``source`` is more of the source's section."""

    def __init__(
        self,
        *,
        users: int = 3,
        both: bool = False,
        push: str = "off",
        poll: str = "1s",
        sweep: str = "15m",
        keys: tuple[str, ...] = (),
        source: str = "",
        **more: Any,
    ) -> None:
        absent = {} if both else {"exchange": {"dir": "not-started"}}
        super().__init__(**{**absent, **more})
        self.google = LabGoogle(users=users)
        self.both = both
        self.push, self.poll, self.sweep, self.key_names, self.more = push, poll, sweep, keys, source

    def __enter__(self) -> Self:
        """Start the lab and the hub, write the configuration, set the secrets; the daemon is not started yet."""
        try:
            if self.both:
                self.exchange.__enter__()
            self.google.__enter__()
            self.hub.__enter__()
            self.google.tell("/push", ca=str(self.hub.ca))
            self.write_config()
            for name in self.secret_names:
                self.cli("secret", "set", name, "--file", str(self.google.key_file))
            if self.both:
                self.cli("secret", "set", "exchange/hq/a", stdin=self.exchange.password)
            self.cli("secret", "set", "hub", stdin=self.hub.connector_token(INSTANCE))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop everything that was started."""
        self.kill()
        self.google.stop()
        super().__exit__(kind, error, trace)

    @property
    def secret_names(self) -> tuple[str, ...]:
        """Where the service account's keys are kept."""
        return tuple(f"google/brand/{key}" for key in self.key_names) or ("google/brand",)

    def configuration(self, **settings: str) -> str:
        """The lab's configuration."""
        google = SOURCE.format(
            domain=self.google.domain,
            reader=self.google.address(1),
            push=settings.pop("push", self.push),
            poll=settings.pop("poll", self.poll),
            sweep=self.sweep,
            keys=json.dumps(list(self.key_names)),
            ca=self.google.ca,
            resolve=json.dumps(self.google.resolve),
            more=self.more,
        )
        if self.both:
            whole = super().configuration(**settings)
            return whole.replace("policies:\n", f"{google}policies:\n", 1)
        head, _, rest = self._of_exchange(settings).partition("sources:\n")
        _, _, policies = rest.partition("policies:\n")
        return f"{head}sources:\n{google}policies:\n{policies}"

    def _of_exchange(self, settings: dict[str, str]) -> str:
        """The common parts come from the other source's configuration; an Exchange that does not run has to be named for it."""
        exchange = self.exchange
        exchange.domain, exchange.account, exchange.port = "example.com", "nobody", 1
        exchange.ca = self.google.ca
        return super().configuration(**settings)

    def truth(self, address: str) -> list[tuple[str, ...]]:
        """The calendar for the window the connector keeps, whichever source it is in."""
        if not address.endswith(f"@{self.google.domain}"):
            return super().truth(address)
        midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        rows = self.google.truth(address, midnight - timedelta(days=7), midnight + timedelta(days=32))
        return sorted(
            (_utc(row["start"]), _utc(row["end"]), row["subject"], row["location"].strip()) for row in rows
        )

    def rows(self, address: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """The calendar between two times, whichever source it is in."""
        if not address.endswith(f"@{self.google.domain}"):
            return super().rows(address, start, end)
        return list(self.google.truth(address, start, end))

    def follows(self, address: str, seconds: float = 20) -> float:
        """Wait until the hub's list equals the calendar; the seconds it took."""
        keys = self.keys(address)
        return self.wait(lambda: self.agrees(address, keys), f"the list of {address}", seconds)
