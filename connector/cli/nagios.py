"""``status --nagios``: one line and an exit code, as monitoring plugins give them (0 OK, 1 warning, 2 critical, 3 unknown)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connector.alarms.kinds import Severity, kind

OK, WARNING, CRITICAL, UNKNOWN = range(4)
WORDS = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def judged(facts: Mapping[str, Any]) -> tuple[int, str]:
    """Exit code and line for what ``status`` shows; figures stand behind a bar."""
    code, reason = _judge(facts)
    return code, f"{WORDS[code]}: {_flat(reason)} | {_figures(facts)}"


def unknown(sentence: str) -> tuple[int, str]:
    """Exit code and line when nothing can be said."""
    return UNKNOWN, f"{WORDS[UNKNOWN]}: {_flat(sentence)}"


def _judge(facts: Mapping[str, Any]) -> tuple[int, str]:
    if not facts["running"]:
        return CRITICAL, "the daemon is not running"
    worst = sorted((_weight(one), f"alarm {one['number']}: {one['sentence']}") for one in facts["alarms"])
    if worst:
        more = f" (and {len(worst) - 1} more)" if len(worst) > 1 else ""
        return worst[-1][0], worst[-1][1] + more
    if facts["healthy"]:
        return OK, f"{sum(facts['mailboxes'].values())} mailboxes, the hub is reached"
    if not facts["hub"]["up"]:
        return WARNING, f"the hub is not reached: {facts['hub']['problem'] or 'not yet greeted'}"
    troubles = facts["troubles"]
    return (
        WARNING,
        f"{len(troubles)} mailboxes in trouble" if troubles else "a server is left alone for a while",
    )


def _weight(alarm: Mapping[str, Any]) -> int:
    return WARNING if kind(alarm["number"]).severity is Severity.WARNING else CRITICAL


def _figures(facts: Mapping[str, Any]) -> str:
    outbox = facts["outbox"]
    return (
        f"mailboxes={sum(facts['mailboxes'].values())};;;0 lag={facts['lag_seconds']}s;;;0"
        f" outbox={outbox['waiting']};;;0 dead_letters={outbox['dead_letters']};;;0"
    )


def _flat(words: str) -> str:
    """One line without the character that begins the figures."""
    return " ".join(words.replace("|", "/").split())
