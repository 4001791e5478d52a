"""What can be seen of a server from outside, without logging on, and what it means. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from connector.doctor import shell
from connector.doctor.certificate import Certificate
from connector.doctor.findings import Finding, failed, passed, skipped


@dataclass(frozen=True, slots=True)
class Place:
    """A host and port as the configuration or Autodiscover names them, and the key of ``ca:`` that judges its certificate.

    ``exchange`` tells an Exchange server from the hub: their administrators are given other lines. One that does not speak
    ``http``, a directory, is not asked for the time.
    """

    host: str
    port: int
    ca_key: str
    exchange: bool = True
    http: bool = True

    @property
    def name(self) -> str:
        """``host:port``."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a place.

    ``addresses`` is what its name stands for, ``deaf`` those that could not be connected to. ``obstacle`` keeps from
    connecting: ``name-unknown``, ``port-closed``, ``no-answer``, ``proxy-refused``, "" when nothing does. ``distrust`` keeps from TLS: ``tls-expired``,
    ``tls-not-yet-valid``, ``tls-wrong-name``, ``tls-untrusted``, ``tls-failed``. ``date`` is the server's, with when it was
    read by our clock.
    """

    place: Place
    addresses: tuple[str, ...] = ()
    deaf: tuple[str, ...] = ()
    obstacle: str = ""
    distrust: str = ""
    words: str = ""
    certificate: Certificate | None = None
    protocol: str = ""
    date: datetime | None = None
    read_at: datetime | None = None

    @property
    def clear(self) -> bool:
        """Whether requests would get through to it."""
        return not self.obstacle and not self.distrust


def judge(sight: Sight, now: datetime, warning: timedelta) -> Iterator[Finding]:
    """Route, then certificate."""
    yield route(sight)
    yield trust(sight, now, warning)


def route(sight: Sight) -> Finding:
    """Whether the name stands for an address, and whether something listens there."""
    place = sight.place
    if sight.obstacle:
        sentence, advice, paste = _OBSTACLES[sight.obstacle](sight)
        return failed("route", place.name, sight.obstacle, sentence, advice, *paste)
    good = [one for one in sight.addresses if one not in sight.deaf]
    sentence = f"{place.host} is {', '.join(good)}, port {place.port} is open"
    if sight.deaf:
        advice = f"{', '.join(sight.deaf)} does not answer; take it out of DNS, or mend it"
        return passed("route", place.name, sentence, advice)
    return passed("route", place.name, sentence)


def _name_unknown(sight: Sight) -> tuple[str, str, tuple[str, ...]]:
    host = sight.place.host
    lines = (f"getent ahosts {host}", *(shell.published_names() if sight.place.exchange else ()))
    return f"DNS knows no {host}", "Correct the name in the configuration, or add it to DNS.", lines


def _port_closed(sight: Sight) -> tuple[str, str, tuple[str, ...]]:
    place = sight.place
    sentence = f"{', '.join(sight.addresses)} refuses connections to port {place.port}"
    advice = "The machine is there and nothing listens: start the service, or correct the port."
    return sentence, advice, shell.web_services(place.host) if place.exchange else ()


def _no_answer(sight: Sight) -> tuple[str, str, tuple[str, ...]]:
    place = sight.place
    sentence = f"{', '.join(sight.addresses)} does not answer on port {place.port}"
    advice = f"Open TCP {place.port} to {place.host} in the firewall, or switch the machine on."
    return sentence, advice, ("calendar-connector doctor --firewall",)


def _proxy_refused(sight: Sight) -> tuple[str, str, tuple[str, ...]]:
    sentence = f"the proxy does not connect to {sight.place.name}: {sight.words}"
    return sentence, "Allow the host at the proxy; its address and password are `proxies:` and a secret.", ()


_OBSTACLES = {
    "name-unknown": _name_unknown,
    "port-closed": _port_closed,
    "no-answer": _no_answer,
    "proxy-refused": _proxy_refused,
}


def trust(sight: Sight, now: datetime, warning: timedelta) -> Finding:
    """Whether the certificate is believed, and for how long."""
    place, seen = sight.place, sight.certificate
    if sight.obstacle:
        return skipped("certificate", place.name, "there is no connection to look at")
    if sight.distrust:
        sentence, advice = _distrust(sight, now)
        return failed("certificate", place.name, sight.distrust, sentence, advice, *_renewal(sight))
    if seen is None:
        return skipped("certificate", place.name, "the server showed none")
    sentence = f"{sight.protocol}, issued by {seen.issuer}, valid until {seen.ends:%Y-%m-%d}"
    if seen.soon(now, warning):
        return passed(
            "certificate", place.name, sentence, f"It ends in {seen.days(now)} days.", *_renewal(sight)
        )
    return passed("certificate", place.name, sentence)


def _distrust(sight: Sight, now: datetime) -> tuple[str, str]:
    place, seen = sight.place, sight.certificate
    if seen is None:
        return f"TLS could not be agreed on: {sight.words}", "TLS 1.2 or newer is needed on the server."
    match sight.distrust:
        case "tls-expired":
            return f"the certificate ended on {seen.ends:%Y-%m-%d}", "Renew it on the server."
        case "tls-not-yet-valid":
            since = f"{seen.starts:%Y-%m-%d %H:%M} UTC"
            return f"the certificate begins on {since}; here it is {now:%Y-%m-%d %H:%M} UTC", "Set the clock."
        case "tls-wrong-name":
            names = ", ".join(seen.names) or "no name at all"
            return (
                f"the certificate is for {names}, not for {place.host}",
                "Use one of its names, or renew it.",
            )
    sentence = f"the certificate was issued by {seen.issuer}, which is not trusted here ({sight.words})"
    return sentence, f"Save the PEM certificate of {seen.issuer} in a file and name that as `{place.ca_key}`."


def _renewal(sight: Sight) -> tuple[str, ...]:
    if not sight.place.exchange or sight.certificate is None:
        return ()
    return shell.certificate(sight.certificate.thumbprint)
