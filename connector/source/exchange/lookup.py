"""SRV records by DNS, for Autodiscover's last resort (RFC 2782; Microsoft, "Generate a list of Autodiscover endpoints")."""

from __future__ import annotations

from collections.abc import Sequence

import dns.exception
import dns.resolver
from dns.rdtypes.IN.SRV import SRV

LIFETIME = 5.0
LIMIT = 10


class ServiceLookup:
    """Answers with the hosts of an SRV record; ``account.Services`` by the system's DNS servers."""

    def __init__(self, resolver: dns.resolver.Resolver | None = None) -> None:
        self._resolver = resolver

    def __call__(self, name: str) -> Sequence[str]:
        """Hosts with their port, best first; none when there is no record or no DNS."""
        try:
            resolver = self._resolver or dns.resolver.Resolver()
            answer = resolver.resolve(name, "SRV", lifetime=LIFETIME, search=False)
        except dns.exception.DNSException:
            return ()
        records = [record for record in answer if isinstance(record, SRV)]
        records.sort(key=lambda record: (record.priority, -record.weight))
        return [_host(record) for record in records[:LIMIT]]


def _host(record: SRV) -> str:
    name = record.target.to_text(omit_final_dot=True).lower()
    return name if record.port == 443 else f"{name}:{record.port}"
