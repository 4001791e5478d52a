"""The few answers that ``setup`` needs, from a file, and the configuration that they make."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path

import yaml

from connector.errors import ConfigError, Problem

LONGEST = 65536

_TOKEN_NAME = re.compile(r"cce_[^~]*~(.+)")


@dataclass(frozen=True, slots=True)
class Answers:
    """What was answered; "" where nothing was. The first five are the questions."""

    exchange: str = ""
    """The address of Exchange's web services (https://...), or a mail domain that Autodiscover is asked about."""
    account: str = ""
    """The service account."""
    password: str = field(default="", repr=False)
    """Its password."""
    hub: str = ""
    """The hub's address."""
    token: str = field(default="", repr=False)
    """The enrolment token of the hub."""
    instance: str = ""
    """This connector's name; else the one in the token, else this machine's."""
    domains: str = ""
    """Mail domains, separated by commas; else that of the account or of exchange."""
    exchange_ca: str = ""
    """PEM file of the authority behind Exchange's certificate; else the system's."""
    hub_ca: str = ""
    """The same of the hub's."""
    auth: str = ""
    """negotiate, ntlm or basic."""
    mode: str = ""
    """observe or active."""
    mailbox: str = ""
    """The first mailbox to activate."""

    def missing(self, needed: tuple[str, ...]) -> tuple[str, ...]:
        """Which of these are not answered."""
        return tuple(name for name in needed if not getattr(self, name))


QUESTIONS = ("exchange", "account", "password", "hub", "token")


def read_answers(path: Path) -> Answers:
    """Answers of a YAML file. Raises ConfigError with every problem; no sentence repeats what stands in the file."""
    try:
        with path.open("rb") as file:
            mode = path.stat().st_mode
            text = file.read(LONGEST + 1).decode()
        given = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        words = getattr(error, "strerror", None) or "it is no text"
        raise _refused(path, f"can't be read: {words}") from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", -1) + 1
        raise _refused(path, "this is no YAML", line) from None
    if mode & 0o077:
        raise _refused(path, f"it holds a password and is open to others; run: chmod 600 {path}")
    if len(text) > LONGEST or not isinstance(given, dict):
        raise _refused(path, "write one answer a line, such as: hub: https://hub.example.net")
    problems = tuple(_problems(given, str(path)))
    if problems:
        raise ConfigError(problems)
    return Answers(**{name: str(value) for name, value in given.items()})


def _problems(given: Mapping[object, object], file: str) -> Iterator[Problem]:
    known = [one.name for one in fields(Answers)]
    for name, value in given.items():
        if name not in known:
            yield Problem(f"{str(name)[:40]} is no question; there are {', '.join(known)}", file)
        elif not isinstance(value, str | int) or isinstance(value, bool):
            yield Problem(f"the answer {name} is no text; put it in quotes", file)


def _refused(path: Path, sentence: str, line: int = 0) -> ConfigError:
    return ConfigError((Problem(sentence, str(path), line),))


def configuration(given: Answers, ca: Mapping[str, Path]) -> str:
    """connector.yaml; ``ca`` names the files that were put in place for ``exchange`` and ``hub``."""
    quoted = json.dumps  # a JSON text is a YAML text
    lines = [
        "# Written by calendar-connector setup; yours from now on. What else may stand here: connector.yaml(5).",
        "# Passwords never stand here: calendar-connector secret set NAME",
        "",
        "version: 1",
        f"instance: {quoted(instance_of(given))}",
        f"mode: {given.mode or 'observe'}   # observe: read and report, write nothing; then: active",
        f"hub: {{url: {quoted(given.hub)}{_ca(ca, 'hub')}}}",
        "sources:",
        "  hq:",
        "    type: exchange",
        f"    domains: {quoted(domains_of(given))}",
        *([f"    url: {quoted(given.exchange)}"] if _is_url(given.exchange) else []),
        f"    auth: {given.auth or 'negotiate'}",
        f"    accounts: {{a: {{user: {quoted(given.account)}}}}}",
        *([f"    ca: {quoted(str(ca['exchange']))}"] if "exchange" in ca else []),
        "policies:",
        "  staff: {write: [], send: [subject, location, attendees, link], private: times-only, presence: state}",
        "",
    ]
    return "\n".join(lines)


def _ca(ca: Mapping[str, Path], name: str) -> str:
    return f", ca: {json.dumps(str(ca[name]))}" if name in ca else ""


def instance_of(given: Answers) -> str:
    """The name in the token is the one the hub expects."""
    named = _TOKEN_NAME.fullmatch(given.token)
    return given.instance or (named[1] if named else socket.getfqdn().lower())


def domains_of(given: Answers) -> list[str]:
    """The mail domains: answered, or what else was answered tells."""
    if given.domains:
        return [one.strip().lower() for one in given.domains.split(",") if one.strip()]
    if not _is_url(given.exchange):
        return [given.exchange.lower()]
    return [given.account.rpartition("@")[2].lower()]


def _is_url(text: str) -> bool:
    return text.startswith("https://")
